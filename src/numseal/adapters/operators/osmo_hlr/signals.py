"""What an HLR's record tells of a subscriber, as the contract's signals. Only what OsmoHLR truly knows.

- `sim_ref`: a keyed hash of the IMSI. The HLR itself answers, so its basis is DIRECT.
- `serving`: a node for each domain in which the subscriber is registered, CS from `vlr_number` and PS from
  `sgsn_number`; its PLMN by the longest prefix that the settings know. Where one node's network is not known the whole
  signal is UNKNOWN with code NODE_NOT_PLACED, since that very node may be abroad. Without any node: OK, and registered
  nowhere. OsmoHLR does not tell when a node was registered: `update_time` is 0, which stands for a time not told.
  A node stays in the record after a purge (TS 23.012 §3.6.1.4), and `ms_purged_cs` and `ms_purged_ps` stay set after a
  later registration, so that absence cannot be told from presence: the node is named all the same, because one that an
  attacker registered must not be hidden by a purge before it, and the code PURGED stands beside it.
- `voice_service`: `nam_cs` (TS 23.008 §2.1.1.2). `data_service`: `nam_ps`. `sms_service`: on with `nam_cs`, off with
  neither; with `nam_ps` alone UNKNOWN, since an SGSN may carry messages or not (TS 23.040 §3.2.7).
- `line_type`: MOBILE where the operator says that no SIM for machines is in the HLR. Else it is not given, since the
  record does not tell them apart.

Not given: `reachability` and `last_seen` (OsmoHLR keeps neither a detached state nor tells times), `subscriber_ref`
(an HLR knows SIMs, not owners), `device_ref` and `sims_on_device` (the IMEI is not in the record), `forwarding` and all
that is in an operator's books.
"""

import hmac
import logging
from typing import Any

from numseal.adapters.operators.osmo_hlr.record import Record
from numseal.adapters.operators.osmo_hlr.settings import Settings
from numseal.domain.evidence import (
    SIGNAL_NAMES,
    Basis,
    LineType,
    Meta,
    ServiceState,
    Serving,
    ServingDomain,
    Signal,
    SignalState,
    SimRef,
    Subscriber,
)

SOURCE = "osmo-hlr"
TIME_NOT_TOLD = 0

_GIVEN = ("sim_ref", "sms_service", "voice_service", "data_service", "serving")
_NOT_SUPPORTED: Signal[Any] = Signal(Meta(SignalState.NOT_SUPPORTED))
_ABSENT = dict.fromkeys(SIGNAL_NAMES, _NOT_SUPPORTED)
_MOST_NODES = 1_000
_MOST_WARNINGS = 100

_log = logging.getLogger(__name__)


class Edge:
    """The operator's edge: turns records into signals. Owns the key of its references and the nodes it saw of late."""

    def __init__(self, settings: Settings, key: bytes) -> None:
        """Take the settings and the key of references."""
        self._key = key
        self._epoch = settings.key_epoch
        self._networks = dict(settings.node_networks)
        self._lengths = sorted({len(prefix) for prefix in self._networks}, reverse=True)
        self._handsets_only = settings.handsets_only
        self._nodes: dict[tuple[str, ServingDomain], Serving] = {}
        self._warnings = 0
        self.signals: tuple[str, ...] = ("line_type", *_GIVEN) if settings.handsets_only else _GIVEN

    def observe(self, record: Record, asked: tuple[str, ...], now: int) -> Subscriber:
        """Return the signals that were asked for, and only those."""
        seen = Meta(SignalState.OK, now, source=SOURCE)
        found: dict[str, Signal[Any]] = {}
        if "sim_ref" in asked:
            reference = self._reference(f"sim/{record.imsi}")
            found["sim_ref"] = Signal(seen, SimRef(reference, self._epoch, Basis.DIRECT))
        if "line_type" in asked and self._handsets_only:
            found["line_type"] = Signal(seen, LineType.MOBILE)
        if "sms_service" in asked:
            found["sms_service"] = _sms(record, seen)
        if "voice_service" in asked:
            found["voice_service"] = Signal(seen, _service(record.nam_cs))
        if "data_service" in asked:
            found["data_service"] = Signal(seen, _service(record.nam_ps))
        if "serving" in asked:
            found["serving"] = self._serving(record, seen)
        return Subscriber(**{**_ABSENT, **found})

    def _reference(self, text: str) -> str:
        """Return a keyed hash, 64 hex digits."""
        return hmac.digest(self._key, text.encode(), "sha256").hex()

    def _serving(self, record: Record, seen: Meta) -> Signal[tuple[Serving, ...]]:
        nodes = []
        if record.vlr_number:
            nodes.append(self._node(record.vlr_number, ServingDomain.CS))
        if record.sgsn_number:
            nodes.append(self._node(record.sgsn_number, ServingDomain.PS))
        state, code = SignalState.OK, ""
        if any(not node.plmn for node in nodes):
            state, code = SignalState.UNKNOWN, "NODE_NOT_PLACED"
        elif (record.ms_purged_cs and record.vlr_number) or (record.ms_purged_ps and record.sgsn_number):
            code = "PURGED"
        meta = Meta(state, seen.observe_time, source=SOURCE, code_space=SOURCE, code=code) if code else seen
        return Signal(meta, tuple(nodes))

    def _node(self, number: str, domain: ServingDomain) -> Serving:
        node = self._nodes.get((number, domain))
        if node is None:
            node = Serving(
                plmn=self._network(number),
                node_ref=self._reference(f"node/{number}"),
                domain=domain,
                basis=Basis.DIRECT,
                update_time=TIME_NOT_TOLD,
                key_epoch=self._epoch,
            )
            if len(self._nodes) >= _MOST_NODES:
                self._nodes.clear()
            self._nodes[number, domain] = node
        return node

    def _network(self, number: str) -> str:
        """Return the PLMN of a node by the longest prefix of its number, empty where none is known."""
        for length in self._lengths:
            plmn = self._networks.get(number[:length])
            if plmn is not None:
                return plmn
        if self._warnings < _MOST_WARNINGS:
            self._warnings += 1
            _log.warning(
                "no prefix of node_networks places the node %s: who is served there has no known network", number
            )
        return ""


def _service(on: bool) -> ServiceState:
    return ServiceState.ON if on else ServiceState.OFF


def _sms(record: Record, seen: Meta) -> Signal[ServiceState]:
    if record.nam_ps and not record.nam_cs:
        return Signal(Meta(SignalState.UNKNOWN, seen.observe_time, source=SOURCE, code_space=SOURCE, code="PS_ONLY"))
    return Signal(seen, _service(record.nam_cs))
