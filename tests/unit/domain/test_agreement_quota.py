import pytest

from numseal.domain.agreement import Agreement, Quota
from numseal.domain.agreement_quota import COST, VERIFICATIONS, Hold, PriceList, cost_charge, verification_charge
from numseal.domain.errors import Kind
from numseal.domain.evidence import Method
from numseal.domain.limits import DAY
from numseal.domain.operator import Operation, Price

NOW = 10 * DAY + 100
CAPPED = Agreement("a-1", "m", "mts", 0, quota=Quota(3, 0, 1_000, "RUB"))
FREE = Agreement("a-2", "m", "mts", 0)


def prices(*items: Price, supported: tuple[str, ...] = ("sim_ref", "port")) -> PriceList:
    return PriceList(items, "RUB", supported)


def test_only_what_has_a_limit_is_counted() -> None:
    assert (verification_charge(FREE), cost_charge(FREE, 5), cost_charge(CAPPED, 0)) == ((), (), ())


def test_a_charge_fits_up_to_the_limit_and_the_refusal_says_when_it_frees() -> None:
    (one,) = verification_charge(CAPPED)
    assert (one.fits(2), one.fits(3)) == (True, False)
    (cost,) = cost_charge(CAPPED, 400)
    assert (cost.fits(600), cost.fits(601)) == (True, False)
    for charge, quota in ((one, VERIFICATIONS), (cost, COST)):
        reasoning = charge.refuse(NOW).reasoning
        assert (reasoning.kind, reasoning.reason, reasoning.quota, reasoning.retry_delay) == (
            Kind.RESOURCE_EXHAUSTED,
            "QUOTA_EXCEEDED",
            quota,
            DAY - 100,
        )


def test_a_days_room_is_not_made_out_of_anothers() -> None:
    hold = Hold("a-1", "RUB", 400, NOW)
    assert (hold.returns(NOW), hold.returns(11 * DAY - 1), hold.returns(11 * DAY)) == (True, True, False)
    (cost,) = cost_charge(CAPPED, 400)
    assert hold.budget.row(NOW) == cost.budget.row(NOW)


@pytest.mark.parametrize(
    ("items", "signals", "cost"),
    [
        ((), ("sim_ref",), None),
        ((Price(Operation.LOOK_UP_SUBSCRIBER, 7, "RUB"),), ("sim_ref", "port"), 7),
        ((Price(Operation.LOOK_UP_SUBSCRIBER, 7, "EUR"),), ("sim_ref",), None),
        ((Price(Operation.LOOK_UP_SUBSCRIBER, 7, "RUB", "sim_ref"),), ("sim_ref",), 7),
        ((Price(Operation.LOOK_UP_SUBSCRIBER, 7, "RUB", "sim_ref"),), ("sim_ref", "port"), None),
        ((Price(Operation.LOOK_UP_SUBSCRIBER, 7, "RUB", "sim_ref"),), ("sim_ref", "serving"), 7),
        (
            (
                Price(Operation.LOOK_UP_SUBSCRIBER, 7, "RUB", "sim_ref"),
                Price(Operation.LOOK_UP_SUBSCRIBER, 2, "RUB", "port"),
            ),
            ("sim_ref", "port"),
            9,
        ),
        (
            (Price(Operation.LOOK_UP_SUBSCRIBER, 7, "RUB", "sim_ref"), Price(Operation.LOOK_UP_SUBSCRIBER, 1, "RUB")),
            ("sim_ref", "port"),
            8,
        ),
        ((Price(Operation.LOOK_UP_SUBSCRIBER, 0, "RUB"),), ("sim_ref",), 0),
    ],
)
def test_what_a_lookup_costs(items: tuple[Price, ...], signals: tuple[str, ...], cost: int | None) -> None:
    assert prices(*items).lookup(signals) == cost


@pytest.mark.parametrize(
    ("items", "method", "cost"),
    [
        ((), Method.SMS, None),
        ((Price(Operation.SEND_CODE, 5, "RUB"),), Method.VOICE, 5),
        (
            (Price(Operation.SEND_CODE, 5, "RUB"), Price(Operation.SEND_CODE, 9, "RUB", method=Method.VOICE)),
            Method.VOICE,
            9,
        ),
        ((Price(Operation.SEND_CODE, 9, "RUB", method=Method.VOICE),), Method.SMS, None),
        ((Price(Operation.SEND_CODE, 5, "RUB"),), Method.OPERATOR_CODE, None),
        ((Price(Operation.SEND_CODE, 5, "RUB"), Price(Operation.CHECK_CODE, 1, "RUB")), Method.OPERATOR_CODE, 6),
        ((Price(Operation.CHECK_CODE, 1, "RUB"),), Method.OPERATOR_CODE, None),
        ((Price(Operation.NETWORK_CHECK, 3, "RUB"),), Method.NETWORK, 3),
        ((Price(Operation.SEND_CODE, 5, "RUB"),), Method.NETWORK, None),
    ],
)
def test_what_a_challenge_costs(items: tuple[Price, ...], method: Method, cost: int | None) -> None:
    assert prices(*items).challenge(method) == cost


def test_what_watching_and_comparing_cost() -> None:
    known = prices(Price(Operation.WATCH_SUBSCRIBER, 4, "RUB"), Price(Operation.CHECK_CODE, 0, "RUB"))
    assert (known.watch(), known.check()) == (4, 0)
    assert (prices().watch(), prices().check()) == (None, None)
