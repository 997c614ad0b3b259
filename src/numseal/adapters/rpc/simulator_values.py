"""Tables only: the simulated network's enumerations and their numbers on the wire, both ways, by their names.

A value of the contract that the simulation has no counterpart of is left out.
"""

from collections.abc import Mapping

from numseal.api.operator.v1 import subscriber_pb2 as operator_pb
from numseal.api.simulator.v1 import simulator_pb2 as pb
from numseal.domain.evidence import (
    SIGNAL_NAMES,
    ContractType,
    ForwardingKind,
    LineType,
    Reachability,
    ServiceState,
    SignalState,
    SimChangeKind,
)
from numseal.domain.operator import WATCHED_KINDS, EventKind
from numseal.domain.simulation import DeliveryBehavior, MessageKind, SubscriptionState

SUBSCRIPTION_STATES = {
    state: pb.SubscriptionState.Value(f"SUBSCRIPTION_STATE_{state.name}") for state in SubscriptionState
}
MESSAGE_KINDS = {kind: pb.MessageKind.Value(f"MESSAGE_KIND_{kind.name}") for kind in MessageKind}

BEHAVIORS = {item: pb.DeliveryBehavior.Value(f"DELIVERY_BEHAVIOR_{item.name}") for item in DeliveryBehavior}
BEHAVIOR_OF: Mapping[int, DeliveryBehavior] = {value: item for item, value in BEHAVIORS.items()}

EVENT_KIND_OF: Mapping[int, EventKind] = {
    pb.SimulatedEventKind.Value(f"SIMULATED_EVENT_KIND_{kind.name}"): kind for kind in WATCHED_KINDS
}

SIM_CHANGE_KINDS = {kind: operator_pb.SimChangeKind.Value(f"SIM_CHANGE_KIND_{kind.name}") for kind in SimChangeKind}
SIM_CHANGE_KIND_OF: Mapping[int, SimChangeKind] = {value: kind for kind, value in SIM_CHANGE_KINDS.items()}

FORWARDING_KINDS = {kind: operator_pb.ForwardingKind.Value(f"FORWARDING_KIND_{kind.name}") for kind in ForwardingKind}
FORWARDING_KIND_OF: Mapping[int, ForwardingKind] = {value: kind for kind, value in FORWARDING_KINDS.items()}

SIGNAL_STATES = {state: operator_pb.SignalState.Value(f"SIGNAL_STATE_{state.name}") for state in SignalState}
SIGNAL_STATE_OF: Mapping[int, SignalState] = {value: state for state, value in SIGNAL_STATES.items()}

SIGNALS = {name: operator_pb.SignalKind.Value(f"SIGNAL_KIND_{name.upper()}") for name in SIGNAL_NAMES}
SIGNAL_OF: Mapping[int, str] = {value: name for name, value in SIGNALS.items()}

LINE_TYPES = {item: operator_pb.LineType.Value(f"LINE_TYPE_{item.name}") for item in LineType}
LINE_TYPE_OF: Mapping[int, LineType] = {value: item for item, value in LINE_TYPES.items()}

CONTRACT_TYPES = {item: operator_pb.ContractType.Value(f"CONTRACT_TYPE_{item.name}") for item in ContractType}
CONTRACT_TYPE_OF: Mapping[int, ContractType] = {value: item for item, value in CONTRACT_TYPES.items()}

SERVICE_STATES = {state: operator_pb.ServiceState.Value(f"SERVICE_STATE_{state.name}") for state in ServiceState}
SERVICE_STATE_OF: Mapping[int, ServiceState] = {value: state for state, value in SERVICE_STATES.items()}

REACHABILITIES = {item: operator_pb.Reachability.Value(f"REACHABILITY_{item.name}") for item in Reachability}
REACHABILITY_OF: Mapping[int, Reachability] = {value: item for item, value in REACHABILITIES.items()}
