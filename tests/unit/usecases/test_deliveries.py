"""What operators said of the codes they took: final words stay, and no operator makes another's forgotten."""

from numseal.domain.evidence import DeliveryState, Method
from numseal.domain.verification import Code
from numseal.usecases.deliveries import Deliveries

DELIVERED, UNKNOWN = DeliveryState.DELIVERED, DeliveryState.UNKNOWN


def code(delivery_id: str) -> Code:
    return Code(Method.SMS, "d" * 64, b"", delivery_id, DeliveryState.ACCEPTED, 0, 600, 6)


def test_a_final_word_stays() -> None:
    deliveries = Deliveries()
    for state in (UNKNOWN, DELIVERED, UNKNOWN):
        deliveries.tell("mts", "1", state)
    assert deliveries.known("mts", code("1")) is DELIVERED


def test_what_was_not_told_is_as_the_order_was_answered() -> None:
    deliveries = Deliveries()
    assert deliveries.known("mts", code("1")) is DeliveryState.ACCEPTED
    deliveries.tell("mts", "1", DELIVERED)
    assert deliveries.known("mts", code("2")) is DeliveryState.ACCEPTED
    assert deliveries.known("megafon", code("1")) is DeliveryState.ACCEPTED


def test_a_flood_of_one_operator_pushes_out_its_own_oldest_alone() -> None:
    deliveries = Deliveries(kept=2)
    deliveries.tell("mts", "1", DELIVERED)
    for number in range(10):
        deliveries.tell("megafon", str(number), DELIVERED)
    assert deliveries.known("mts", code("1")) is DELIVERED
    known = [deliveries.known("megafon", code(str(number))) for number in range(10)]
    assert known == [DeliveryState.ACCEPTED] * 8 + [DELIVERED] * 2
