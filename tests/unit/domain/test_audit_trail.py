import hashlib
from dataclasses import replace

import pytest

from numseal.domain.audit_trail import BEGINNING, AuditEvent, Deed, first_break, next_event

DEED = Deed("ada", "EndAgreement", "agreements/a-1", '{"reason":"да"}')


def trail(count: int) -> list[AuditEvent]:
    events: list[AuditEvent] = []
    for number in range(count):
        tail = (events[-1].sequence, events[-1].chain_hash) if events else None
        events.append(next_event(tail, replace(DEED, action=f"Action{number}"), 1_000 + number))
    return events


def test_the_first_event_is_chained_to_the_beginning() -> None:
    content = (
        '{"action":"EndAgreement","administrator_id":"ada","detail":"{\\"reason\\":\\"да\\"}",'
        '"resource":"agreements/a-1","sequence":1,"time":1000}'
    )
    event = next_event(None, DEED, 1_000)
    assert event.chain_hash == hashlib.sha256(BEGINNING + content.encode()).digest()


def test_a_whole_trail_has_no_break() -> None:
    assert first_break(trail(4)) is None
    assert first_break([]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"time": 1},
        {"administrator_id": "bob"},
        {"action": "Other"},
        {"resource": "agreements/a-2"},
        {"detail": "{}"},
        {"chain_hash": bytes(32)},
        {"sequence": 9},
    ],
)
@pytest.mark.parametrize("at", [0, 2])
def test_a_changed_event_is_found(at: int, change: dict[str, object]) -> None:
    events = trail(4)
    events[at] = replace(events[at], **change)  # type: ignore[arg-type]
    assert first_break(events) == at + 1


@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_event_that_is_left_out_or_moved_is_found(at: int) -> None:
    events = trail(4)
    assert first_break(events[:at] + events[at + 1 :]) == at + 1
    events[at], events[at + 1] = events[at + 1], events[at]
    assert first_break(events) == at + 1
