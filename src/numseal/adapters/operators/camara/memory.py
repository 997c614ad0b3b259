"""Remembers answers by request id, since CAMARA does not: what is asked twice of this process is done once."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from numseal.ports.operator_backend import OperatorError

WINDOW = 86_400
"""Seconds that an answer is remembered."""

LIMIT = 10_000

Q = TypeVar("Q", bound=Hashable)
A = TypeVar("A")


class Answers(Generic[Q, A]):
    """Owns the newest 10,000 answers to one kind of question, in this process's memory.

    A question is remembered by its hash: numbers and codes are not kept.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._answers: OrderedDict[str, tuple[int, int, A]] = OrderedDict()

    def recall(self, request_id: str, question: Q, now: int) -> A | None:
        """Return the answer given within a day; raise `OperatorError` where the id had another question."""
        found = self._answers.get(request_id)
        if found is None or now - found[0] >= WINDOW:
            return None
        if found[1] != hash(question):
            raise OperatorError("REQUEST_ID_REUSED", "the request_id was used for another request")
        return found[2]

    def keep(self, request_id: str, question: Q, answer: A, now: int) -> A:
        """Remember and return the answer."""
        self._answers[request_id] = (now, hash(question), answer)
        self._answers.move_to_end(request_id)
        while len(self._answers) > LIMIT:
            self._answers.popitem(last=False)
        return answer
