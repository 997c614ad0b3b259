"""Which numbers are watched, how long, and for what."""

import pytest

from fakes.orders import watch_order
from numseal.adapters.operators.simulator import watches as module
from numseal.adapters.operators.simulator.watches import Watches
from numseal.domain.operator import EventKind, Watch
from numseal.ports.operator_backend import OperatorError

NUMBER = "+79161234567"
NOW = 1_750_000_000


@pytest.mark.parametrize(
    ("first", "second", "ends"),
    [(NOW + 5, NOW + 9, NOW + 9), (NOW + 9, NOW + 5, NOW + 9), (NOW + 5, None, None), (None, NOW + 5, None)],
)
def test_a_watched_number_keeps_its_watch_and_gets_more_of_it(
    first: int | None, second: int | None, ends: int | None
) -> None:
    watches = Watches()
    watches.begin(watch_order(NUMBER, kinds=(EventKind.TERMINATED,), expire_time=first), "a", NOW)
    again = watches.begin(watch_order(NUMBER, kinds=(EventKind.PORT_OUT,), expire_time=second), "b", NOW)
    assert again == Watch("a", ends)
    found = watches.of(NUMBER, NOW)
    assert found is not None
    assert found.watch == again
    assert found.kinds == {EventKind.TERMINATED, EventKind.PORT_OUT}


def test_a_watch_ends_by_itself() -> None:
    watches = Watches()
    watches.begin(watch_order(NUMBER, expire_time=NOW + 5), "a", NOW)
    assert watches.of(NUMBER, NOW + 4) is not None
    assert watches.of(NUMBER, NOW + 5) is None
    assert watches.begin(watch_order(NUMBER), "b", NOW + 5) == Watch("b")


def test_a_watch_is_ended_by_number_or_name_as_often_as_wanted() -> None:
    watches = Watches()
    for _ in range(2):
        watches.begin(watch_order(NUMBER), "a", NOW)
        watches.end(NUMBER)
        watches.end(NUMBER)
        watches.end_watch("a")
        assert watches.of(NUMBER, NOW) is None
        watches.begin(watch_order(NUMBER), "b", NOW)
        watches.end_watch("a")
        assert watches.of(NUMBER, NOW) is not None
        watches.end_watch("b")
        watches.end_watch("b")
        assert watches.of(NUMBER, NOW) is None
    assert watches._numbers == {}


def test_there_are_at_most_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WATCHES", 2)
    watches = Watches()
    for number in ("1", "2", "1"):
        watches.begin(watch_order(number), number, NOW)
    with pytest.raises(OperatorError, match="at most 2 numbers"):
        watches.begin(watch_order("3"), "3", NOW)
