"""One operator in three parts, as an operator is that has an SMSC, an HLR and CAMARA endpoints.

operator = in_three_parts(SimulatedOperator(network, "mts"), clock)   # "smsc", "hlr" and "camara"
whole = Whole(clock, a=able(signals=("port",)), b=OperatorError("DOWN", ""))   # of fakes that a test writes
await whole.operator.look_up(...)
whole["a"].found = [...]
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fakes.clock import FakeClock
from fakes.operator import FakeOperator, everything
from fakes.restricted import Restricted
from numseal.adapters.operators.composed.backend import ComposedOperator
from numseal.adapters.operators.composed.parts import Part
from numseal.adapters.operators.composed.settings import Settings
from numseal.domain.evidence import SIGNAL_NAMES, Method
from numseal.domain.operator import WATCHED_KINDS, Capabilities, EventKind
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorBackend

CODES = (Method.SMS, Method.VOICE, Method.OPERATOR_CODE)
SWAP = ("sim_change", "recycled")
STATE = tuple(name for name in SIGNAL_NAMES if name not in SWAP)


def three_parts(whole: OperatorBackend) -> Mapping[str, Restricted]:
    """Cut a backend up: codes and deliveries, the state and events of numbers, swaps and network checks."""
    return {
        "smsc": Restricted(whole, methods=CODES, events=(EventKind.DELIVERY,)),
        "hlr": Restricted(whole, signals=STATE, events=WATCHED_KINDS),
        # Nobody else gives the swap; what it gives besides, the part before it gives first.
        "camara": Restricted(whole, signals=(*SWAP, "reachability"), methods=(Method.NETWORK,)),
    }


def in_three_parts(whole: OperatorBackend, clock: Clock) -> ComposedOperator:
    """Put the three parts together again."""
    parts = [Part(name, part) for name, part in three_parts(whole).items()]
    return ComposedOperator(whole.operator_id, ("250-01",), parts, clock)


QUICK = Settings(before_timeout=0.05, after_timeout=0.2)


def able(**changes: Any) -> Capabilities:
    """Make the capabilities of a part that can do nothing but this."""
    nothing: dict[str, Any] = {"signals": (), "methods": (), "events": (), "event_retention": 0}
    return replace(everything("mts"), **{**nothing, **changes})


class Whole:
    """Fake parts by their names, in order, and the operator they make."""

    def __init__(self, clock: FakeClock, settings: Settings = QUICK, **told: Capabilities | Exception) -> None:
        self.fakes = {name: FakeOperator("mts", able=capabilities) for name, capabilities in told.items()}
        self.clock, self._settings = clock, settings
        self.operator = self.made(*told)

    def made(self, *names: str) -> ComposedOperator:
        """Make another operator of these parts in this order, as a restart may."""
        parts = [Part(name, self.fakes[name]) for name in names]
        return ComposedOperator("mts", ("250-01",), parts, self.clock, self._settings)

    def __getitem__(self, name: str) -> FakeOperator:
        return self.fakes[name]
