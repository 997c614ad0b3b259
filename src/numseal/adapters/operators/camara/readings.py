"""What the APIs' answers say in the words of the contract: one pure function an API. Nothing is asked here.

An answer that its API does not describe raises `CamaraError`, ANSWER_MALFORMED: nothing in it is believed. What an API
cannot tell is not made up.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from numseal.adapters.operators.camara.errors import MALFORMED, OTHER_NUMBER, CamaraError
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

DAY = 86_400

_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LONGEST_PERIOD = 36_500
_COUNTRY_CODES = range(200, 1_000)
_WESTMOST, _EASTMOST = timedelta(hours=12), timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer says of one signal; `observe_time` None is the time of the answer, Unix seconds."""

    value: Any = None
    state: SignalState = SignalState.OK
    observe_time: int | None = None
    coverage_start_time: int | None = None
    code: str = ""


Readings = Mapping[str, Reading]


def sim_swap(body: Mapping[str, Any], now: int) -> Readings:
    """Read SimSwapInfo. A new contract, a port-in and a further SIM count as a swap here, so its kind is UNKNOWN.

    Null is "none within `monitoredPeriod`", and nothing at all without that field.
    """
    if "latestSimChange" not in body:
        raise _malformed("latestSimChange")
    changed = body["latestSimChange"]
    since = _coverage(body, now)
    if changed is not None:
        value = SimChange(moment(changed, "latestSimChange"), SimChangeKind.UNKNOWN)
        return {"sim_change": Reading(value, coverage_start_time=since)}
    state = SignalState.UNKNOWN if since is None else SignalState.OK
    return {"sim_change": Reading(None, state, coverage_start_time=since)}


def device_swap(body: Mapping[str, Any], now: int) -> int | None:
    """Read DeviceSwapInfo: when the number came into its device, None where that is not told."""
    if "latestDeviceChange" not in body:
        raise _malformed("latestDeviceChange")
    _coverage(body, now)
    changed = body["latestDeviceChange"]
    return None if changed is None else moment(changed, "latestDeviceChange")


def recycled(body: Mapping[str, Any]) -> bool:
    """Read CheckNumRecyclingInfo: whether the subscriber changed after the day that was asked about."""
    return _truth(body, "phoneNumberRecycled")


def recycling_days(since_time: int) -> tuple[date, date]:
    """Return the last day that was over at a time wherever the operator is, and the last that had begun anywhere.

    The API knows days and not where they begin. No change after the first day is none since that time; a change after
    the second is one since that time; a change between them may be either.
    """
    since = datetime.fromtimestamp(since_time, UTC)
    return (since - _WESTMOST).date() - timedelta(days=1), (since + _EASTMOST).date()


def call_forwardings(body: Any) -> Readings:
    """Read CallForwardingSignal, a bare array of what is active."""
    if not isinstance(body, list) or not body or not all(isinstance(item, str) for item in body):
        raise _malformed("call forwardings")
    told = set(body)
    if not told <= {_INACTIVE, *_FORWARDINGS} or (_INACTIVE in told and len(told) > 1):
        raise _malformed("call forwardings")
    return {"forwarding": Reading(tuple(Forwarding(kind, name in told) for name, kind in _FORWARDINGS.items()))}


def unconditional_forwarding(body: Mapping[str, Any]) -> Readings:
    """Read UnconditionalCallForwardingSignal: all that an operator tells that has no more.

    That it is active is known; that it is not says nothing of the other kinds, and so nothing of the signal.
    """
    if _truth(body, "active"):
        return {"forwarding": Reading((Forwarding(ForwardingKind.UNCONDITIONAL, active=True),))}
    return {"forwarding": Reading(None, SignalState.UNKNOWN, code="UNCONDITIONAL_INACTIVE")}


def tenure(body: Mapping[str, Any], since: int) -> Readings:
    """Read TenureInfo: whether the contract has lasted since the start of a day, and how it is paid.

    The API confirms a day and tells none. Confirmed is OK without a value: the contract did not begin after
    `coverage_start_time`. Not confirmed, it began later, nobody says when.
    """
    confirmed = _truth(body, "tenureDateCheck")
    code = f"{'TENURED' if confirmed else 'NOT_TENURED'}_SINCE_{datetime.fromtimestamp(since, UTC):%Y-%m-%d}"
    began = (
        Reading(None, coverage_start_time=since, code=code)
        if confirmed
        else Reading(None, SignalState.UNKNOWN, code=code)
    )
    kind = body.get("contractType")
    if kind is None:
        return {"activate_time": began, "contract_type": Reading(None, SignalState.UNKNOWN)}
    if not isinstance(kind, str) or kind not in _CONTRACTS:
        raise _malformed("contractType")
    return {"activate_time": began, "contract_type": Reading(_CONTRACTS[kind])}


