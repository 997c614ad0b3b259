"""Evidence to begin a test with: an ordinary MTS subscriber, everything known, a code shown, no finding.

evidence()                                       # LOW under the packaged policy
evidence(possession=Possession(Method.NETWORK, NOW - 30, NOW))               # HIGH
evidence(after=answer(sim_change=known(SimChange(NOW - DAY, SimChangeKind.NEW))))
"""

import tomllib
from dataclasses import replace
from importlib import resources
from typing import Any, TypeVar

from numseal.domain.evidence import (
    Basis,
    ClientNetwork,
    ContractType,
    DeviceRef,
    Evidence,
    Facts,
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
)
from numseal.domain.policy import Policy, parse_policy
from numseal.domain.rules import SHAPES

T = TypeVar("T")

NOW = 1_750_000_000
DAY = 86_400
OWNER = SubscriberRef("a" * 32, "1")
SIM = SimRef("5" * 32, "1", Basis.DIRECT)
DEVICE = DeviceRef("d" * 32, "1", "35123456")
NODE = Serving("250-01", "e" * 32, ServingDomain.CS, Basis.DIRECT, NOW - 3600, "1")


def known(value: T | None) -> Signal[T]:
    """Make a signal that the operator answered."""
    return Signal(Meta(SignalState.OK, NOW, source="HLR"), value)


def unknown() -> Signal[Any]:
    """Make a signal that the operator did not answer."""
    return Signal(Meta(SignalState.UNKNOWN))


def subscriber(**signals: Signal[Any]) -> Subscriber:
    """Make an ordinary subscriber, with some signals changed."""
    ordinary = Subscriber(
        subscriber_ref=known(OWNER),
        sim_ref=known(SIM),
        device_ref=known(DEVICE),
        line_type=known(LineType.MOBILE),
        contract_type=known(ContractType.PREPAID),
        identity_on_file=known(True),
        activate_time=known(NOW - 900 * DAY),
        sim_change=known(SimChange(NOW - 400 * DAY, SimChangeKind.NEW)),
        port=known(None),
        recycled=known(False),
        forwarding=known((Forwarding(ForwardingKind.UNCONDITIONAL, active=False),)),
        sms_service=known(ServiceState.ON),
        voice_service=known(ServiceState.ON),
        data_service=known(ServiceState.ON),
        reachability=known(Reachability.REACHABLE),
        last_seen=known(NOW - 60),
        serving=known((NODE,)),
        sims_on_device=known(1),
    )
    return replace(ordinary, **signals)


def answer(
    outcome: LookupOutcome = LookupOutcome.SUBSCRIBER, operator: str = "mts", at: int = NOW, **signals: Signal[Any]
) -> Lookup:
    """Make an operator's answer."""
    found = subscriber(**signals) if outcome is LookupOutcome.SUBSCRIBER else None
    return Lookup(outcome, operator, at, subscriber=found)


def previous(**facts: Any) -> PreviousBinding:
    """Make an earlier binding of the number, thirty days old, with the same SIM, in a handset that nobody named."""
    then = Facts(operator_id="mts", observed_time=NOW - 30 * DAY, subscriber_ref=OWNER, sim_ref=SIM)
    return PreviousBinding("b" * 32, same_account=False, verified_time=NOW - 30 * DAY, facts=replace(then, **facts))


def evidence(**changes: Any) -> Evidence:
    """Make the evidence of a first sign-up by SMS."""
    ordinary = Evidence(
        phone_number="+79161234567",
        routed_operator="mts",
        time=NOW,
        before=answer(at=NOW - 60),
        after=answer(),
        possession=Possession(Method.SMS, NOW - 30, NOW),
        client=ClientNetwork("RU", NetworkKind.FIXED),
        velocity=Velocity(1, 1, 1, 1, 1, 0),
        country="RU",
        home_plmns=("250-01",),
    )
    return replace(ordinary, **changes)


def packaged_policy() -> Policy:
    """Read the packaged default policy."""
    text = resources.files("numseal.apps").joinpath("data", "policy.toml").read_text(encoding="utf-8")
    return parse_policy(tomllib.loads(text), SHAPES)
