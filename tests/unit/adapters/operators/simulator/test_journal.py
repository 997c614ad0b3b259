"""How long events are kept, and what a cursor is good for."""

import pytest

from numseal.adapters.operators.simulator import journal as module
from numseal.adapters.operators.simulator.journal import RETENTION, Journal
from numseal.domain.operator import EventKind, OperatorEvent
from numseal.ports.operator_backend import CursorTooOldError

NOW = 1_750_000_000


def event(time: int = NOW) -> OperatorEvent:
    return OperatorEvent(EventKind.TERMINATED, "", time, event_id="e", watch_id="w", occur_time=time)


def filled(count: int) -> Journal:
    journal = Journal()
    for number in range(count):
        journal.append(event(NOW + number))
    return journal


def test_events_are_read_in_order_from_any_cursor() -> None:
    journal = filled(20)
    for number in range(20):
        found = journal.after(number)
        assert found is not None
        assert found.observe_time == NOW + number
        assert journal.position(found.cursor) == number + 1
    assert journal.after(20) is None


def test_no_cursor_is_the_present() -> None:
    journal = filled(3)
    assert journal.position("") == 3
    assert Journal().position("") == 0


@pytest.mark.parametrize("cursor", ["x", "-", "-1", "1", "{epoch}", "{epoch}-", "{epoch}-4", "{epoch}--1", "{epoch}-g"])
def test_a_cursor_that_was_not_given_out_is_too_old(cursor: str) -> None:
    journal = filled(3)
    epoch, _, _ = journal.cursor(0).partition("-")
    with pytest.raises(CursorTooOldError):
        journal.position(cursor.format(epoch=epoch))
    with pytest.raises(CursorTooOldError):
        journal.position(f"{epoch}-{'0' * 5_000}1")


def test_another_process_gives_other_cursors_and_ids() -> None:
    first, second = filled(3), filled(3)
    with pytest.raises(CursorTooOldError):
        second.position(first.cursor(1))
    ids = {first.new_id(), first.new_id(), second.new_id()}
    assert len(ids) == 3
    assert {len(item) for item in ids} == {28}


def test_only_so_many_events_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_EVENTS", 10)
    journal = filled(15)
    with pytest.raises(CursorTooOldError) as refused:
        journal.after(4)
    assert refused.value.oldest == journal.cursor(5)
    oldest = journal.after(5)
    assert oldest is not None
    assert oldest.observe_time == NOW + 5


def test_events_are_kept_so_long() -> None:
    journal = Journal()
    journal.append(event(NOW))
    journal.append(event(NOW + RETENTION))
    assert journal.after(0) is not None
    journal.append(event(NOW + RETENTION + 1))
    with pytest.raises(CursorTooOldError):
        journal.after(0)
    assert journal.after(1) is not None
