"""Which delivery a receipt is about, and what has become of each: told once when it ends, and UNKNOWN when it is late.

Nothing is sent from here, and nothing is awaited. All is kept in this process's memory, and bounded.
"""

import itertools
import secrets
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from numseal.adapters.operators.smpp.health import Health
from numseal.adapters.operators.smpp.message_ids import Likeness, MessageIds
from numseal.adapters.operators.smpp.receipts import FINAL, Receipt
from numseal.domain.evidence import DeliveryState

KEPT = 100_000
"""Deliveries that receipts are waited for at a time; the oldest is given up for another."""

KEPT_EARLY = 10_000
EARLY = 60
"""Seconds that a receipt of an id that nobody knows yet is kept: its response may still be on its way."""

SETTLED = 60
"""Seconds that a delivery which has ended is still known, so that a repeated receipt is known as such."""

LATE = 3_600
"""Seconds that a receipt is still taken after its delivery was given up."""

NO_RECEIPT = "smpp:no receipt"
_ENOUGH_DIGITS = 7
"""Digits at the end of two numbers by which they are held to be one, where the message's id is the same."""


class Tell(Protocol):
    """Takes what became of a delivery: its id, its state, and the SMSC's own error."""

    def __call__(self, delivery_id: str, state: DeliveryState, error: str, /) -> None:
        """Take it."""


@dataclass(slots=True, eq=False)
class Delivery:
    """One text on its way through one SMSC, in one or several messages. Owned by `Deliveries`."""

    delivery_id: str
    number: str
    smsc: str
    health: Health
    missing: int
    """Messages that no receipt said DELIVERED of."""
    overdue_time: int = 0
    state: DeliveryState = DeliveryState.ACCEPTED


@dataclass(slots=True, eq=False)
class _Sent:
    """One message of a delivery, as its SMSC calls it."""

    delivery: Delivery
    message_id: str
    delivered: bool = False


@dataclass(slots=True, eq=False)
class _Early:
    """A receipt that came before the response which tells whose it is."""

    receipt: Receipt
    smsc: str
    until_time: int
    number: int


