"""Lookups across the wire: what is told arrives as it is, and what an operator should not say is never a value."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fakes.evidence import NODE, NOW, OWNER, SIM, answer, known, subscriber
from fakes.orders import lookup_request
from numseal.adapters.operators.remote.evidence_from_wire import read_lookup_answer, read_lookup_message
from numseal.adapters.operators.remote.evidence_to_wire import SOURCE, lookup_message, reference_bytes
from numseal.adapters.operators.remote.fields import BrokenContractError
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.api.operator.v1 import subscriber_pb2 as sub
from numseal.domain.evidence import (
    SIGNAL_NAMES,
    Basis,
    Forwarding,
    ForwardingKind,
    Lookup,
    LookupOutcome,
    Meta,
    Port,
    Serving,
    ServingDomain,
    Signal,
    SignalState,
    SimChangeKind,
    SimRef,
)
from numseal.usecases.operator_answers import read_lookup

NUMBER = "+79161234567"
ASKED = lookup_request(NUMBER)
NOT_SUPPORTED: Signal[Any] = Signal(Meta(SignalState.NOT_SUPPORTED))

Change = Callable[[pb.LookUpSubscriberResponse], object]


def told(signals: dict[str, Any]) -> Lookup:
    return answer(**signals)


def message(lookup: Lookup | None = None, **signals: Signal[Any]) -> pb.LookUpSubscriberResponse:
    return lookup_message(lookup or replace(told(signals), lookup_reference="l1"), ASKED)


def read(said: pb.LookUpSubscriberResponse, **further: Any) -> Lookup:
    found = read_lookup_answer(said, further.pop("request", ASKED), "mts", NOW, **further)
    read_lookup(found, NOW)  # what the facade would refuse is no answer either
    return found


def signal_of(name: str, change: Change) -> Signal[Any]:
    said = message()
    change(said)
    found = read(said)
    assert found.subscriber is not None
    others = [one for one in SIGNAL_NAMES if one != name]
    assert all(getattr(found.subscriber, one) == getattr(subscriber(), one) for one in others)
    signal: Signal[Any] = getattr(found.subscriber, name)
    return signal


@pytest.mark.parametrize(
    "lookup",
    [
        answer(),
        answer(port=known(Port(NOW - 9, "megafon")), sim_change=known(None), forwarding=known(()), serving=known(())),
        answer(forwarding=known(tuple(Forwarding(kind, active=True) for kind in ForwardingKind))),
        answer(serving=known(tuple(replace(NODE, domain=domain) for domain in ServingDomain))),
        answer(sim_ref=known(SimRef("7" * 128, "2", Basis.HOME_ROUTED))),
        answer(serving=known((replace(NODE, node_ref="", key_epoch=""),))),
        told(
            {
                name: Signal(Meta(state, NOW - 5, NOW - 90, "crm", "map", "27"))
                for name, state in zip(SIGNAL_NAMES, 3 * list(SignalState), strict=True)
                if state not in {SignalState.OK, SignalState.STALE, SignalState.NOT_SUPPORTED}
            }
        ),
        answer(line_type=replace(subscriber().line_type, meta=Meta(SignalState.STALE, NOW - 86_400, source="hlr"))),
        Lookup(LookupOutcome.PORTED, "mts", NOW, "l2", ported_to="megafon", ported_plmn="250-02"),
        Lookup(LookupOutcome.PORTED, "mts", NOW, "l2", ported_to="megafon"),
        Lookup(LookupOutcome.NOT_ASSIGNED, "mts", NOW, "l3"),
        Lookup(LookupOutcome.NOT_SERVED, "mts", NOW, "l4"),
    ],
)
def test_an_answer_arrives_as_it_was_given(lookup: Lookup) -> None:
    lookup = replace(lookup, lookup_reference="l1")
    assert read(message(lookup)) == lookup


def test_an_answer_without_a_name_has_the_requests() -> None:
    assert read(message(answer())).lookup_reference == ASKED.request_id


def test_no_answer_is_none() -> None:
    with pytest.raises(ValueError, match="outcome"):
        message(Lookup(LookupOutcome.UNANSWERED, "mts", NOW, failure="TIMEOUT"))


def test_the_time_of_an_answer_is_the_newest_observation_that_can_be() -> None:
    old, new, far = (Signal(Meta(SignalState.OK, NOW + offset, source="hlr"), True) for offset in (-90, -60, 60))
    every = dict.fromkeys(SIGNAL_NAMES, NOT_SUPPORTED)
    for signals, time in (({"identity_on_file": old}, NOW - 90), ({"identity_on_file": far}, NOW), ({}, NOW)):
        assert read(message(told({**every, **signals}))).time == time
    both = {"identity_on_file": old, "recycled": new}
    assert read(message(told({**every, **both}))).time == NOW - 60


def test_a_source_that_is_not_named_is_the_operator() -> None:
    found = read(message(line_type=replace(subscriber().line_type, meta=Meta(SignalState.OK, NOW))))
    assert found.subscriber is not None
    assert found.subscriber.line_type.meta.source == SOURCE


@pytest.mark.parametrize("reference", ["", "ab", "AB" * 16, "zz" * 16, "ab" * 65, "ab" * 15, "a" * 33])
def test_a_reference_that_is_no_hash_becomes_one(reference: str) -> None:
    made = reference_bytes(reference)
    assert 16 <= len(made) <= 64
    assert made == reference_bytes(reference)
    assert made.hex() != reference


def test_references_that_are_hashes_stay() -> None:
    for length in (16, 20, 32, 64):
        assert reference_bytes("0f" * length) == b"\x0f" * length


def test_only_what_was_asked_is_told() -> None:
    asked = lookup_request(NUMBER, signals=("line_type", "port"))
    said = lookup_message(answer(), asked)
    assert {field.name for field, _ in said.subscriber.ListFields()} == {"line_type", "port"}
    found = read(said, request=asked)
    assert found.subscriber is not None
    assert [name for name, one in found.subscriber.signals() if one.meta.state is SignalState.OK] == [
        "line_type",
        "port",
    ]


def test_what_was_not_asked_is_left_out_and_where_it_is_signed_breaks_the_answer() -> None:
    asked = lookup_request(NUMBER, signals=("line_type",))
    said = message()
    found = read(said, request=asked)
    assert found.subscriber is not None
    assert [name for name, one in found.subscriber.signals() if one != NOT_SUPPORTED] == ["line_type"]
    with pytest.raises(BrokenContractError, match="activate_time: is signed"):
        read(said, request=asked, exact=True)
    assert read(said, exact=True) == read(said)


def test_recycled_answers_for_the_time_that_was_asked() -> None:
    changes: tuple[Callable[[Any], object], ...] = (
        lambda recycled: recycled.since_time.FromSeconds(1),
        lambda recycled: recycled.ClearField("since_time"),
    )
    for change in changes:
        said = message()
        change(said.subscriber.recycled)
        found = read(said)
        assert found.subscriber is not None
        assert (found.subscriber.recycled.meta.state, found.subscriber.recycled.value) == (SignalState.UNKNOWN, None)
        with pytest.raises(BrokenContractError, match="recycled"):
            read(said, exact=True)


def test_recycled_is_unknown_where_it_cannot_be_asked() -> None:
    asked = lookup_request(NUMBER, since_time=None)
    said = lookup_message(answer(), asked)
    assert said.subscriber.recycled.meta.state == sub.SIGNAL_STATE_UNKNOWN
    said.subscriber.ClearField("recycled")
    found = read(said, request=asked, exact=True)
    assert found.subscriber is not None
    assert found.subscriber.recycled == Signal(Meta(SignalState.UNKNOWN))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param("line_type", lambda m: m.subscriber.line_type.ClearField("value"), id="no value"),
        pytest.param("line_type", lambda m: setattr(m.subscriber.line_type, "value", 99), id="a later word"),
        pytest.param("line_type", lambda m: setattr(m.subscriber.line_type, "value", 0), id="not stated"),
        pytest.param("line_type", lambda m: m.subscriber.line_type.meta.ClearField("observe_time"), id="no time"),
        pytest.param("line_type", lambda m: m.subscriber.line_type.meta.ClearField("source"), id="no source"),
        pytest.param("line_type", lambda m: setattr(m.subscriber.line_type.meta, "state", 0), id="no state"),
        pytest.param("line_type", lambda m: setattr(m.subscriber.line_type.meta, "state", 77), id="a later state"),
        pytest.param("line_type", lambda m: m.subscriber.line_type.ClearField("meta"), id="no meta"),
        pytest.param("sim_ref", lambda m: m.subscriber.sim_ref.ClearField("value"), id="no SIM"),
        pytest.param("sim_change", lambda m: m.subscriber.sim_change.value.ClearField("change_time"), id="no date"),
        pytest.param("port", lambda m: m.subscriber.port.value.SetInParent(), id="a porting without its date"),
        pytest.param(
            "forwarding", lambda m: setattr(m.subscriber.forwarding.values[0], "kind", 9), id="a later forwarding"
        ),
        pytest.param("serving", lambda m: setattr(m.subscriber.serving.values[0], "domain", 0), id="no domain"),
        pytest.param("serving", lambda m: setattr(m.subscriber.serving.values[0], "domain", 9), id="a later domain"),
    ],
)
def test_what_a_signal_lacks_makes_it_unknown_and_no_other(name: str, change: Change) -> None:
    found = signal_of(name, change)
    assert (found.meta.state, found.value) == (SignalState.UNKNOWN, None)


@pytest.mark.parametrize("state", [state for state in SignalState if state not in {SignalState.OK, SignalState.STALE}])
def test_a_value_that_may_not_be_relied_on_is_dropped(state: SignalState) -> None:
    number = sub.SignalState.Value(f"SIGNAL_STATE_{state.value}")
    found = signal_of("sim_ref", lambda said: setattr(said.subscriber.sim_ref.meta, "state", number))
    assert (found.meta.state, found.value) == (state, None)


def test_what_is_absent_is_not_supported() -> None:
    assert signal_of("line_type", lambda said: said.subscriber.ClearField("line_type")) == NOT_SUPPORTED


def test_a_stale_value_stays_beside_its_state() -> None:
    found = signal_of("sim_ref", lambda said: setattr(said.subscriber.sim_ref.meta, "state", sub.SIGNAL_STATE_STALE))
    assert (found.meta.state, found.value, found.known) == (SignalState.STALE, SIM, None)


def test_words_that_are_not_stated_read_as_the_contract_has_it() -> None:
    def change(said: pb.LookUpSubscriberResponse) -> None:
        said.subscriber.sim_change.value.kind = 0  # type: ignore[assignment]

    found = signal_of("sim_change", change)
    assert getattr(found.value, "kind", None) is SimChangeKind.UNKNOWN
    routed = signal_of("sim_ref", lambda said: setattr(said.subscriber.sim_ref.value, "basis", 0))
    assert getattr(routed.value, "basis", None) is Basis.HOME_ROUTED


def test_a_node_that_does_not_tell_since_when_may_be_there_since_now() -> None:
    found = signal_of("serving", lambda said: said.subscriber.serving.values[0].ClearField("update_time"))
    assert found.value == (replace(NODE, update_time=0),)


def test_a_code_without_its_space_means_nothing() -> None:
    def change(said: pb.LookUpSubscriberResponse) -> None:
        said.subscriber.line_type.meta.code = "27"

    assert signal_of("line_type", change) == subscriber().line_type

    def other(said: pb.LookUpSubscriberResponse) -> None:
        said.subscriber.line_type.meta.code_space = "map"

    assert signal_of("line_type", other) == subscriber().line_type


def _node(said: pb.LookUpSubscriberResponse, **fields: Any) -> None:
    said.subscriber.serving.values.add(**{"plmn": "250-01", "domain": sub.SERVING_DOMAIN_PS, **fields})


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("request_id", lambda m: setattr(m, "request_id", "another")),
        ("phone_number", lambda m: setattr(m, "phone_number", "+79161234568")),
        ("lookup_reference", lambda m: m.ClearField("lookup_reference")),
        ("lookup_reference", lambda m: setattr(m, "lookup_reference", "r" * 129)),
        ("outcome", lambda m: m.ClearField("outcome")),
        ("ported", lambda m: m.ported.SetInParent()),
        ("ported.operator_id", lambda m: setattr(m.ported, "operator_id", "o" * 65)),
        ("ported.plmn", lambda m: setattr(m.ported, "plmn", "25001")),
        ("line_type.meta.source", lambda m: setattr(m.subscriber.line_type.meta, "source", "s" * 65)),
        ("line_type.meta.source", lambda m: setattr(m.subscriber.line_type.meta, "source", "h\nlr")),
        ("line_type.meta.code_space", lambda m: setattr(m.subscriber.line_type.meta, "code_space", "s" * 33)),
        ("line_type.meta.code", lambda m: setattr(m.subscriber.line_type.meta, "code", "c" * 129)),
        ("line_type.observe_time", lambda m: m.subscriber.line_type.meta.observe_time.FromSeconds(-1)),
        (
            "line_type.coverage_start_time",
            lambda m: setattr(m.subscriber.line_type.meta.coverage_start_time, "nanos", -1),
        ),
        ("activate_time.value", lambda m: setattr(m.subscriber.activate_time.value, "seconds", 2**40)),
        ("subscriber_ref.reference", lambda m: setattr(m.subscriber.subscriber_ref.value, "reference", b"r" * 15)),
        ("subscriber_ref.key_epoch", lambda m: m.subscriber.subscriber_ref.value.ClearField("key_epoch")),
        ("sim_ref.reference", lambda m: setattr(m.subscriber.sim_ref.value, "reference", b"r" * 65)),
        ("sim_ref.key_epoch", lambda m: setattr(m.subscriber.sim_ref.value, "key_epoch", "k" * 65)),
        ("device_ref.reference", lambda m: m.subscriber.device_ref.value.ClearField("reference")),
        ("device_ref.key_epoch", lambda m: m.subscriber.device_ref.value.ClearField("key_epoch")),
        ("device_ref.tac", lambda m: setattr(m.subscriber.device_ref.value, "tac", "351234567")),
        ("device_ref.tac", lambda m: setattr(m.subscriber.device_ref.value, "tac", "3512345a")),
        ("port.from_operator_id", lambda m: setattr(m.subscriber.port.value, "from_operator_id", "o" * 65)),
        ("forwarding.values", lambda m: m.subscriber.forwarding.values.extend(list(m.subscriber.forwarding.values))),
        ("serving.values", lambda m: m.subscriber.serving.values.extend(list(m.subscriber.serving.values))),
        ("serving.plmn", lambda m: _node(m, plmn="")),
        ("serving.node_ref", lambda m: _node(m, node_ref=b"short", key_epoch="1")),
        ("serving.key_epoch", lambda m: _node(m, node_ref=b"r" * 16)),
        ("sims_on_device.value", lambda m: setattr(m.subscriber.sims_on_device, "value", 0)),
    ],
)
def test_what_cannot_be_breaks_the_answer_and_is_named_without_its_content(field: str, change: Change) -> None:
    said = message()
    change(said)
    with pytest.raises(BrokenContractError) as caught:
        read(said)
    assert str(caught.value).startswith(f"{field}: ")
    assert NUMBER not in str(caught.value)


def test_an_answer_can_be_read_by_itself() -> None:
    found = read_lookup_message(message(), "mts", NOW)
    assert found.subscriber is not None
    assert (found.subscriber.subscriber_ref.value, found.subscriber.serving.value) == (OWNER, (NODE,))


def test_a_network_that_is_not_known_yet() -> None:
    assert Serving("250-01", "", ServingDomain.CS, Basis.DIRECT, 0, "") in (
        read(
            message(serving=known((replace(NODE, node_ref="", key_epoch="", update_time=0),)))
        ).subscriber.serving.value  # type: ignore[union-attr, operator]
    )
