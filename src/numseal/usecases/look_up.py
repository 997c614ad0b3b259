"""Look a number up at its operator. The answer is evidence, or evidence that there was none; never an exception."""

from numseal.domain.evidence import Lookup
from numseal.domain.operator import LookupRequest, Phase
from numseal.usecases.ask_operator import AskOperator

BEFORE_TIMEOUT = 1.5
AFTER_TIMEOUT = 3.0
"""Seconds an operator has to answer, before the code and after it."""


class LookUp:
    """Asks an operator about a number, as long as the phase of the verification allows."""

    def __init__(self, ask: AskOperator) -> None:
        """Take the one who asks."""
        self._ask = ask

    async def __call__(self, operator_id: str, request: LookupRequest) -> Lookup:
        """Return the operator's answer; UNANSWERED where it failed, was too slow, or answered what cannot be."""
        timeout = BEFORE_TIMEOUT if request.phase is Phase.BEFORE else AFTER_TIMEOUT
        return await self._ask.look_up(operator_id, request, timeout)
