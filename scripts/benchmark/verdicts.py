"""The cost of one verdict: evidence with two full lookups and an earlier binding, under the packaged policy.

CPU time of this process, the best of several rounds; nothing is served and nothing is stored.
"""

import time
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from typing import Any

from numseal.domain.evidence import (
    Basis,
    ClientNetwork,
    ContractType,
    DeliveryState,
    DeviceRef,
    Evidence,
    Forwarding,
    ForwardingKind,
    LineType,
    Lookup,
    LookupOutcome,
    Meta,
    Method,
    NetworkKind,
    Possession,
    PreviousBinding,
    Reachability,
    ServiceState,
    Serving,
    ServingDomain,
    Signal,
    SignalState,
    SimChange,
    SimChangeKind,
    SimRef,
    Subscriber,
    SubscriberRef,
    Velocity,
    facts_of,
)
from numseal.domain.policy import Policy, parse_policy
from numseal.domain.rules import SHAPES
from numseal.domain.verdict import Level
from numseal.domain.verdicts import evaluate

GOAL_US = 50.0
ROUNDS = 60
VERDICTS_A_ROUND = 400
_NOW = 1_750_000_000
_DAY = 86_400


def measure() -> dict[str, float]:
    """Return the CPU time of a verdict in microseconds for each kind of evidence."""
    policy = _packaged()
    return {name: _cost(evidence, policy) for name, evidence in _evidence().items()}


def to_text(costs: Mapping[str, float]) -> str:
    """Return the figures as a table, with the goal."""
    lines = [f"{'verdict over':<44}{'µs':>8}"]
    lines += [f"{name:<44}{cost:>8.1f}" for name, cost in costs.items()]
    met = "met" if max(costs.values()) < GOAL_US else "not met"
    return "\n".join([*lines, f"goal: each under {GOAL_US:.0f} µs: {met}"])


def _cost(evidence: Evidence, policy: Policy) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(VERDICTS_A_ROUND):
            evaluate(evidence, policy)
        best = min(best, time.process_time() - begun)
    return best / VERDICTS_A_ROUND * 1e6


def _packaged() -> Policy:
    text = resources.files("numseal.apps").joinpath("data", "policy.toml").read_text(encoding="utf-8")
    return parse_policy(tomllib.loads(text), SHAPES)


def _evidence() -> dict[str, Evidence]:
    before, after = _lookup(_NOW - 40), _lookup(_NOW)
    bound = replace(_lookup(_NOW - 30 * _DAY), time=_NOW - 30 * _DAY)
    previous = PreviousBinding(
        "b" * 32, same_account=True, verified_time=_NOW - 30 * _DAY, facts=facts_of(bound), level=Level.LOW
    )
    code = Evidence(
        phone_number="+79161234567",
        routed_operator="mts",
        time=_NOW,
        before=before,
        after=after,
        possession=Possession(Method.SMS, _NOW - 30, _NOW - 5, DeliveryState.DELIVERED),
        previous=previous,
        client=ClientNetwork("RU", NetworkKind.FIXED),
        velocity=Velocity(1, 1, 1, 1, 1, 0),
        country="RU",
        home_plmns=("250-01",),
        required_level=Level.LOW,
    )
    network = replace(code, possession=Possession(Method.NETWORK, _NOW - 30, _NOW - 5))
    moved = _lookup(_NOW, sim_change=SimChange(_NOW - _DAY, SimChangeKind.REPLACED), sim_ref=_sim("6"))
    return {
        "a code, nothing found": code,
        "network possession, nothing found": network,
        "a code, another SIM since the binding": replace(code, before=moved, after=moved),
        "a code below the level required": replace(code, required_level=Level.HIGH),
    }


def _sim(digit: str) -> SimRef:
    return SimRef(digit * 32, "1", Basis.DIRECT)


def _lookup(at: int, **changes: Any) -> Lookup:
    values: dict[str, Any] = {
        "subscriber_ref": SubscriberRef("a" * 32, "1"),
        "sim_ref": _sim("5"),
        "device_ref": DeviceRef("d" * 32, "1", "35123456"),
        "line_type": LineType.MOBILE,
        "contract_type": ContractType.PREPAID,
        "identity_on_file": True,
        "activate_time": _NOW - 900 * _DAY,
        "sim_change": SimChange(_NOW - 400 * _DAY, SimChangeKind.NEW),
        "port": None,
        "recycled": False,
        "forwarding": tuple(Forwarding(kind, active=False) for kind in ForwardingKind),
        "sms_service": ServiceState.ON,
        "voice_service": ServiceState.ON,
        "data_service": ServiceState.ON,
        "reachability": Reachability.REACHABLE,
        "last_seen": at - 60,
        "serving": (
            Serving("250-01", "e" * 32, ServingDomain.CS, Basis.DIRECT, _NOW - 7_200, "1"),
            Serving("250-01", "f" * 32, ServingDomain.PS, Basis.DIRECT, _NOW - 7_200, "1"),
        ),
        "sims_on_device": 1,
        **changes,
    }
    meta = Meta(SignalState.OK, at, source="hlr")
    found = Subscriber(**{name: Signal(meta, value) for name, value in values.items()})
    return Lookup(LookupOutcome.SUBSCRIBER, "mts", at, subscriber=found)
