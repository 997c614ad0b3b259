"""What a check is: an id, a title, the clause it rests on, and a function that puts the question to a backend."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from numseal.conformance.clause import Clause
from numseal.conformance.kit import Kit

CheckFunction = Callable[[Kit], Awaitable[str]]
"""Returns what was seen, empty for nothing worth saying; raises `Broken`, `DoesNotApply` or `CannotCheck`."""


class Lane(Enum):
    """Which checks may run beside which.

    FREE ones run beside all; WATCHES ones one after another, since they share a number's watch; LAST ones alone,
    after everything else, since they take all the backend has.
    """

    FREE = "free"
    WATCHES = "watches"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Check:
    """One check; `id` is "group.name"."""

    id: str
    title: str
    clause: Clause
    run: CheckFunction
    lane: Lane = Lane.FREE


def check(check_id: str, title: str, clause: Clause, lane: Lane = Lane.FREE) -> Callable[[CheckFunction], Check]:
    """Make a check of a function."""

    def make(run: CheckFunction) -> Check:
        return Check(check_id, title, clause, run, lane)

    return make
