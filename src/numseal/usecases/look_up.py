"""Look a number up at its operator. The answer is evidence, or evidence that there was none; never an exception."""

import asyncio
from dataclasses import replace

from numseal.domain.evidence import SIGNAL_NAMES, Lookup, Meta, Signal, SignalState, Subscriber
from numseal.domain.operator import LookupRequest, Phase
from numseal.usecases.ask_operator import AskOperator

BEFORE_TIMEOUT = 1.5
AFTER_TIMEOUT = 3.0
"""Seconds an operator has to answer, before the code and after it."""


_NOT_ASKED: Signal[object] = Signal(Meta(SignalState.NOT_SUPPORTED))


class LookUp:
    """Asks an operator about a number, as long as the phase of the verification allows."""

    def __init__(self, ask: AskOperator) -> None:
        """Take the one who asks."""
        self._ask = ask

    async def __call__(self, operator_id: str, request: LookupRequest) -> Lookup:
        """Return the operator's answer; UNANSWERED where it failed, was too slow, or answered what cannot be."""
        timeout = BEFORE_TIMEOUT if request.phase is Phase.BEFORE else AFTER_TIMEOUT
        answer = await self._ask.look_up(operator_id, request, timeout)
        return answer if len(request.signals) == len(SIGNAL_NAMES) else _asked_for(answer, request.signals)

    async def carried_to(self, ported: Lookup) -> str:
        """Return the id of the operator that a PORTED answer leads to, empty where that cannot be said.

        By a network's code alone only where exactly one operator has it: virtual operators share codes, so that while
        one of all does not say which it has, none leads anywhere.
        """
        if ported.ported_to:
            return ported.ported_to
        told = await asyncio.gather(*(self._ask.capabilities(operator_id) for operator_id in self._ask.operators))
        having = [one for one in told if one is None or ported.ported_plmn in one.plmns]
        return having[0].operator_id if len(having) == 1 and having[0] is not None else ""


def _asked_for(answer: Lookup, signals: tuple[str, ...]) -> Lookup:
    """Leave out what an operator tells beyond what it was asked: no agreement covers that, so nothing rests on it."""
    found = answer.subscriber
    if found is None:
        return answer
    told = {name: signal if name in signals else _NOT_ASKED for name, signal in found.signals()}
    return replace(answer, subscriber=Subscriber(**told))  # type: ignore[arg-type]
