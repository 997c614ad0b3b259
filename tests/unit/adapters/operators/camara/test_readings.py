"""Answers of the APIs, read into the contract's words; and what is no answer of theirs."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from numseal.adapters.operators.camara import readings
from numseal.adapters.operators.camara.errors import MALFORMED, OTHER_NUMBER, CamaraError
from numseal.adapters.operators.camara.readings import Reading
from numseal.domain.evidence import (
    Basis,
    ContractType,
    Forwarding,
    ForwardingKind,
    Reachability,
    ServiceState,
    Serving,
    ServingDomain,
    SignalState,
    SimChange,
    SimChangeKind,
)

NOW = 1_750_000_000
NUMBER = "+79161234567"
WHEN = "2023-07-03T14:27:08.312+02:00"
SECONDS = 1_688_387_228


def test_sim_swaps() -> None:
    change = SimChange(SECONDS, SimChangeKind.UNKNOWN)
    assert readings.sim_swap({"latestSimChange": WHEN}, NOW) == {"sim_change": Reading(change)}
    since = NOW - 120 * 86_400
    told = {"latestSimChange": WHEN, "monitoredPeriod": 120}
    assert readings.sim_swap(told, NOW) == {"sim_change": Reading(change, coverage_start_time=since)}
    none = {"latestSimChange": None, "monitoredPeriod": 120}
    assert readings.sim_swap(none, NOW) == {"sim_change": Reading(None, coverage_start_time=since)}
    assert readings.sim_swap({"latestSimChange": None}, NOW)["sim_change"].state is SignalState.UNKNOWN


def test_device_swaps() -> None:
    assert readings.device_swap({"latestDeviceChange": WHEN}, NOW) == SECONDS
    assert readings.device_swap({"latestDeviceChange": None, "monitoredPeriod": 1}, NOW) is None


@pytest.mark.parametrize(
    ("active", "kinds"),
    [
        (["inactive"], set()),
        (["unconditional"], {ForwardingKind.UNCONDITIONAL}),
        (["conditional_busy", "conditional_no_answer"], {ForwardingKind.BUSY, ForwardingKind.NO_REPLY}),
        (["conditional_not_reachable"], {ForwardingKind.NOT_REACHABLE}),
    ],
)
def test_call_forwardings(active: list[str], kinds: set[ForwardingKind]) -> None:
    found = readings.call_forwardings(active)["forwarding"].value
    assert set(found) == {Forwarding(kind, kind in kinds) for kind in ForwardingKind}


def test_unconditional_forwarding() -> None:
    on = readings.unconditional_forwarding({"active": True})["forwarding"]
    assert on == Reading((Forwarding(ForwardingKind.UNCONDITIONAL, active=True),))
    off = readings.unconditional_forwarding({"active": False})["forwarding"]
    assert (off.state, off.value) == (SignalState.UNKNOWN, None)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("PAYG", ContractType.PREPAID), ("PAYM", ContractType.POSTPAID), ("Business", ContractType.CORPORATE)],
)
def test_tenure(kind: str, value: ContractType) -> None:
    since = 1_747_353_600
    found = readings.tenure({"tenureDateCheck": True, "contractType": kind}, since)
    assert found["contract_type"] == Reading(value)
    assert found["activate_time"] == Reading(None, coverage_start_time=since, code="TENURED_SINCE_2025-05-16")
    found = readings.tenure({"tenureDateCheck": False}, since)
    assert found["contract_type"].state is SignalState.UNKNOWN
    began = found["activate_time"]
    assert (began.state, began.coverage_start_time) == (SignalState.UNKNOWN, None)
    assert began.code == "NOT_TENURED_SINCE_2025-05-16"


@pytest.mark.parametrize(
    ("incoming", "data", "service", "mobile"),
    [
        ("active", "active", ServiceState.ON, ServiceState.ON),
        ("active", "throttled", ServiceState.ON, ServiceState.ON),
        ("suspended", "suspended", ServiceState.BARRED, ServiceState.BARRED),
    ],
)
def test_subscription_status(incoming: str, data: str, service: ServiceState, mobile: ServiceState) -> None:
    found = readings.subscription_status({"voiceSmsIn": incoming, "voiceSmsOut": "suspended", "dataService": data})
    assert {name: reading.value for name, reading in found.items()} == {
        "sms_service": service,
        "voice_service": service,
        "data_service": mobile,
    }


@pytest.mark.parametrize(
    ("told", "state", "value"),
    [
        ({"reachable": True, "connectivity": ["DATA", "SMS"]}, SignalState.OK, Reachability.REACHABLE),
        ({"reachable": True, "connectivity": ["SMS"]}, SignalState.OK, Reachability.SMS_ONLY),
        ({"reachable": True, "connectivity": ["DATA"]}, SignalState.OK, Reachability.DATA_ONLY),
        ({"reachable": True}, SignalState.UNKNOWN, None),
        ({"reachable": False}, SignalState.OK, Reachability.NOT_REACHABLE),
    ],
)
def test_reachability(told: dict[str, Any], state: SignalState, value: Reachability | None) -> None:
    body = {"lastStatusTime": WHEN, "device": {"phoneNumber": NUMBER}} | told
    assert readings.reachability(body, NUMBER) == {"reachability": Reading(value, state, SECONDS)}


def test_roaming() -> None:
    def read(told: dict[str, Any], *plmns: str) -> Reading:
        return readings.roaming({"lastStatusTime": WHEN} | told, NUMBER, plmns)["serving"]

    home = Serving("250-01", "", ServingDomain.PS, Basis.DIRECT, 0, "")
    assert read({"roaming": False}, "250-01") == Reading((home,), observe_time=SECONDS)
    unknown = SignalState.UNKNOWN
    assert read({"roaming": False}, "250-01", "250-02") == Reading(None, unknown, SECONDS, code="NOT_ROAMING")
    assert read({"roaming": True}, "250-01") == Reading(None, unknown, SECONDS, code="ROAMING")
    abroad = {"roaming": True, "countryCode": 262, "countryName": ["DE"]}
    assert read(abroad, "250-01") == Reading(None, unknown, SECONDS, code="ROAMING_262")


def test_days_of_a_time() -> None:
    """Noon of the 15th in UTC is midnight between 14th and 15th in the far west, and the 16th in the far east."""
    noon = 1_749_988_800
    assert readings.recycling_days(noon) == (date(2025, 6, 14), date(2025, 6, 16))
    assert readings.recycling_days(noon - 1) == (date(2025, 6, 13), date(2025, 6, 16))
    assert readings.recycling_days(noon - 2 * 3_600 - 1) == (date(2025, 6, 13), date(2025, 6, 15))


def roaming_of(body: dict[str, Any]) -> object:
    return readings.roaming(body, NUMBER, ())


def reachability_of(body: dict[str, Any]) -> object:
    return readings.reachability(body, NUMBER)


BROKEN: list[tuple[Callable[[Any], object], Any]] = [
    (lambda body: readings.sim_swap(body, NOW), body)
    for body in (
        {},
        {"latestSimChange": 5},
        {"latestSimChange": "2023-07-03"},
        {"latestSimChange": "2023-07-03T14:27:08"},
        {"latestSimChange": "2023-13-03T14:27:08Z"},
        {"latestSimChange": "1969-12-31T23:59:59Z"},
        {"latestSimChange": "0001-01-01T00:00:00+14:00"},
        {"latestSimChange": WHEN, "monitoredPeriod": -1},
        {"latestSimChange": WHEN, "monitoredPeriod": "120"},
        {"latestSimChange": WHEN, "monitoredPeriod": True},
        {"latestSimChange": None, "monitoredPeriod": 10**9},
    )
]
BROKEN += [
    (lambda body: readings.device_swap(body, NOW), {}),
    (readings.recycled, {}),
    (readings.recycled, {"phoneNumberRecycled": "true"}),
    (readings.call_forwardings, []),
    (readings.call_forwardings, {}),
    (readings.call_forwardings, [5]),
    (readings.call_forwardings, ["sometimes"]),
    (readings.call_forwardings, ["inactive", "unconditional"]),
    (readings.unconditional_forwarding, {}),
    (lambda body: readings.tenure(body, 0), {"contractType": "PAYG"}),
    (lambda body: readings.tenure(body, 0), {"tenureDateCheck": True, "contractType": "GIFT"}),
    (lambda body: readings.tenure(body, 0), {"tenureDateCheck": True, "contractType": []}),
    (readings.subscription_status, {"voiceSmsIn": "active", "voiceSmsOut": "active"}),
    (readings.subscription_status, {"voiceSmsIn": "active", "voiceSmsOut": "x", "dataService": "active"}),
    (readings.subscription_status, {"voiceSmsIn": "throttled", "voiceSmsOut": "active", "dataService": "active"}),
    (reachability_of, {"reachable": True}),
    (reachability_of, {"lastStatusTime": WHEN}),
    (reachability_of, {"lastStatusTime": WHEN, "reachable": True, "connectivity": ["WIFI"]}),
    (reachability_of, {"lastStatusTime": WHEN, "reachable": True, "connectivity": "SMS"}),
    (reachability_of, {"lastStatusTime": WHEN, "reachable": False, "connectivity": ["SMS"]}),
    (reachability_of, {"lastStatusTime": WHEN, "reachable": True, "device": NUMBER}),
    (roaming_of, {"lastStatusTime": WHEN}),
    (roaming_of, {"lastStatusTime": WHEN, "roaming": True, "countryCode": "262"}),
    (roaming_of, {"lastStatusTime": WHEN, "roaming": True, "countryCode": 7}),
]


@pytest.mark.parametrize(("read", "body"), BROKEN)
def test_what_an_api_does_not_describe_is_not_believed(read: Callable[[Any], object], body: Any) -> None:
    with pytest.raises(CamaraError) as caught:
        read(body)
    assert (caught.value.code, caught.value.sent) == (MALFORMED, True)


@pytest.mark.parametrize("read", [reachability_of, roaming_of])
def test_an_answer_about_another_number_is_none(read: Callable[[Any], object]) -> None:
    body = {"lastStatusTime": WHEN, "reachable": False, "roaming": False, "device": {"phoneNumber": "+79161234568"}}
    with pytest.raises(CamaraError) as caught:
        read(body)
    assert caught.value.code == OTHER_NUMBER


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1970-01-01T00:00:00Z", 0), ("2023-07-03t12:27:08z", SECONDS), ("2023-07-03T12:27:08.123456789Z", SECONDS)],
)
def test_moments(text: str, seconds: int) -> None:
    assert readings.moment(text, "time") == seconds
    assert readings.moment(readings.written(seconds), "time") == seconds
