"""What an operator says of a subscriber: the contract's signals, made at the operator's edge.

References are keyed hashes under the operator's own key; nothing they are made of crosses.
"""

from dataclasses import replace
from hashlib import blake2b
from itertools import combinations
from typing import Any

from numseal.adapters.operators.simulator.operators import OperatorProfile
from numseal.domain.evidence import (
    Basis,
    DeviceRef,
    Forwarding,
    ForwardingKind,
    Meta,
    Reachability,
    Serving,
    ServingDomain,
    Signal,
    SignalState,
    SimRef,
    Subscriber,
    SubscriberRef,
)
from numseal.domain.operator import LookupRequest
from numseal.domain.simulation import OverrideSignal, SimulatedSubscriber

KEY_EPOCH = "1"
UPDATE_PERIOD = 6 * 3_600
"""Seconds between the periodic location updates of a handset that stays (T3212, TS 24.008)."""

_LONGEST_SILENCE = 300
_ABSENCE = 3_600
_DAY = 86_400
_NOT_SUPPORTED: Signal[Any] = Signal(Meta(SignalState.NOT_SUPPORTED))
_FROM_CRM = frozenset(
    {"subscriber_ref", "contract_type", "identity_on_file", "activate_time", "sim_change", "port", "recycled"}
)


class Edge:
    """One operator's edge: turns a subscriber into signals. Holds its key and no other state."""

    def __init__(self, profile: OperatorProfile, key: bytes) -> None:
        """Take the operator's ways and the key of its references (up to 64 bytes)."""
        self._profile = profile
        self._key = key

    def observe(self, subscriber: SimulatedSubscriber, request: LookupRequest, now: int) -> Subscriber:
        """Return the signals that were asked for, and only those; unknown names are left out."""
        since = self._profile.records_since
        hlr = Meta(SignalState.OK, now, since, "hlr")
        crm = Meta(SignalState.OK, now, since, "crm")
        unsupported = self._profile.unsupported
        values = self._values(subscriber, request, now)
        found: dict[str, Signal[Any]] = {}
        for name in request.signals:
            if name in unsupported:
                found[name] = _NOT_SUPPORTED
            elif name in values:
                found[name] = Signal(crm if name in _FROM_CRM else hlr, values[name])
            elif name == "recycled":
                found[name] = self._recycled(subscriber, request.since_time, crm)
        for override in subscriber.overrides:
            if override.signal in found:
                found[override.signal] = _overridden(found[override.signal], override)
        return Subscriber(**found)

    def reference(self, text: str) -> str:
        """Return a keyed hash, 32 hex digits."""
        return blake2b(text.encode(), key=self._key, digest_size=16).hexdigest()

    def subscriber_ref(self, subscriber: SimulatedSubscriber) -> SubscriberRef | None:
        """Return the owner's reference; None where this operator tells none."""
        if "subscriber_ref" in self._profile.unsupported:
            return None
        return SubscriberRef(self.reference(f"owner/{_owner(subscriber)}"), KEY_EPOCH)

    def device_ref(self, subscriber: SimulatedSubscriber) -> DeviceRef | None:
        """Return the handset's reference; None where this operator tells none."""
        if "device_ref" in self._profile.unsupported:
            return None
        reference = self.reference(f"device/{_owner(subscriber)}/{subscriber.device_generation}")
        return DeviceRef(reference, KEY_EPOCH, subscriber.tac)

    def sim_ref(self, subscriber: SimulatedSubscriber) -> SimRef | None:
        """Return the SIM's reference; None where this operator tells none, or has a router answer for its HLR."""
        if "sim_ref" in self._profile.unsupported or subscriber.home_routed:
            return None
        reference = self.reference(f"sim/{_owner(subscriber)}/{subscriber.sim_generation}")
        return SimRef(reference, KEY_EPOCH, Basis.DIRECT)

    def _values(self, subscriber: SimulatedSubscriber, request: LookupRequest, now: int) -> dict[str, object]:
        return {
            "subscriber_ref": self.subscriber_ref(subscriber),
            "sim_ref": self.sim_ref(subscriber) or self._correlation(request.request_id),
            "device_ref": self.device_ref(subscriber),
            "line_type": subscriber.line_type,
            "contract_type": subscriber.contract_type,
            "identity_on_file": subscriber.identity_on_file,
            "activate_time": subscriber.activate_time,
            "sim_change": subscriber.sim_change,
            "port": subscriber.port,
            "forwarding": _FORWARDING[subscriber.forwarding],
            "sms_service": subscriber.sms_service,
            "voice_service": subscriber.voice_service,
            "data_service": subscriber.data_service,
            "reachability": subscriber.reachability,
            "last_seen": now - _silence(subscriber),
            "serving": (self._serving(subscriber, now),),
            "sims_on_device": subscriber.sims_on_device,
        }

    def _correlation(self, request_id: str) -> SimRef:
        """Return what a router gives in place of the IMSI: an id of its own, another for each question (TS 23.840)."""
        return SimRef(self.reference(f"correlation/{request_id}"), KEY_EPOCH, Basis.HOME_ROUTED)

    def _serving(self, subscriber: SimulatedSubscriber, now: int) -> Serving:
        jitter = subscriber.activate_time % UPDATE_PERIOD
        periodic = now - (now + jitter) % UPDATE_PERIOD
        located = subscriber.located_time
        return Serving(
            plmn=subscriber.serving_plmn,
            node_ref=self.reference(f"node/{subscriber.serving_plmn}/{subscriber.serving_node}"),
            domain=ServingDomain.PS if subscriber.reachability is Reachability.DATA_ONLY else ServingDomain.CS,
            basis=Basis.HOME_ROUTED if subscriber.home_routed else Basis.DIRECT,
            update_time=periodic if located is None else max(located, periodic),
            key_epoch=KEY_EPOCH,
        )

    def _recycled(self, subscriber: SimulatedSubscriber, since_time: int | None, meta: Meta) -> Signal[bool]:
        """Say whether the owner changed after `since_time`; a contract that began at it is no change."""
        if since_time is None:
            return Signal(replace(meta, state=SignalState.UNKNOWN))
        if since_time < self._profile.records_since:
            return Signal(replace(meta, state=SignalState.NO_COVERAGE))
        return Signal(meta, since_time < subscriber.activate_time)


def _owner(subscriber: SimulatedSubscriber) -> str:
    return f"{subscriber.msisdn}/{subscriber.owner_generation}"


def _silence(subscriber: SimulatedSubscriber) -> int:
    """Return how long ago the network last heard of the handset."""
    seconds = subscriber.activate_time % _LONGEST_SILENCE
    return seconds + _ABSENCE if subscriber.reachability is Reachability.NOT_REACHABLE else seconds


def _overridden(signal: Signal[Any], override: OverrideSignal) -> Signal[Any]:
    """Answer with another state; only STALE keeps the value, seen a day ago."""
    meta = replace(signal.meta, state=override.state, code_space=override.code_space, code=override.code)
    if override.state is not SignalState.STALE or meta.observe_time is None:
        return Signal(meta)
    return Signal(replace(meta, observe_time=meta.observe_time - _DAY), signal.value)


def _forwardings() -> dict[frozenset[ForwardingKind], tuple[Forwarding, ...]]:
    """Return the signal for every set of active services."""
    kinds = tuple(ForwardingKind)
    return {
        frozenset(active): tuple(Forwarding(kind, kind in active) for kind in kinds)
        for count in range(len(kinds) + 1)
        for active in combinations(kinds, count)
    }


_FORWARDING = _forwardings()
