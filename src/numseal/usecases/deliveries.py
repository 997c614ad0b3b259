"""What operators said of the codes they took, after they took them: kept in memory while a code may be entered.

A restart forgets; then a delivery is as the order was answered, which no rule reads as arrived.
"""

from collections import OrderedDict, defaultdict
from dataclasses import replace

from numseal.domain.evidence import DeliveryState
from numseal.domain.verification import Code, State, Verification

KEPT = 100_000
"""The newest deliveries of an operator that are kept: those of ten minutes at 160 codes a second."""


class Deliveries:
    """Owns the states of deliveries by operator and delivery id."""

    def __init__(self, kept: int = KEPT) -> None:
        """Keep the newest `kept` of each operator: none pushes out another's."""
        self._kept = kept
        self._states: defaultdict[str, OrderedDict[str, DeliveryState]] = defaultdict(OrderedDict)

    def tell(self, operator_id: str, delivery_id: str, state: DeliveryState) -> None:
        """Take what an operator says; DELIVERED and FAILED are final, a repeated earlier word does not undo them."""
        states = self._states[operator_id]
        if states.get(delivery_id) in _FINAL and state not in _FINAL:
            return
        states[delivery_id] = state
        if len(states) > self._kept:
            states.popitem(last=False)

    def known(self, operator_id: str, code: Code) -> DeliveryState:
        """Return the state of a code's delivery."""
        states = self._states.get(operator_id)
        return code.delivery_state if states is None else states.get(code.delivery_id, code.delivery_state)

    def upon(self, verification: Verification) -> Verification:
        """Return a verification with the states of its codes as they are known now."""
        if verification.state is not State.CODE_SENT:
            return verification
        operator_id = verification.opening.operator_id
        codes = tuple(
            code
            if (state := self.known(operator_id, code)) is code.delivery_state
            else replace(code, delivery_state=state)
            for code in verification.codes
        )
        return replace(verification, codes=codes)


_FINAL = frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED})
