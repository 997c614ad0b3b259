"""Tables only: the simulated network's enumerations and their numbers on the wire, both ways.

Where domain and contract cut the world differently, several values of the one share a value of the other; a value of
the contract that the simulation has no counterpart of is left out.
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
    SignalState,
    SimChangeKind,
)
from numseal.domain.simulation import DeliveryBehavior, MessageKind, SubscriptionState

SUBSCRIPTION_STATES = {
    state: pb.SubscriptionState.Value(f"SUBSCRIPTION_STATE_{state.name}") for state in SubscriptionState
}
MESSAGE_KINDS = {kind: pb.MessageKind.Value(f"MESSAGE_KIND_{kind.name}") for kind in MessageKind}

BEHAVIORS = {item: pb.DeliveryBehavior.Value(f"DELIVERY_BEHAVIOR_{item.name}") for item in DeliveryBehavior}
BEHAVIOR_OF: Mapping[int, DeliveryBehavior] = {value: item for item, value in BEHAVIORS.items()}

SIM_CHANGE_KINDS = {kind: operator_pb.SimChangeKind.Value(f"SIM_CHANGE_KIND_{kind.name}") for kind in SimChangeKind}
SIM_CHANGE_KIND_OF: Mapping[int, SimChangeKind] = {value: kind for kind, value in SIM_CHANGE_KINDS.items()}

FORWARDING_KINDS = {kind: operator_pb.ForwardingKind.Value(f"FORWARDING_KIND_{kind.name}") for kind in ForwardingKind}
FORWARDING_KIND_OF: Mapping[int, ForwardingKind] = {value: kind for kind, value in FORWARDING_KINDS.items()}

SIGNAL_STATES = {state: operator_pb.SignalState.Value(f"SIGNAL_STATE_{state.name}") for state in SignalState}
SIGNAL_STATE_OF: Mapping[int, SignalState] = {value: state for state, value in SIGNAL_STATES.items()}

SIGNALS = {name: operator_pb.SignalKind.Value(f"SIGNAL_KIND_{name.upper()}") for name in SIGNAL_NAMES}
SIGNAL_OF: Mapping[int, str] = {value: name for name, value in SIGNALS.items()}

LINE_TYPES = {
    LineType.MOBILE: operator_pb.LINE_TYPE_MOBILE,
    LineType.FIXED: operator_pb.LINE_TYPE_FIXED,
    LineType.VOIP: operator_pb.LINE_TYPE_VOIP,
    LineType.PREMIUM: operator_pb.LINE_TYPE_SPECIAL,
    LineType.TOLL_FREE: operator_pb.LINE_TYPE_SPECIAL,
    LineType.PAGER: operator_pb.LINE_TYPE_SPECIAL,
    LineType.M2M: operator_pb.LINE_TYPE_MACHINE,
    LineType.UNKNOWN: operator_pb.LINE_TYPE_UNSPECIFIED,
}
LINE_TYPE_OF: Mapping[int, LineType] = {
    operator_pb.LINE_TYPE_MOBILE: LineType.MOBILE,
    operator_pb.LINE_TYPE_FIXED: LineType.FIXED,
    operator_pb.LINE_TYPE_VOIP: LineType.VOIP,
    operator_pb.LINE_TYPE_SPECIAL: LineType.PREMIUM,
    operator_pb.LINE_TYPE_MACHINE: LineType.M2M,
}

CONTRACT_TYPES = {
    ContractType.PREPAID: operator_pb.CONTRACT_TYPE_PREPAID,
    ContractType.POSTPAID: operator_pb.CONTRACT_TYPE_POSTPAID,
    ContractType.BUSINESS: operator_pb.CONTRACT_TYPE_CORPORATE,
}
CONTRACT_TYPE_OF: Mapping[int, ContractType] = {value: item for item, value in CONTRACT_TYPES.items()}

REACHABILITIES = {
    Reachability.REACHABLE: operator_pb.REACHABILITY_REACHABLE,
    Reachability.ABSENT: operator_pb.REACHABILITY_NOT_REACHABLE,
    Reachability.DETACHED: operator_pb.REACHABILITY_NOT_REACHABLE,
    Reachability.PURGED: operator_pb.REACHABILITY_NOT_REACHABLE,
}
REACHABILITY_OF: Mapping[int, Reachability] = {
    operator_pb.REACHABILITY_REACHABLE: Reachability.REACHABLE,
    operator_pb.REACHABILITY_NOT_REACHABLE: Reachability.ABSENT,
}

SERVICE_OF: Mapping[int, bool] = {operator_pb.SERVICE_STATE_ON: True, operator_pb.SERVICE_STATE_OFF: False}
