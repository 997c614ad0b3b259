"""A running server as tests see it, and its second relying party."""

import hashlib
from dataclasses import dataclass, replace

from fakes.clock import FakeClock
from fakes.messenger import Messenger
from numseal.apps.config import Config
from numseal.apps.development import Development
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.agreement import Agreement
from numseal.domain.relying_party import RelyingParty

NOW = 1_790_000_000
OTHER_TOKEN = "the-other-messenger's-token"


@dataclass(frozen=True, slots=True)
class World:
    """A running server: two relying parties, its clock, its public keys."""

    messenger: Messenger
    other: Messenger
    clock: FakeClock
    keys: PublicKeys
    http: str
    grpc: str
    setup: Development


def with_other_party(config: Config) -> Config:
    """Add a second relying party with agreements of its own, and none with Kcell."""
    first = config.relying_parties[0]
    other = replace(
        first,
        party=RelyingParty("other-messenger", "Other Messenger", first.party.apps),
        token_sha256=frozenset({hashlib.sha256(OTHER_TOKEN.encode()).hexdigest()}),
    )
    agreements = tuple(
        Agreement(f"other-{item.operator_id}", "other-messenger", item.operator_id, item.valid_from, item.valid_until)
        for item in config.agreements
        if item.operator_id != "kcell"
    )
    return replace(
        config, relying_parties=(*config.relying_parties, other), agreements=(*config.agreements, *agreements)
    )
