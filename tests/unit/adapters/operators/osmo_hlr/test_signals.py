"""What a record tells, and what it does not."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from numseal.adapters.operators.osmo_hlr.record import Record
from numseal.adapters.operators.osmo_hlr.settings import Settings
from numseal.adapters.operators.osmo_hlr.signals import Edge
from numseal.domain.evidence import (
    SIGNAL_NAMES,
    Basis,
    LineType,
    ServiceState,
    ServingDomain,
    SignalState,
    Subscriber,
)

NOW = 1_750_000_000
KEY = b"k" * 32
RECORD = Record(
    imsi="250010000000001",
    nam_cs=True,
    nam_ps=True,
    vlr_number="",
    sgsn_number="",
    ms_purged_cs=False,
    ms_purged_ps=False,
)
NETWORKS = {"79": "250-99", "7916": "250-01", "MSC-": "901-70", "49151": "262-01"}


def observed(record: Record = RECORD, key: bytes = KEY, **settings: Any) -> Subscriber:
    edge = Edge(Settings("127.0.0.1", **{"node_networks": NETWORKS, **settings}), key)
    return edge.observe(record, SIGNAL_NAMES, NOW)


def test_only_what_was_asked_for_is_told() -> None:
    edge = Edge(Settings("127.0.0.1", handsets_only=True), KEY)
    assert edge.signals == ("line_type", "sim_ref", "sms_service", "voice_service", "data_service", "serving")
    for name in edge.signals:
        found = edge.observe(RECORD, (name, "no-such-signal"), NOW)
        told = [other for other, signal in found.signals() if signal.meta.state is not SignalState.NOT_SUPPORTED]
        assert told == [name]


def test_the_reference_of_a_sim_depends_on_its_imsi_and_the_key() -> None:
    first = observed().sim_ref.known
    assert first is not None
    assert (first.basis, first.key_epoch) == (Basis.DIRECT, "1")
    assert len(first.ref) == 64
    assert observed().sim_ref.known == first
    assert observed(replace(RECORD, imsi="250010000000002")).sim_ref.known != first
    assert observed(key=b"o" * 32).sim_ref.known != first
    renewed = observed(key_epoch="2").sim_ref.known
    assert renewed is not None
    assert renewed.key_epoch == "2"


def test_a_node_named_as_an_imsi_has_another_reference() -> None:
    found = observed(replace(RECORD, vlr_number=RECORD.imsi), node_networks={"25001": "250-01"})
    (node,) = found.serving.known or ()
    assert found.sim_ref.known is not None
    assert node.node_ref != found.sim_ref.known.ref


@pytest.mark.parametrize(
    ("number", "plmn"),
    [("79161", "250-01"), ("7916", "250-01"), ("79991", "250-99"), ("4915112", "262-01"), ("MSC-00-01", "901-70")],
)
def test_the_longest_prefix_places_a_node(number: str, plmn: str) -> None:
    serving = observed(replace(RECORD, vlr_number=number)).serving
    (node,) = serving.known or ()
    assert (node.plmn, node.domain, node.basis) == (plmn, ServingDomain.CS, Basis.DIRECT)
    assert node.update_time == 0
    assert number not in node.node_ref
    assert (serving.meta.observe_time, serving.meta.source, serving.meta.code) == (NOW, "osmo-hlr", "")


def test_one_node_without_a_known_network_makes_the_whole_signal_unknown() -> None:
    serving = observed(replace(RECORD, vlr_number="79161", sgsn_number="33612")).serving
    assert serving.known is None
    assert (serving.meta.state, serving.meta.code_space, serving.meta.code) == (
        SignalState.UNKNOWN,
        "osmo-hlr",
        "NODE_NOT_PLACED",
    )
    assert [(node.domain, node.plmn) for node in serving.value or ()] == [
        (ServingDomain.CS, "250-01"),
        (ServingDomain.PS, ""),
    ]


def test_an_operator_is_told_of_nodes_without_a_network_and_not_too_often(caplog: pytest.LogCaptureFixture) -> None:
    edge = Edge(Settings("127.0.0.1"), KEY)
    with caplog.at_level(logging.WARNING):
        for number in range(300):
            for _ in range(2):
                edge.observe(replace(RECORD, vlr_number=f"33{number}"), ("serving",), NOW)
    assert "node_networks" in caplog.records[0].message
    assert "330" in caplog.records[0].message
    assert len(caplog.records) == 100
    assert RECORD.imsi not in caplog.text


def test_more_nodes_than_are_kept_are_placed_all_the_same() -> None:
    edge = Edge(Settings("127.0.0.1", node_networks=NETWORKS), KEY)
    found = [
        edge.observe(replace(RECORD, vlr_number=f"7916{number % 1_100}"), ("serving",), NOW) for number in range(2_200)
    ]
    references = {node.node_ref for one in found for node in one.serving.known or ()}
    assert len(references) == 1_100


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (replace(RECORD, vlr_number="79161", ms_purged_cs=True), "PURGED"),
        (replace(RECORD, sgsn_number="79161", ms_purged_ps=True), "PURGED"),
        (replace(RECORD, vlr_number="79161", ms_purged_ps=True), ""),
        (replace(RECORD, sgsn_number="79161", ms_purged_cs=True), ""),
        (replace(RECORD, vlr_number="33612", ms_purged_cs=True), "NODE_NOT_PLACED"),
    ],
)
def test_a_purge_is_told_beside_the_node_that_it_may_concern(record: Record, code: str) -> None:
    meta = observed(record).serving.meta
    assert (meta.code, meta.code_space) == (code, "osmo-hlr" if code else "")


def test_registered_nowhere_is_known() -> None:
    serving = observed().serving
    assert (serving.meta.state, serving.value) == (SignalState.OK, ())


@pytest.mark.parametrize(
    ("cs", "ps", "voice", "data", "sms"),
    [
        (True, True, ServiceState.ON, ServiceState.ON, ServiceState.ON),
        (True, False, ServiceState.ON, ServiceState.OFF, ServiceState.ON),
        (False, True, ServiceState.OFF, ServiceState.ON, None),
        (False, False, ServiceState.OFF, ServiceState.OFF, ServiceState.OFF),
    ],
)
def test_services_are_what_is_provisioned(
    cs: bool, ps: bool, voice: ServiceState, data: ServiceState, sms: ServiceState | None
) -> None:
    found = observed(replace(RECORD, nam_cs=cs, nam_ps=ps))
    assert (found.voice_service.known, found.data_service.known, found.sms_service.known) == (voice, data, sms)
    assert found.sms_service.meta.state is (SignalState.OK if sms else SignalState.UNKNOWN)


def test_a_line_is_mobile_only_where_the_operator_says_so() -> None:
    assert observed().line_type.meta.state is SignalState.NOT_SUPPORTED
    assert observed(handsets_only=True).line_type.known is LineType.MOBILE
