"""Remembers what became of orders by their request ids, so that a repeated one is sent once, within this process."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from numseal.domain.operator import CodeOrder, CodeSent
from numseal.ports.operator_backend import OperatorError

WINDOW = 86_400
"""Seconds an answer is remembered."""

KEPT = 100_000
"""Answers that are remembered at most; the oldest is forgotten for another."""

Answer = CodeSent | OperatorError


@dataclass(slots=True)
class Asked:
    """One order: when it came, its fingerprint, and the answer, or the task that makes it."""

    time: int
    fingerprint: int
    task: asyncio.Task[Answer] | None
    answer: Answer | None = None


class Answers:
    """Owns the newest answers, and the orders under way."""

    def __init__(self) -> None:
        """Begin with none."""
        self._asked: OrderedDict[str, Asked] = OrderedDict()

    def recall(self, order: CodeOrder, now: int) -> Asked | None:
        """Return what is known of an order, None for one not seen in 24 hours; raise `OperatorError` for another order.

        An order that expires at another time is the same: who repeats it after a while expects an answer all the same.
        """
        asked = self._asked.get(order.request_id)
        if asked is None or (asked.task is None and now - asked.time >= WINDOW):
            return None
        if asked.fingerprint != _fingerprint(order):
            raise OperatorError("REQUEST_ID_REUSED", "the request_id was used for another order")
        return asked

    def begin(self, order: CodeOrder, task: asyncio.Task[Answer], now: int) -> None:
        """Remember that an order is under way."""
        self._asked[order.request_id] = Asked(now, _fingerprint(order), task)
        self._asked.move_to_end(order.request_id)
        while len(self._asked) > KEPT or self._old(now):
            self._asked.popitem(last=False)

    def end(self, request_id: str, answer: Answer) -> None:
        """Remember an answer, but not a failure that certainly sent nothing: who asks again then gets another try."""
        asked = self._asked.get(request_id)
        if asked is None:
            return
        if isinstance(answer, OperatorError) and not answer.sent:
            del self._asked[request_id]
        else:
            asked.task, asked.answer = None, answer

    def under_way(self) -> list[asyncio.Task[Answer]]:
        """Return the tasks that make answers now."""
        return [asked.task for asked in self._asked.values() if asked.task is not None]

    def _old(self, now: int) -> bool:
        oldest = next(iter(self._asked.values()))
        return oldest.task is None and now - oldest.time >= WINDOW


def _fingerprint(order: CodeOrder) -> int:
    """Return a hash of what is ordered, under the process's own key: no code is kept in memory for a day."""
    return hash((order.phone_number, order.method, order.sender_id, order.locale, order.agreement_id, order.text))
