"""Remembers answers by request id, so that a repeated request gets the same answer and is done once."""

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar

from numseal.ports.operator_backend import OperatorError

WINDOW = 86_400
"""Seconds an answer is remembered (the contract's 24 hours)."""


class _Request(Protocol):
    @property
    def request_id(self) -> str: ...


Q = TypeVar("Q", bound=_Request)
A = TypeVar("A")


class Answers(Generic[Q, A]):
    """Owns the newest `limit` answers of one call of one operator, in memory."""

    def __init__(self, limit: int) -> None:
        """Begin with none."""
        self._limit = limit
        self._answers: OrderedDict[str, tuple[int, Q, A]] = OrderedDict()

    def recall(self, request: Q, now: int) -> A | None:
        """Return the answer given within 24 hours; raise `OperatorError` where the id had another request."""
        found = self._answers.get(request.request_id)
        if found is None or now - found[0] >= WINDOW:
            return None
        if found[1] != request:
            raise OperatorError("REQUEST_ID_REUSED", "the request_id was used for another request")
        return found[2]

    def keep(self, request: Q, answer: A, now: int) -> A:
        """Remember and return the answer, and forget what is too old or too much."""
        self._answers[request.request_id] = (now, request, answer)
        self._answers.move_to_end(request.request_id)
        while len(self._answers) > self._limit or now - next(iter(self._answers.values()))[0] >= WINDOW:
            self._answers.popitem(last=False)
        return answer
