"""Lookups out of messages: what an operator's answer says, signal by signal. Pure.

What is impossible breaks the answer (`BrokenContractError`). What a signal lacks, or says in a word of a later
contract, makes that signal alone UNKNOWN, never a value: a state OK or STALE without source, time or value, a node
without a known domain. A node that does not tell since when it serves the handset is taken to do so only since it was
observed: an old registration is what would speak for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from numseal.adapters.operators.remote.enums import (
    BASES,
    CONTRACT_TYPES,
    DOMAINS,
    FORWARDINGS,
    LINE_TYPES,
    REACHABILITIES,
    SERVICES,
    SIM_CHANGES,
    STATES,
)
from numseal.adapters.operators.remote.fields import MAX_NAME, BrokenContractError, moment, plmn, reference, text
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.api.operator.v1 import subscriber_pb2 as sub
from numseal.domain.evidence import (
    SIGNAL_NAMES,
    Basis,
    DeviceRef,
    Forwarding,
    Lookup,
    LookupOutcome,
    Meta,
    Port,
    Serving,
    Signal,
    SignalState,
    SimChange,
    SimChangeKind,
    SimRef,
    Subscriber,
    SubscriberRef,
)
from numseal.domain.operator import LookupRequest

MAX_LOOKUP_REFERENCE = 128
MAX_CODE_SPACE = 32
MAX_CODE = 128

_OK, _STALE, _UNKNOWN = SignalState.OK, SignalState.STALE, SignalState.UNKNOWN
_ABSENT: Signal[Any] = Signal(Meta(SignalState.NOT_SUPPORTED))
_NOT_ASKED: Signal[Any] = Signal(Meta(_UNKNOWN))
_TAC_DIGITS = 8
_UNREADABLE = object()
"""In place of a value: there is none, or one in a word that is not known here."""


def read_lookup_answer(
    answer: pb.LookUpSubscriberResponse, request: LookupRequest, operator_id: str, now: int, *, exact: bool = False
) -> Lookup:
    """Return what an answer to a request says; raise `BrokenContractError`.

    Signals that were not asked for are left out, and `recycled` since another time than was asked. With `exact`, as for
    an answer that was signed, both break it: evidence could not say what the operator signed.
    """
    if answer.request_id != request.request_id:
        raise BrokenContractError("request_id: that of the request is expected")
    if answer.phone_number != request.phone_number:
        raise BrokenContractError("phone_number: that of the request is expected")
    found = read_lookup_message(answer, operator_id, now)
    if found.subscriber is None:
        return found
    changed: dict[str, Signal[Any]] = {
        name: _ABSENT
        for name in SIGNAL_NAMES
        if name not in request.signals and getattr(found.subscriber, name) is not _ABSENT
    }
    recycled = found.subscriber.recycled
    if recycled.value is not None and moment_or_none(answer.subscriber.recycled, "since_time") != request.since_time:
        changed["recycled"] = Signal(replace(recycled.meta, state=_UNKNOWN))
    if exact and changed:
        raise BrokenContractError(f"{min(changed)}: is signed, and answers another question than was asked")
    if request.since_time is None and "recycled" in request.signals:
        # It cannot be asked without a time, and was not.
        changed["recycled"] = _NOT_ASKED
    return replace(found, subscriber=replace(found.subscriber, **changed)) if changed else found


def read_lookup_message(answer: pb.LookUpSubscriberResponse, operator_id: str, now: int) -> Lookup:
    """Return what an answer says by itself; raise `BrokenContractError`.

    The contract has no time of the answer: `time` is the newest one at which a signal was observed, else `now`.
    """
    name = text("lookup_reference", answer.lookup_reference, 1, MAX_LOOKUP_REFERENCE)
    match answer.WhichOneof("outcome"):
        case "subscriber":
            found, newest = _subscriber(answer.subscriber, now)
            return Lookup(LookupOutcome.SUBSCRIBER, operator_id, newest, name, found)
        case "ported":
            to, network = answer.ported.operator_id, answer.ported.plmn
            if not to and not network:
                raise BrokenContractError("ported: an operator or its network is expected")
            return Lookup(
                LookupOutcome.PORTED,
                operator_id,
                now,
                name,
                ported_to=text("ported.operator_id", to, 0, MAX_NAME),
                ported_plmn=plmn("ported.plmn", network) if network else "",
            )
        case "not_assigned":
            return Lookup(LookupOutcome.NOT_ASSIGNED, operator_id, now, name)
        case "not_served":
            return Lookup(LookupOutcome.NOT_SERVED, operator_id, now, name)
        case _:
            raise BrokenContractError("outcome: subscriber, ported, not_assigned or not_served is expected")


def _subscriber(message: sub.Subscriber, now: int) -> tuple[Subscriber, int]:
    """Return the signals, and the newest time up to `now` at which one was observed."""
    metas: dict[bytes, Meta] = {}
    signals = [_signal(name, getattr(message, name), metas) if message.HasField(name) else _ABSENT for name in _NAMES]
    times = [meta.observe_time for meta in metas.values() if meta.observe_time is not None and meta.observe_time <= now]
    return Subscriber(*signals), max(times, default=now)


_NAMES: tuple[Any, ...] = SIGNAL_NAMES
"""As `HasField` wants them: literals, for the type checker."""


def _signal(name: str, message: Any, metas: dict[bytes, Meta]) -> Signal[Any]:
    meta = _meta(name, message.meta, metas)
    if meta.state is not _OK and meta.state is not _STALE:
        return Signal(meta)
    value = _value(name, message, meta)
    return Signal(replace(meta, state=_UNKNOWN)) if value is _UNREADABLE else Signal(meta, value)


def _meta(name: str, message: sub.SignalMeta, metas: dict[bytes, Meta]) -> Meta:
    """Return how a signal came to be; signals of one source and time share it."""
    key = message.SerializeToString()
    found = metas.get(key)
    if found is not None:
        return found
    state = STATES.from_wire.get(message.state, _UNKNOWN)
    observed = moment_or_none(message, "observe_time", name)
    coverage = moment_or_none(message, "coverage_start_time", name)
    source = text(f"{name}.meta.source", message.source, 0, MAX_NAME)
    space = text(f"{name}.meta.code_space", message.code_space, 0, MAX_CODE_SPACE)
    code = text(f"{name}.meta.code", message.code, 0, MAX_CODE)
    if (state is _OK or state is _STALE) and (observed is None or not source):
        state = _UNKNOWN
    # A code without its space means nothing.
    made = metas[key] = Meta(state, observed, coverage, source, space if code else "", code if space else "")
    return made


def moment_or_none(message: Any, field: str, path: str = "") -> int | None:
    """Return a field's Unix seconds, None where it is absent; raise `BrokenContractError`."""
    return moment(f"{path}.{field}" if path else field, getattr(message, field)) if message.HasField(field) else None


