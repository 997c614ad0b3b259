"""Whose numbers are verified: accounts with ordinary mobile numbers of the simulated network, and their codes.

The bench made the server's keys, so it reads no inbox: it derives the one-time codes as the server does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from numseal.adapters.operators.simulator.operators import OPERATORS, load_plan
from numseal.adapters.operators.simulator.population import Population
from numseal.adapters.signers.secret_file import read_secret
from numseal.domain import otp
from numseal.domain.evidence import LineType
from numseal.domain.simulation import SubscriptionState

_STRIDE = 7_919
"""A prime: steps of it visit every number of a range once, far from each other."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An account and its number."""

    account_id: str
    phone_number: str


def subjects(seed: int) -> Iterator[Subject]:
    """Yield ordinary subjects, all different, over all mobile ranges: active, not ported, at home, not forwarding."""
    population = Population(seed, {profile.info.operator_id: profile for profile in OPERATORS})
    ranges = load_plan().ranges()
    for step in range(1_000_000):
        item = ranges[step % len(ranges)]
        free = item.length + 1 - len(item.prefix)
        number = f"{item.prefix}{step * _STRIDE % 10**free:0{free}d}"
        drawn = population.draw(number, item.prefix, item.operator_id)
        if (
            drawn.line_type is LineType.MOBILE
            and drawn.state is SubscriptionState.ACTIVE
            and drawn.operator_id == item.operator_id
            and drawn.serving_plmn == drawn.plmn
            and not drawn.forwarding
            and not drawn.home_routed
        ):
            yield Subject(f"account-{number[1:]}", number)


def code_key(master_file: Path) -> bytes:
    """Derive the key of one-time codes from the server's master key."""
    return HKDF(SHA256(), 32, salt=None, info=b"numseal/v1 one-time codes").derive(read_secret(master_file))


def code_of(key: bytes, verification_id: str) -> str:
    """Return a verification's first code."""
    return otp.code_of(key, verification_id, 1)
