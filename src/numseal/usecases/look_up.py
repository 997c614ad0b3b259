"""Look a number up at its operator. The answer is evidence, or evidence that there was none; never an exception."""

from collections.abc import Iterable
from dataclasses import replace

from numseal.domain.evidence import SIGNAL_NAMES, Lookup, Meta, Signal, SignalState, Subscriber
from numseal.domain.number_plan import OperatorInfo
from numseal.domain.operator import LookupRequest, Phase
from numseal.usecases.ask_operator import AskOperator

BEFORE_TIMEOUT = 1.5
AFTER_TIMEOUT = 3.0
"""Seconds an operator has to answer, before the code and after it."""


_NOT_ASKED: Signal[object] = Signal(Meta(SignalState.NOT_SUPPORTED))


class LookUp:
    """Asks an operator about a number, as long as the phase of the verification allows."""

    def __init__(self, ask: AskOperator, operators: Iterable[OperatorInfo] = ()) -> None:
        """Take the one who asks, and the operators that can be asked, with the networks they are configured with."""
        self._ask = ask
        self._by_plmn: dict[str, str] = {}
        for operator in operators:
            for plmn in {str(plmn) for plmn in operator.plmns}:
                # Virtual operators share networks: one that two have leads to neither.
                self._by_plmn[plmn] = "" if plmn in self._by_plmn else operator.operator_id

    async def __call__(self, operator_id: str, request: LookupRequest) -> Lookup:
        """Return the operator's answer; UNANSWERED where it failed, was too slow, or answered what cannot be."""
        timeout = BEFORE_TIMEOUT if request.phase is Phase.BEFORE else AFTER_TIMEOUT
        answer = await self._ask.look_up(operator_id, request, timeout)
        return answer if len(request.signals) == len(SIGNAL_NAMES) else _asked_for(answer, request.signals)

    async def carried_to(self, ported: Lookup) -> str:
        """Return the id of the operator that a PORTED answer leads to, empty where that cannot be said.

        By a network's code alone only where exactly one operator is configured with it. What operators say of
        themselves counts for nothing here: one that lies, or is down, would lead others' numbers astray. Whoever else
        may share the code cannot be asked; the one that is asked says itself whether the number is its own.
        """
        return ported.ported_to or self._by_plmn.get(ported.ported_plmn, "")


def _asked_for(answer: Lookup, signals: tuple[str, ...]) -> Lookup:
    """Leave out what an operator tells beyond what it was asked: no agreement covers that, so nothing rests on it."""
    found = answer.subscriber
    if found is None:
        return answer
    told = {name: signal if name in signals else _NOT_ASKED for name, signal in found.signals()}
    return replace(answer, subscriber=Subscriber(**told))  # type: ignore[arg-type]
