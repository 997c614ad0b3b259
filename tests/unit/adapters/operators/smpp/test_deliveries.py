"""Whose a receipt is, and what is told of a delivery."""

from dataclasses import dataclass, field

import pytest

from fakes.clock import FakeClock
from numseal.adapters.operators.smpp import deliveries as module
from numseal.adapters.operators.smpp.deliveries import EARLY, LATE, NO_RECEIPT, SETTLED, Deliveries, Delivery
from numseal.adapters.operators.smpp.health import Health, HealthLimits
from numseal.adapters.operators.smpp.message_ids import SHARING
from numseal.adapters.operators.smpp.receipts import Receipt
from numseal.domain.evidence import DeliveryState

NUMBER, OTHER = "79161234567", "79169999999"
DELIVERED, FAILED, UNKNOWN, ACCEPTED = (
    DeliveryState.DELIVERED,
    DeliveryState.FAILED,
    DeliveryState.UNKNOWN,
    DeliveryState.ACCEPTED,
)
TIMEOUT = 300


@dataclass
class Desk:
    """Deliveries, and what they told."""

    clock: FakeClock = field(default_factory=FakeClock)
    told: list[tuple[str, DeliveryState, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.health = Health(HealthLimits(0.5, 1, 1_000, 1_000), self.clock.monotonic)
        self.deliveries = Deliveries(TIMEOUT, self.clock.now, lambda *told: self.told.append(told))

    def sent(self, *ids: str, number: str = NUMBER, smsc: str = "one") -> Delivery:
        delivery = self.deliveries.begin(number, smsc, self.health, len(ids))
        for message_id in ids:
            self.deliveries.accepted(delivery, message_id)
        return delivery

    def receipt(
        self,
        *ids: str,
        state: DeliveryState = DELIVERED,
        number: str | None = NUMBER,
        error: str = "",
        smsc: str = "one",
    ) -> None:
        numbers = () if number is None else (number, "")
        self.deliveries.received(Receipt(ids, numbers, state, error), smsc)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_delivery_is_told_once(desk: Desk) -> None:
    delivery = desk.sent("17")
    for _ in range(3):
        desk.receipt("17")
    desk.receipt("17", state=FAILED, error="smpp:err=001")
    assert desk.told == [(delivery.delivery_id, DELIVERED, "")]
    assert desk.deliveries.state(delivery.delivery_id) is DELIVERED
    assert not desk.health.suspect


def test_a_failure_has_its_error(desk: Desk) -> None:
    delivery = desk.sent("17")
    desk.receipt("17", state=FAILED, error="smpp:err=001")
    desk.receipt("17")
    assert desk.told == [(delivery.delivery_id, FAILED, "smpp:err=001")]
    assert not desk.health.suspect


@pytest.mark.parametrize(("given", "told"), [("a0000001", "2684354561"), ("2684354561", "A0000001"), ("17", "0017")])
def test_an_id_may_be_told_in_another_way(desk: Desk, given: str, told: str) -> None:
    delivery = desk.sent(given)
    desk.receipt(told)
    assert desk.told == [(delivery.delivery_id, DELIVERED, "")]


def test_the_second_id_counts_where_nobody_has_the_first(desk: Desk) -> None:
    delivery = desk.sent("17")
    desk.receipt("unheard", "17")
    assert desk.told == [(delivery.delivery_id, DELIVERED, "")]


def test_a_number_decides_between_ids_that_read_alike(desk: Desk) -> None:
    mine, others = desk.sent("10"), desk.sent("16", number=OTHER)
    desk.receipt("16", number=NUMBER)
    desk.receipt("16", number=OTHER, state=FAILED)
    assert desk.told == [(mine.delivery_id, DELIVERED, ""), (others.delivery_id, FAILED, "")]


def test_habit_decides_where_the_number_does_not(desk: Desk) -> None:
    first = desk.sent("1f")
    desk.receipt("31")
    hexadecimal, decimal = desk.sent("10"), desk.sent("16")
    desk.receipt("16")
    assert [told[0] for told in desk.told] == [first.delivery_id, hexadecimal.delivery_id]
    desk.receipt("22")
    assert desk.told[-1][0] == decimal.delivery_id


def test_without_a_habit_the_same_text_is_meant(desk: Desk) -> None:
    desk.sent("10")
    same = desk.sent("16")
    desk.receipt("16")
    assert desk.told == [(same.delivery_id, DELIVERED, "")]


def test_each_smsc_has_ids_of_its_own(desk: Desk) -> None:
    desk.sent("17", smsc="one")
    desk.receipt("17", smsc="two")
    assert desk.told == []
    second = desk.sent("17", smsc="two")
    assert desk.told == [(second.delivery_id, DELIVERED, "")]


@pytest.mark.parametrize("number", [NUMBER, "9161234567", "89161234567", "0" + NUMBER, "1234567", None])
def test_numbers_that_may_be_it(desk: Desk, number: str | None) -> None:
    desk.sent("17")
    desk.receipt("17", number=number)
    assert len(desk.told) == 1


@pytest.mark.parametrize("number", [OTHER, "4567", "234567"])
def test_numbers_that_are_not(desk: Desk, number: str) -> None:
    desk.sent("17")
    desk.receipt("17", number=number)
    assert desk.told == []


def test_addresses_left_as_in_the_message(desk: Desk) -> None:
    desk.sent("17")
    desk.deliveries.received(Receipt(("17",), ("7777", NUMBER), DELIVERED), "one")
    assert len(desk.told) == 1


def test_a_receipt_before_the_response(desk: Desk) -> None:
    delivery = desk.deliveries.begin(NUMBER, "one", desk.health, 1)
    desk.receipt("2684354561", state=UNKNOWN)
    desk.receipt("2684354561")
    assert desk.told == []
    desk.deliveries.accepted(delivery, "a0000001")
    assert desk.told == [(delivery.delivery_id, UNKNOWN, ""), (delivery.delivery_id, DELIVERED, "")]


def test_an_early_receipt_is_for_its_number_and_smsc(desk: Desk) -> None:
    desk.receipt("17", number=OTHER)
    desk.receipt("17", smsc="two")
    desk.sent("17")
    assert desk.told == []


def test_an_early_receipt_is_not_kept_for_ever(desk: Desk) -> None:
    desk.receipt("17")
    desk.clock.advance(EARLY)
    desk.sent("17")
    assert desk.told == []


def test_early_receipts_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_EARLY", 2)
    for message_id in ("17", "18", "19"):
        desk.receipt(message_id)
    for message_id in ("17", "18", "19"):
        desk.sent(message_id)
    assert len(desk.told) == 2


def test_steps_on_the_way_are_not_told(desk: Desk) -> None:
    desk.receipt("17", state=ACCEPTED)
    delivery = desk.sent("17")
    desk.receipt("17", state=ACCEPTED)
    assert desk.told == []
    assert desk.deliveries.next_overdue() == delivery.overdue_time


def test_several_messages_are_delivered_when_all_are(desk: Desk) -> None:
    delivery = desk.sent("17", "18", "19")
    desk.receipt("18")
    desk.receipt("18")
    desk.receipt("17")
    assert desk.told == []
    desk.receipt("19")
    assert desk.told == [(delivery.delivery_id, DELIVERED, "")]


def test_several_messages_have_failed_when_one_has(desk: Desk) -> None:
    delivery = desk.sent("17", "18")
    desk.receipt("17")
    desk.receipt("18", state=FAILED, error="smpp:err=001")
    assert desk.told == [(delivery.delivery_id, FAILED, "smpp:err=001")]


def test_a_late_receipt_is_unknown_first_and_still_taken(desk: Desk) -> None:
    delivery = desk.sent("17")
    assert desk.deliveries.next_overdue() == desk.clock.now() + TIMEOUT
    desk.clock.advance(TIMEOUT - 1)
    desk.deliveries.give_up()
    assert desk.told == []
    desk.clock.advance(1)
    desk.deliveries.give_up()
    assert desk.told == [(delivery.delivery_id, UNKNOWN, NO_RECEIPT)]
    assert desk.health.suspect
    assert desk.deliveries.next_overdue() is None
    desk.receipt("17")
    assert desk.told[1:] == [(delivery.delivery_id, DELIVERED, "")]


def test_a_receipt_that_says_unknown_ends_the_waiting_and_may_be_corrected(desk: Desk) -> None:
    delivery = desk.sent("17")
    for _ in range(2):
        desk.receipt("17", state=UNKNOWN)
    assert desk.deliveries.next_overdue() is None
    desk.receipt("17")
    assert [state for _, state, _ in desk.told] == [UNKNOWN, DELIVERED]
    assert desk.deliveries.state(delivery.delivery_id) is DELIVERED


def test_a_message_without_id_is_unknown_in_the_end(desk: Desk) -> None:
    delivery = desk.sent("")
    desk.clock.advance(TIMEOUT)
    desk.deliveries.give_up()
    assert desk.told == [(delivery.delivery_id, UNKNOWN, NO_RECEIPT)]


def test_what_has_ended_is_forgotten(desk: Desk) -> None:
    ended, late = desk.sent("17"), desk.sent("18")
    desk.receipt("17")
    desk.clock.advance(SETTLED)
    desk.deliveries.give_up()
    assert desk.deliveries.state(ended.delivery_id) is None
    desk.clock.advance(TIMEOUT)
    desk.deliveries.give_up()
    desk.clock.advance(LATE)
    desk.deliveries.give_up()
    assert desk.deliveries.state(late.delivery_id) is None
    desk.receipt("18")
    assert [state for _, state, _ in desk.told] == [DELIVERED, UNKNOWN]


def test_every_message_of_a_delivery_is_forgotten_with_it(desk: Desk) -> None:
    desk.sent("17", "18")
    desk.receipt("17", state=UNKNOWN)
    desk.clock.advance(LATE)
    desk.deliveries.give_up()
    desk.receipt("17", state=FAILED)
    desk.receipt("18", state=FAILED)
    assert [state for _, state, _ in desk.told] == [UNKNOWN]


def test_deliveries_are_bounded_and_none_ends_silently(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    first = desk.sent("17")
    second = desk.sent("18")
    desk.receipt("18")
    desk.sent("19")
    assert desk.told[1:] == [(first.delivery_id, UNKNOWN, NO_RECEIPT)]
    desk.sent("20")
    assert desk.deliveries.state(second.delivery_id) is None
    assert len(desk.told) == 2
    desk.receipt("17")
    assert len(desk.told) == 2


def test_ids_are_given_out_once(desk: Desk) -> None:
    assert desk.sent("17").delivery_id != desk.sent("18").delivery_id
    assert Desk().sent("17").delivery_id != desk.sent("19").delivery_id


def test_one_smsc_that_gives_all_one_id_hides_no_other_smscs(desk: Desk) -> None:
    mine = desk.sent("17")
    desk.receipt("18")
    for _ in range(2 * SHARING):
        desk.sent("17", smsc="two")
        desk.receipt("18", smsc="two")
    early = desk.sent("18")
    desk.receipt("17")
    assert desk.told == [(early.delivery_id, DELIVERED, ""), (mine.delivery_id, DELIVERED, "")]


def test_early_receipts_of_one_id_are_few(desk: Desk) -> None:
    for count in range(3 * SHARING):
        desk.receipt("17", number=NUMBER if count < SHARING else OTHER)
    # Those of the number are the oldest, and given up.
    desk.sent("17")
    assert desk.told == []
    others = desk.sent("17", number=OTHER)
    assert desk.told == [(others.delivery_id, DELIVERED, "")]
    desk.clock.advance(EARLY)
    desk.sent("17", number=OTHER)
    assert len(desk.told) == 1
