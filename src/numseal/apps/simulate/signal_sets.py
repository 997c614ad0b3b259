"""Operators that tell less: the same network as seen by a relying party that buys fewer signals."""

from collections.abc import Mapping
from dataclasses import replace

from numseal.adapters.operators.simulator.operators import OPERATORS, OperatorProfile
from numseal.domain.evidence import SIGNAL_NAMES

HLR = frozenset(
    {"line_type", "sim_ref", "sms_service", "voice_service", "data_service", "reachability", "serving", "last_seen"}
)
"""What an HLR query gives: the line, the IMSI's fingerprint, services, where and whether the handset is registered."""

_TOLD: Mapping[str, frozenset[str]] = {"code": frozenset(), "hlr": HLR, "all": frozenset(SIGNAL_NAMES)}
SIGNAL_SETS = tuple(_TOLD)
"""A code only; code and HLR; everything, with events and network proof."""


def profiles_for(signals: str) -> tuple[OperatorProfile, ...]:
    """Return the simulated operators as a signal set shows them; events and network proof belong to `all`."""
    if signals == "all":
        return OPERATORS
    hidden = frozenset(SIGNAL_NAMES) - _TOLD[signals]
    return tuple(
        replace(profile, unsupported=profile.unsupported | hidden, events=(), recognizes_sims=False)
        for profile in OPERATORS
    )
