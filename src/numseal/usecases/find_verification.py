"""Find a verification for the relying party that opened it; anybody else's looks like none."""

import re

from numseal.domain.errors import invalid, not_found
from numseal.domain.verification import Verification
from numseal.ports.store import Store

_ID = re.compile(r"[0-9a-f]{32}")


def check_id(value: str, field: str) -> None:
    """Refuse what cannot be an id of ours."""
    if not _ID.fullmatch(value):
        reason = f"{field.upper()}_MALFORMED"
        raise invalid(field, reason, f"{field}: 32 lowercase hexadecimal digits are expected, as they were given out")


async def find_verification(store: Store, relying_party: str, verification_id: str) -> Verification:
    """Return the verification as stored; raises Refusal where the relying party has none by this id."""
    check_id(verification_id, "verification_id")
    found = await store.verification(verification_id)
    if found is None or found.opening.relying_party != relying_party:
        raise not_found("VERIFICATION_NOT_FOUND", "verification_id: the relying party has no such verification")
    return found
