"""Errors of the mobile application part, as operators hand them on in the code space "map" (TS 29.002 §17.6.6).

Data only. Vendors renumber, so that a bare code, or one of another space, means nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

CODE_SPACE = "map"


class MapGroup(StrEnum):
    """What an error says of the subscriber (TS 29.002 §7.6.1)."""

    GONE = "GONE"
    IDENTITY = "IDENTITY"
    SERVICE = "SERVICE"
    ABSENCE = "ABSENCE"
    TRANSIENT = "TRANSIENT"


@dataclass(frozen=True, slots=True)
class MapError:
    """One error by its name in the standard."""

    name: str
    group: MapGroup


MAP_ERRORS: Mapping[str, MapError] = {
    # Identification errors, TS 29.002 §7.6.1.1
    "1": MapError("unknownSubscriber", MapGroup.GONE),
    "44": MapError("numberChanged", MapGroup.GONE),
    "5": MapError("unidentifiedSubscriber", MapGroup.IDENTITY),
    "9": MapError("illegalSubscriber", MapGroup.IDENTITY),
    "12": MapError("illegalEquipment", MapGroup.IDENTITY),
    # Subscription and call errors, TS 29.002 §7.6.1.3 and §7.6.1.4
    "8": MapError("roamingNotAllowed", MapGroup.SERVICE),
    "10": MapError("bearerServiceNotProvisioned", MapGroup.SERVICE),
    "11": MapError("teleserviceNotProvisioned", MapGroup.SERVICE),
    "13": MapError("callBarred", MapGroup.SERVICE),
    "21": MapError("facilityNotSupported", MapGroup.SERVICE),
    # The handset does not answer
    "27": MapError("absentSubscriber", MapGroup.ABSENCE),
    "6": MapError("absentSubscriberSM", MapGroup.ABSENCE),
    # Passing trouble of a node, a busy handset, a message that was not taken
    "31": MapError("subscriberBusyForMT-SMS", MapGroup.TRANSIENT),
    "32": MapError("sm-DeliveryFailure", MapGroup.TRANSIENT),
    "34": MapError("systemFailure", MapGroup.TRANSIENT),
    "35": MapError("dataMissing", MapGroup.TRANSIENT),
    "36": MapError("unexpectedDataValue", MapGroup.TRANSIENT),
}
"""Errors by their local value as text; those that say something of a subscriber, and the passing ones."""


def map_error(code_space: str, code: str) -> MapError | None:
    """Return the error that a code stands for, None in any other space."""
    return MAP_ERRORS.get(code) if code_space == CODE_SPACE else None