def _value(name: str, message: Any, meta: Meta) -> object:
    if name in _MANY:
        return _MANY[name](message.values, meta)
    if message.HasField("value"):
        return _ONE[name](message.value)
    return None if name in _NOTHING_IS_AN_ANSWER else _UNREADABLE


def _word(table: Mapping[int, object]) -> Callable[[int], object]:
    return lambda number: table.get(number, _UNREADABLE)


def _time(name: str) -> Callable[[Any], object]:
    return lambda value: moment(f"{name}.value", value)


def basis_of(number: int) -> Basis:
    """Read where a reference came from; what is not stated is HOME_ROUTED, which is never compared."""
    return BASES.from_wire.get(number, Basis.HOME_ROUTED)


def subscriber_ref_of(value: sub.Reference) -> SubscriberRef:
    """Read a subscriber's reference; raise `BrokenContractError`."""
    return SubscriberRef(
        reference("subscriber_ref.reference", value.reference),
        text("subscriber_ref.key_epoch", value.key_epoch, 1, MAX_NAME),
    )


def sim_ref_of(value: sub.SimRef) -> SimRef:
    """Read a SIM's reference; raise `BrokenContractError`."""
    return SimRef(
        reference("sim_ref.reference", value.reference),
        text("sim_ref.key_epoch", value.key_epoch, 1, MAX_NAME),
        basis_of(value.basis),
    )