def subscription_status(body: Mapping[str, Any]) -> Readings:
    """Read SubscriptionStatusResponse: what can be received. Slowed data are data; what is suspended, is barred."""
    incoming = _one_of(body, "voiceSmsIn", _SERVICES)
    _one_of(body, "voiceSmsOut", _SERVICES)
    data = _one_of(body, "dataService", _SERVICES | {"throttled": ServiceState.ON})
    return {"sms_service": Reading(incoming), "voice_service": Reading(incoming), "data_service": Reading(data)}


def reachability(body: Mapping[str, Any], phone_number: str) -> Readings:
    """Read ReachabilityStatusResponse, as of its `lastStatusTime`. DATA alone says nothing of SMS, and counts as none.

    Reachable by nothing that is named is not known how.
    """
    _same_number(body, phone_number)
    observed = moment(body.get("lastStatusTime"), "lastStatusTime")
    ways = body.get("connectivity", [])
    if not isinstance(ways, list) or not all(way in ("DATA", "SMS") for way in ways):
        raise _malformed("connectivity")
    if not _truth(body, "reachable"):
        if ways:
            raise _malformed("connectivity")
        return {"reachability": Reading(Reachability.NOT_REACHABLE, observe_time=observed)}
    value = _WAYS.get(frozenset(ways))
    state = SignalState.UNKNOWN if value is None else SignalState.OK
    return {"reachability": Reading(value, state, observe_time=observed)}


def roaming(body: Mapping[str, Any], phone_number: str, plmns: tuple[str, ...]) -> Readings:
    """Read RoamingStatusResponse, as of its `lastStatusTime`.

    At home is the operator's network, if it has one only, seen from the packet core that exposes it (TS 29.522); when
    the handset registered is not told (0). Abroad only the country is told (a mobile country code), which names no
    network: the signal is UNKNOWN with the code ROAMING or ROAMING_262.
    """
    _same_number(body, phone_number)
    observed = moment(body.get("lastStatusTime"), "lastStatusTime")
    if _truth(body, "roaming"):
        country = body.get("countryCode")
        if country is None:
            return {"serving": Reading(None, SignalState.UNKNOWN, observed, code="ROAMING")}
        if type(country) is not int or country not in _COUNTRY_CODES:
            raise _malformed("countryCode")
        return {"serving": Reading(None, SignalState.UNKNOWN, observed, code=f"ROAMING_{country}")}
    if len(plmns) != 1:
        return {"serving": Reading(None, SignalState.UNKNOWN, observed, code="NOT_ROAMING")}
    node = Serving(plmns[0], "", ServingDomain.PS, Basis.DIRECT, 0, "")
    return {"serving": Reading((node,), observe_time=observed)}


def moment(value: object, name: str) -> int:
    """Return an RFC 3339 §5.6 date-time as Unix seconds; raise `CamaraError` for anything else, and before 1970."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            seconds = int(datetime.fromisoformat(value.upper()).timestamp())
        except (ValueError, OverflowError):
            seconds = -1
        if seconds >= 0:
            return seconds
    raise _malformed(name)


def written(time: int) -> str:
    """Return Unix seconds as an RFC 3339 date-time."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _coverage(body: Mapping[str, Any], now: int) -> int | None:
    """Return since when changes are known, None where that is not told."""
    days = body.get("monitoredPeriod")
    if days is None:
        return None
    if type(days) is not int or not 0 <= days <= _LONGEST_PERIOD:
        raise _malformed("monitoredPeriod")
    return max(now - days * DAY, 0)


def _same_number(body: Mapping[str, Any], phone_number: str) -> None:
    """Refuse an answer about another number, where it says about which it is (schema DeviceResponse)."""
    device = body.get("device")
    if device is None:
        return
    if not isinstance(device, dict):
        raise _malformed("device")
    if device.get("phoneNumber", phone_number) != phone_number:
        raise CamaraError(OTHER_NUMBER, "the API answers about another number than it was asked about")


def _truth(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if type(value) is not bool:
        raise _malformed(name)
    return value


def _one_of(body: Mapping[str, Any], name: str, allowed: Mapping[str, ServiceState]) -> ServiceState:
    value = body.get(name)
    if not isinstance(value, str) or value not in allowed:
        raise _malformed(name)
    return allowed[value]


def _malformed(name: str) -> CamaraError:
    return CamaraError(MALFORMED, f"{name}: what the API describes is expected")


_INACTIVE = "inactive"
_FORWARDINGS = {
    "unconditional": ForwardingKind.UNCONDITIONAL,
    "conditional_busy": ForwardingKind.BUSY,
    "conditional_no_answer": ForwardingKind.NO_REPLY,
    "conditional_not_reachable": ForwardingKind.NOT_REACHABLE,
}
_CONTRACTS = {"PAYG": ContractType.PREPAID, "PAYM": ContractType.POSTPAID, "Business": ContractType.CORPORATE}
_SERVICES = {"active": ServiceState.ON, "suspended": ServiceState.BARRED}
_WAYS = {
    frozenset({"DATA", "SMS"}): Reachability.REACHABLE,
    frozenset({"SMS"}): Reachability.SMS_ONLY,
    frozenset({"DATA"}): Reachability.DATA_ONLY,
}
