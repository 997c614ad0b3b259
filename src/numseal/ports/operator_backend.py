"""What Numseal asks of the operator that owns a subscriber. Built-in and remote backends answer this same contract.

A backend is stateless towards Numseal: it hands back opaque bytes (`challenge`, at most 1 KiB) and gets them again.
"""

from typing import Protocol

from numseal.domain.evidence import Lookup
from numseal.domain.operator import (
    Capabilities,
    CodeCheck,
    CodeChecked,
    CodeOrder,
    CodeSent,
    LookupRequest,
)


class OperatorBackend(Protocol):
    """One operator's answers about its own subscribers and codes.

    Concurrency: any call may run beside any other. Deadlines: the caller cancels; a cancelled call may still have
    taken effect. Idempotency: the same `request_id` within 24 h gets the same answer and is billed once.
    Errors: `OperatorError` and nothing else; its `sent` says whether a code may be on its way all the same.
    The caller does not trust an answer: sizes, enums, echoes and times are checked outside.
    """

    @property
    def operator_id(self) -> str:
        """The operator's id in the number plan; MVNOs that share a PLMN have ids of their own."""

    async def capabilities(self) -> Capabilities:
        """Tell what this operator can do."""

    async def look_up(self, request: LookupRequest) -> Lookup:
        """Return what is known of the number now; a signal that cannot be had says so by its state."""

    async def send_code(self, order: CodeOrder) -> CodeSent:
        """Send a code to the handset; ACCEPTED means taken for delivery, not delivered."""

    async def check_code(self, check: CodeCheck) -> CodeChecked:
        """Compare a code that the operator made; the operator counts attempts and allows a single use."""


class OperatorError(Exception):
    """The operator did not answer as asked.

    `sent` is True where a code may have been sent although no answer came: it must not be sent again blindly.
    """

    def __init__(self, reason: str, message: str, *, sent: bool = False) -> None:
        """Take an UPPER_SNAKE reason and a sentence for people."""
        super().__init__(message)
        self.reason = reason
        self.sent = sent
