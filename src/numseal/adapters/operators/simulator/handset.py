"""What the simulated handsets hold: messages that arrived, that wait, and that were forwarded away.

Whether a message gets here is the network's to decide, and a message's receipt is its sender's. Everything is bounded,
the oldest goes first.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from numseal.domain.evidence import DeliveryState
from numseal.domain.simulation import Message, MessageKind

KEPT_MESSAGES = 100
KEPT_HANDSETS = 10_000

EXPIRED = "expired"
"""The error in the receipt of a message that its time was over for."""


Receipt = Callable[[DeliveryState, str], None]
"""Takes what became of a message, and the operator's own error."""


def _bounded() -> deque[Message]:
    return deque(maxlen=KEPT_MESSAGES)


def _waiting() -> deque[tuple[Message, Receipt, float]]:
    return deque(maxlen=KEPT_MESSAGES)


@dataclass(slots=True)
class Handset:
    """One number's messages."""

    inbox: deque[Message] = field(default_factory=_bounded)
    held: deque[tuple[Message, Receipt, float]] = field(default_factory=_waiting)
    forwarded: deque[Message] = field(default_factory=_bounded)


class Handsets:
    """Owns all messages of one network, in memory: those of the 10,000 numbers that got one most recently."""

    def __init__(self) -> None:
        """Begin with no messages."""
        self._handsets: OrderedDict[str, Handset] = OrderedDict()
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._count = 0

    def message(self, time: int, kind: MessageKind, sender_id: str, text: str) -> Message:
        """Return a message under the next id; ids have ten digits and so sort as text."""
        self._count += 1
        return Message(f"{self._count:010d}", time, kind, sender_id, text)

    def receive(self, msisdn: str, message: Message) -> None:
        """Put a message into the inbox and wake whoever waits for it."""
        self._open(msisdn).inbox.append(message)
        for waiter in self._waiting.pop(msisdn, ()):
            if not waiter.done():
                waiter.set_result(None)

    def hold(self, msisdn: str, message: Message, receipt: Receipt, expire_time: int | None = None) -> None:
        """Keep a message until the handset takes messages again, or it expires."""
        self._open(msisdn).held.append((message, receipt, inf if expire_time is None else expire_time))

    def held(self, msisdn: str, now: int) -> tuple[tuple[Message, Receipt], ...]:
        """Take out the messages that were held and have not expired; those that have are told as failed."""
        handset = self._handsets.get(msisdn)
        if handset is None:
            return ()
        messages = tuple(handset.held)
        handset.held.clear()
        for _, receipt, end in messages:
            if now >= end:
                receipt(DeliveryState.FAILED, EXPIRED)
        return tuple((message, receipt) for message, receipt, end in messages if now < end)

    def forward(self, msisdn: str, message: Message) -> None:
        """Note a call that went to the forwarding target, not to the handset."""
        self._open(msisdn).forwarded.append(message)

    def forwarded(self, msisdn: str) -> tuple[Message, ...]:
        """Return the calls that went to the forwarding target, the oldest first."""
        handset = self._handsets.get(msisdn)
        return () if handset is None else tuple(handset.forwarded)

    def forget(self, msisdn: str) -> None:
        """Drop a number's messages."""
        self._handsets.pop(msisdn, None)

    def inbox(self, msisdn: str, after: str = "") -> tuple[Message, ...]:
        """Return the messages with ids beyond `after`, the oldest first."""
        handset = self._handsets.get(msisdn)
        if handset is None:
            return ()
        return tuple(message for message in handset.inbox if message.message_id > after)

    async def wait(self, msisdn: str, after: str = "", seconds: float = 0.0) -> tuple[Message, ...]:
        """Return as `inbox`, waiting up to `seconds` for the first message."""
        found = self.inbox(msisdn, after)
        if found or seconds <= 0:
            return found
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(msisdn, []).append(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            return ()
        finally:
            self._leave(msisdn, waiter)
        return self.inbox(msisdn, after)

    def _open(self, msisdn: str) -> Handset:
        handset = self._handsets.get(msisdn)
        if handset is None:
            handset = self._handsets[msisdn] = Handset()
            if len(self._handsets) > KEPT_HANDSETS:
                self._handsets.popitem(last=False)
        else:
            self._handsets.move_to_end(msisdn)
        return handset

    def _leave(self, msisdn: str, waiter: asyncio.Future[None]) -> None:
        waiters = self._waiting.get(msisdn)
        if waiters is not None and waiter in waiters:
            waiters.remove(waiter)
            if not waiters:
                del self._waiting[msisdn]
