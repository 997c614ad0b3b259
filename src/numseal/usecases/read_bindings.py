"""Read bindings of their relying party, one or page by page."""

from collections.abc import Collection

from numseal.attestation.bundle import Bundle
from numseal.domain.binding import Binding, BindingState
from numseal.domain.errors import invalid
from numseal.ports.store import Store
from numseal.usecases.find_binding import find_binding
from numseal.usecases.find_verification import check_id
from numseal.usecases.issue import Issue

DEFAULT_PAGE, MAX_PAGE = 50, 1_000


class ReadBindings:
    """Reads bindings."""

    def __init__(self, *, store: Store, issue: Issue) -> None:
        """Take what it needs by name."""
        self._store = store
        self._issue = issue

    async def one(self, relying_party: str, binding_id: str, *, with_bundle: bool) -> tuple[Binding, Bundle | None]:
        """Return a binding and, if asked, its bundle; raises Refusal where there is none."""
        found = await find_binding(self._store, relying_party, binding_id)
        return found, await self._issue.bundle(found.jti) if with_bundle else None

    async def page(
        self,
        relying_party: str,
        *,
        account_id: str,
        phone_number: str,
        states: Collection[BindingState],
        page_size: int,
        page_token: str,
    ) -> tuple[list[Binding], str]:
        """Return bindings in the order of their making and the token of the next page, empty after the last.

        Empty `account_id`, `phone_number` (E.164) and `states` do not filter. A page may be short where much is
        filtered out; only an empty token ends the listing.
        """
        if page_size < 0:
            raise invalid("page_size", "PAGE_SIZE_NEGATIVE", f"page_size: 0 to {MAX_PAGE} are expected")
        if page_token:
            check_id(page_token, "page_token")
        size = min(page_size or DEFAULT_PAGE, MAX_PAGE)
        found = await self._store.list_bindings(relying_party, account_id, size, page_token)
        token = found[-1].binding_id if len(found) == size else ""
        kept = [
            binding
            for binding in found
            if (not states or binding.state in states) and (not phone_number or binding.phone_number == phone_number)
        ]
        return kept, token