class Deliveries:
    """Owns the deliveries under way, and the receipts that came too early."""

    def __init__(self, receipt_timeout: int, now: Callable[[], int], tell: Tell) -> None:
        """Take the seconds in which a receipt is expected, the clock (Unix seconds), and who is told."""
        self._receipt_timeout = receipt_timeout
        self._now = now
        self._tell = tell
        self._epoch = secrets.token_hex(8)
        self._count = 0
        self._kept: OrderedDict[str, tuple[Delivery, list[_Sent]]] = OrderedDict()
        # Each SMSC's ids are its own, also where two read alike: none hides what another gave.
        self._ids: defaultdict[str, MessageIds[_Sent]] = defaultdict(MessageIds)
        self._early: OrderedDict[int, _Early] = OrderedDict()
        self._early_ids: defaultdict[str, MessageIds[_Early]] = defaultdict(MessageIds)
        self._early_count = itertools.count()
        self._awaited: OrderedDict[str, Delivery] = OrderedDict()
        self._to_forget: tuple[deque[tuple[int, Delivery]], ...] = (deque(), deque())
        self._habits: dict[str, Likeness] = {}

    def begin(self, number: str, smsc: str, health: Health, messages: int) -> Delivery:
        """Return a delivery to a number (its digits) of so many messages; it is kept once the first was accepted."""
        self._count += 1
        return Delivery(f"{self._epoch}{self._count:012x}", number, smsc, health, messages)

    def accepted(self, delivery: Delivery, message_id: str) -> None:
        """Take an id that the SMSC gave to a message of a delivery, and the receipt that came before it, if any."""
        now = self._now()
        self._forget_old(now)
        if delivery.delivery_id not in self._kept:
            self._keep(delivery, now)
        if not message_id:
            return
        sent = _Sent(delivery, message_id)
        self._kept[delivery.delivery_id][1].append(sent)
        self._ids[delivery.smsc].add(message_id, sent)
        for early in self._early_for(sent):
            self._drop_early(early)
            self._apply(sent, early.receipt)

    def received(self, receipt: Receipt, smsc: str) -> None:
        """Take a receipt; one whose message nobody knows is kept a while."""
        sent = self._sent_for(receipt, smsc)
        if sent is not None:
            self._apply(sent, receipt)
            return
        now = self._now()
        self._forget_old(now)
        if receipt.state is DeliveryState.ACCEPTED:
            return
        early = _Early(receipt, smsc, now + EARLY, next(self._early_count))
        self._early[early.number] = early
        for message_id in receipt.ids:
            self._early_ids[smsc].add(message_id, early)
        if len(self._early) > KEPT_EARLY:
            self._drop_early(next(iter(self._early.values())))

    def state(self, delivery_id: str) -> DeliveryState | None:
        """Return what is known of a delivery, None where it is not known any more."""
        kept = self._kept.get(delivery_id)
        return None if kept is None else kept[0].state

    def next_overdue(self) -> int | None:
        """Return when the next delivery will be overdue, Unix seconds, None where none is under way."""
        return next(iter(self._awaited.values())).overdue_time if self._awaited else None

    def give_up(self) -> None:
        """Say UNKNOWN of every delivery that is overdue by now."""
        now = self._now()
        while (overdue := self.next_overdue()) is not None and overdue <= now:
            delivery = next(iter(self._awaited.values()))
            self._missed(delivery)
            self._to_forget[1].append((now + LATE, delivery))
        self._forget_old(now)

    def _keep(self, delivery: Delivery, now: int) -> None:
        delivery.overdue_time = now + self._receipt_timeout
        self._kept[delivery.delivery_id] = (delivery, [])
        self._awaited[delivery.delivery_id] = delivery
        if len(self._kept) > KEPT:
            oldest = next(iter(self._kept.values()))[0]
            if oldest.delivery_id in self._awaited:
                self._missed(oldest)
            self._forget(oldest)

    def _missed(self, delivery: Delivery) -> None:
        """Count a delivery as one that nothing was heard of; what is known already stays."""
        del self._awaited[delivery.delivery_id]
        delivery.health.missed()
        if delivery.state is DeliveryState.ACCEPTED:
            self._change(delivery, DeliveryState.UNKNOWN, NO_RECEIPT)

    def _apply(self, sent: _Sent, receipt: Receipt) -> None:
        delivery = sent.delivery
        if receipt.state in {DeliveryState.ACCEPTED, delivery.state} or delivery.state in FINAL or sent.delivered:
            return
        if receipt.state is DeliveryState.DELIVERED:
            sent.delivered = True
            delivery.missing -= 1
            if delivery.missing:
                return
        if self._awaited.pop(delivery.delivery_id, None) is not None:
            delivery.health.heard()
        self._change(delivery, receipt.state, receipt.error)
        final = delivery.state in FINAL
        self._to_forget[not final].append((self._now() + (SETTLED if final else LATE), delivery))

    def _change(self, delivery: Delivery, state: DeliveryState, error: str) -> None:
        delivery.state = state
        self._tell(delivery.delivery_id, state, error)

    def _sent_for(self, receipt: Receipt, smsc: str) -> _Sent | None:
        """Return the message that a receipt is about, the likeliest where its id may name several."""
        for message_id in receipt.ids:
            found = [
                (likeness, sent)
                for likeness, sent in self._ids[smsc].find(message_id)
                if _may_be(receipt.numbers, sent.delivery.number)
            ]
            if found:
                habit = self._habits.get(smsc)
                likeness, sent = min(found, key=lambda one: (one[0] is not habit, one[0]))
                # A single digit reads alike in both bases.
                if len(found) == 1 and len(sent.message_id) > 1:
                    self._habits[smsc] = likeness
                return sent
        return None

    def _early_for(self, sent: _Sent) -> list[_Early]:
        """Return the receipts that came before their message's id did, in order."""
        delivery = sent.delivery
        found = [
            (likeness, early)
            for likeness, early in self._early_ids[delivery.smsc].find(sent.message_id, told_by_receipt=False)
            if _may_be(early.receipt.numbers, delivery.number)
        ]
        habit = self._habits.get(delivery.smsc)
        likeliest = min((likeness for likeness, _ in found), key=lambda one: (one is not habit, one), default=None)
        return sorted((early for likeness, early in found if likeness is likeliest), key=lambda early: early.number)

    def _forget_old(self, now: int) -> None:
        for queue in self._to_forget:
            while queue and queue[0][0] <= now:
                self._forget(queue.popleft()[1])
        while self._early and (oldest := next(iter(self._early.values()))).until_time <= now:
            self._drop_early(oldest)

    def _forget(self, delivery: Delivery) -> None:
        kept = self._kept.pop(delivery.delivery_id, None)
        if kept is not None:
            for sent in kept[1]:
                self._ids[delivery.smsc].remove(sent.message_id, sent)

    def _drop_early(self, early: _Early) -> None:
        del self._early[early.number]
        for message_id in early.receipt.ids:
            self._early_ids[early.smsc].remove(message_id, early)


def _may_be(numbers: tuple[str, ...], number: str) -> bool:
    """Tell whether a receipt's numbers may be a message's; some SMSCs tell the national one, with its trunk prefix."""
    end = number[-_ENOUGH_DIGITS:]
    return not numbers or any(told == number or told[-_ENOUGH_DIGITS:] == end for told in numbers)
