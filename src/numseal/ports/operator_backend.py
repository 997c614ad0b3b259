"""What Numseal asks of the operator that owns a subscriber. Built-in and remote backends answer this same contract.

A backend is stateless towards Numseal: it hands back opaque bytes (`challenge`, at most 1 KiB) and gets them again.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from numseal.domain.evidence import Lookup
from numseal.domain.operator import (
    Capabilities,
    CodeCheck,
    CodeChecked,
    CodeOrder,
    CodeSent,
    LookupRequest,
    NetworkChecked,
    NetworkOffer,
    NetworkOrder,
    NetworkStarted,
    OperatorEvent,
    Watch,
    WatchOrder,
)


class OperatorBackend(Protocol):
    """One operator's answers about its own subscribers and codes.

    Concurrency: any call may run beside any other, each in a task of its own.
    Deadlines: a call that is too slow is canceled and given up, whether it ends or not; it may have taken effect.
    A call that raises `CancelledError` by itself has broken the contract, as one has that raises anything else than
    `OperatorError`.
    Idempotency: the same `request_id`, at most 128 printable characters, within 24 h gets the same answer and is
    billed once.
    The caller does not trust an answer: exact types, sizes, enums and times are checked outside, and an answer with
    anything wrong is none. Times of a signal over 300 s ahead of Numseal's clock turn that signal alone into ERROR.
    """

    @property
    def operator_id(self) -> str:
        """The operator's id in the number plan; MVNOs that share a PLMN have ids of their own."""

    async def capabilities(self) -> Capabilities:
        """Tell what this operator can do."""

    async def look_up(self, request: LookupRequest) -> Lookup:
        """Return what is known of the number now; a signal that cannot be had says so by its state."""

    async def send_code(self, order: CodeOrder) -> CodeSent:
        """Send a code to the handset; ACCEPTED means taken for delivery, not delivered.

        `delivery_id` has at most 256 printable characters. An `expire_time` that is past or over a day away is ignored.
        Where the answer to an order of an OPERATOR_CODE is lost, so is its challenge: that code is never checked.
        """

    async def check_code(self, check: CodeCheck) -> CodeChecked:
        """Compare a code that the operator made; the operator counts attempts and allows a single use.

        EXPIRED, EXHAUSTED, USED and UNKNOWN end the code; only after MISMATCH is it asked about again.
        """

    async def start_network_check(self, order: NetworkOrder) -> NetworkStarted:
        """Open a page that recognises the SIM over mobile data."""

    async def finish_network_check(self, offer: NetworkOffer) -> NetworkChecked:
        """Say whether the SIM that opened the page has the number; a proof is good for one request only."""

    async def watch_subscriber(self, order: WatchOrder) -> Watch:
        """Begin to send events about a number; a number that is watched already keeps its watch."""

    async def unwatch_subscriber(self, request_id: str, watch_id: str) -> None:
        """End a watch; one that has ended, or never was, is no error."""

    def stream_events(self, cursor: str) -> AsyncIterator[OperatorEvent]:
        """Stream the events of all watches and deliveries after a cursor, from now on for an empty one.

        A heartbeat comes at least every 20 seconds. Raises `CursorTooOldError`; any other end means: ask again.
        """


class OperatorError(Exception):
    """The operator did not answer as asked.

    `sent` is False only where certainly no code was sent. True, and anything else, means that one may be on its way:
    it must not be sent again blindly.
    """

    def __init__(self, reason: str, message: str, *, sent: bool = False) -> None:
        """Take a reason, UPPER_SNAKE of at most 64 characters, and a sentence for people.

        NOT_OURS, REQUEST_REFUSED, KINDS_MALFORMED and those that end in _NOT_SUPPORTED tell of what was asked, and
        RATE_EXCEEDED of how often; any other counts against the operator's health, CREDENTIALS_REFUSED too, since it
        answers nothing. Where too many count under one agreement, the operator is left alone for a while under that
        one. Any other form, and what is Numseal's own to say (OPERATOR_NOT_CONNECTED, OPERATOR_UNWELL,
        OPERATOR_OVERLOADED), is read as OPERATOR_ERROR.
        """
        super().__init__(message)
        self.reason = reason
        self.sent = sent


class CursorTooOldError(OperatorError):
    """Events after the cursor are kept no more; the stream begins anew, and watched numbers are looked up again."""

    def __init__(self, oldest: str = "") -> None:
        """Take the oldest cursor after which events are kept, where it is known; the reason is CURSOR_TOO_OLD."""
        super().__init__("CURSOR_TOO_OLD", "the operator keeps no events back to this cursor")
        self.oldest = oldest