def device_ref_of(value: sub.DeviceRef) -> DeviceRef:
    """Read a device's reference; raise `BrokenContractError`."""
    tac = value.tac
    if tac and not (len(tac) == _TAC_DIGITS and tac.isascii() and tac.isdigit()):
        raise BrokenContractError(f"device_ref.tac: {_TAC_DIGITS} digits are expected")
    return DeviceRef(
        reference("device_ref.reference", value.reference),
        text("device_ref.key_epoch", value.key_epoch, 1, MAX_NAME),
        tac,
    )


def sim_change_kind_of(number: int) -> SimChangeKind:
    """Read what kind of change it was; what is not stated is UNKNOWN."""
    return SIM_CHANGES.from_wire.get(number, SimChangeKind.UNKNOWN)


def _sim_change(value: sub.SimChange) -> object:
    time = moment_or_none(value, "change_time", "sim_change")
    return _UNREADABLE if time is None else SimChange(time, sim_change_kind_of(value.kind))


def _port(value: sub.Port) -> object:
    time = moment_or_none(value, "port_time", "port")
    sender = text("port.from_operator_id", value.from_operator_id, 0, MAX_NAME)
    return _UNREADABLE if time is None else Port(time, sender)


def _forwarding(values: Any, _meta: Meta) -> object:
    if len({value.kind for value in values}) != len(values):
        raise BrokenContractError("forwarding.values: at most one of each kind is expected")
    kinds = [FORWARDINGS.from_wire.get(value.kind) for value in values]
    found = tuple([Forwarding(kind, value.active) for kind, value in zip(kinds, values, strict=True) if kind])
    return found if len(found) == len(kinds) else _UNREADABLE


def _serving(values: Any, meta: Meta) -> object:
    if len({value.domain for value in values}) != len(values):
        raise BrokenContractError("serving.values: at most one of each domain is expected")
    found = []
    for value in values:
        domain = DOMAINS.from_wire.get(value.domain)
        time = moment_or_none(value, "update_time", "serving")
        network = plmn("serving.plmn", value.plmn)
        node, epoch = "", ""
        if value.node_ref:
            node = reference("serving.node_ref", value.node_ref)
            epoch = text("serving.key_epoch", value.key_epoch, 1, MAX_NAME)
        if domain is not None:
            found.append(Serving(network, node, domain, basis_of(value.basis), time or 0, epoch))
    return tuple(found) if len(found) == len(values) else _UNREADABLE


def _count(value: int) -> object:
    if value < 1:
        raise BrokenContractError("sims_on_device.value: at least 1 is expected")
    return value


_NOTHING_IS_AN_ANSWER = frozenset({"sim_change", "port", "activate_time"})
"""Signals that say by OK and no value that it never happened."""

_ONE: Mapping[str, Callable[[Any], object]] = {
    "subscriber_ref": subscriber_ref_of,
    "sim_ref": sim_ref_of,
    "device_ref": device_ref_of,
    "line_type": _word(LINE_TYPES.from_wire),
    "contract_type": _word(CONTRACT_TYPES.from_wire),
    "identity_on_file": bool,
    "activate_time": _time("activate_time"),
    "sim_change": _sim_change,
    "port": _port,
    "recycled": bool,
    "sms_service": _word(SERVICES.from_wire),
    "voice_service": _word(SERVICES.from_wire),
    "data_service": _word(SERVICES.from_wire),
    "reachability": _word(REACHABILITIES.from_wire),
    "last_seen": _time("last_seen"),
    "sims_on_device": _count,
}
_MANY: Mapping[str, Callable[[Any, Meta], object]] = {"forwarding": _forwarding, "serving": _serving}
