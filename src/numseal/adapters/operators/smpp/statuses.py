"""What a submit_sm_resp's `command_status` means for a code (SMPP 3.4 §5.1.3). A table and its reader, nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass

from numseal.adapters.operators.smpp.commands import Status
from numseal.domain.operator import SendOutcome

OUTCOMES: Mapping[int, SendOutcome] = {
    Status.ROK: SendOutcome.ACCEPTED,
    Status.RINVMSGLEN: SendOutcome.CONTENT,
    Status.RINVSRCADR: SendOutcome.CONTENT,
    # The SMSC has no route to the number: what it is (ported, fixed, unassigned) this status does not tell.
    Status.RINVDSTADR: SendOutcome.NOT_OURS,
    Status.RMSGQFUL: SendOutcome.THROTTLED,
    # Of all that we set there, only the header of a long text's parts differs from text to text.
    Status.RINVESMCLASS: SendOutcome.CONTENT,
    Status.RINVSRCTON: SendOutcome.CONTENT,
    Status.RINVSRCNPI: SendOutcome.CONTENT,
    Status.RTHROTTLED: SendOutcome.THROTTLED,
    # "ESME Receiver Reject Message": the network behind the SMSC does not take messages for this subscriber.
    Status.RX_R_APPN: SendOutcome.BARRED,
}
"""Statuses that speak of this order; any other speaks of the SMSC or of how we use it, and no code was sent."""

SESSION_STATUSES = frozenset({Status.RINVBNDSTS})
"""Statuses after which the session is of no use: the SMSC does not hold it to be bound."""

VENDOR_STATUSES = range(0x0400, 0x0500)
"""Statuses that each SMSC's vendor defines (§5.1.3); settings may give them a meaning."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """An SMSC's answer to one submit_sm; `message_id` is empty where it did not take the message, or tells none."""

    status: int
    message_id: str = ""


def outcome_of(status: int, vendor: Mapping[int, SendOutcome]) -> SendOutcome | None:
    """Return what a status says of the order, None where it says that the SMSC did not do its work."""
    return OUTCOMES.get(status) or vendor.get(status)


def named(status: int) -> str:
    """Return a status as people look it up."""
    try:
        return f"ESME_{Status(status).name} ({status:#010x})"
    except ValueError:
        return f"{status:#010x}"
