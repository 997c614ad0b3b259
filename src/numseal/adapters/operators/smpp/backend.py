"""The operator contract, answered through an operator's SMSCs: codes and what becomes of them, nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

from numseal.adapters.operators.smpp.answers import Answer, Answers
from numseal.adapters.operators.smpp.deliveries import Deliveries
from numseal.adapters.operators.smpp.journal import RETENTION, Journal
from numseal.adapters.operators.smpp.link import Link, LinkState
from numseal.adapters.operators.smpp.orders import digits_of
from numseal.adapters.operators.smpp.pdu import Message
from numseal.adapters.operators.smpp.receipts import read_receipt
from numseal.adapters.operators.smpp.sending import Sending
from numseal.adapters.operators.smpp.settings import Settings
from numseal.domain.evidence import Lookup, Method
from numseal.domain.operator import (
    Capabilities,
    CodeCheck,
    CodeChecked,
    CodeOrder,
    CodeSent,
    EventKind,
    LookupRequest,
    NetworkChecked,
    NetworkOffer,
    NetworkOrder,
    NetworkStarted,
    OperatorEvent,
    Watch,
    WatchOrder,
)
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorError

CONTRACT_VERSION = "1.0"


class SmppOperator:
    """One operator reached by SMPP; implements `ports.operator_backend`.

    Owns the links to its SMSCs, the deliveries under way and the events told of them, all in this process's memory. So
    the same order is sent once for as long as the process lives and remembers it, but not over a restart nor by two
    workers: `Capabilities.idempotent` is False, and what became of an order whose answer was lost is unknown.
    """

    def __init__(self, settings: Settings, operator_id: str, plmns: tuple[str, ...], clock: Clock) -> None:
        """Take the operator's SMSCs, its id, its PLMNs ("MCC-MNC") and the clock; nothing is connected yet.

        Raises ValueError for a `ca` that holds no certificate.
        """
        self._settings = settings
        self._operator_id = operator_id
        self._plmns = plmns
        self._clock = clock
        self._journal = Journal(clock)
        self._deliveries = Deliveries(settings.receipt_timeout, clock.now, self._journal.tell)
        self._links = tuple(Link(smsc, settings, clock.monotonic, self._delivered) for smsc in settings.smscs)
        self._closing = asyncio.Event()
        self._sending = Sending(settings, self._links, self._deliveries, self._closing)
        self._answers = Answers()
        self._reaper: asyncio.Task[None] | None = None

    @property
    def operator_id(self) -> str:
        """The operator's id in the number plan."""
        return self._operator_id

    def links(self) -> tuple[LinkState, ...]:
        """Tell how each SMSC stands, in the order of the settings."""
        return tuple(link.state() for link in self._links)

    async def close(self) -> None:
        """Unbind from every SMSC; orders under way are answered as their connection's end leaves them."""
        self._closing.set()
        await asyncio.gather(*(link.close() for link in self._links))
        if self._reaper is not None:
            self._reaper.cancel()
            with suppress(asyncio.CancelledError):
                await self._reaper
        if tasks := self._answers.under_way():
            await asyncio.wait(tasks)

    async def capabilities(self) -> Capabilities:
        """Tell what this operator can do."""
        return Capabilities(
            contract_version=CONTRACT_VERSION,
            operator_id=self._operator_id,
            plmns=self._plmns,
            signals=(),
            methods=(Method.SMS,),
            idempotent=False,
            prior_codes_valid=True,
            server_time=self._clock.now(),
            events=(EventKind.DELIVERY,),
            event_retention=RETENTION,
        )

    async def look_up(self, request: LookupRequest) -> Lookup:
        """Refuse: an SMSC tells nothing of a subscriber."""
        raise OperatorError("LOOKUP_NOT_SUPPORTED", "an SMSC tells nothing of a subscriber")

    async def send_code(self, order: CodeOrder) -> CodeSent:
        """Send a code by SMS; ACCEPTED means that an SMSC took all of it.

        `OperatorError` has the reason TIMEOUT or CONNECTION_LOST where a message was written and not answered,
        PARTLY_SENT where the SMSC took some messages of a long text, UNAVAILABLE where nothing was sent.
        """
        if order.method is not Method.SMS or order.template:
            raise OperatorError("METHOD_NOT_SUPPORTED", f"an SMSC sends texts by SMS, not {order.method} or templates")
        number = digits_of(order.phone_number)
        if number is None:
            raise OperatorError("NUMBER_MALFORMED", "phone_number: an E.164 number is expected")
        now = self._clock.now()
        asked = self._answers.recall(order, now)
        if asked is None:
            return _or_raise(await asyncio.shield(self._begin(order, number, now)))
        return _or_raise(asked.answer or (await asyncio.shield(asked.task) if asked.task else None))

    async def check_code(self, check: CodeCheck) -> CodeChecked:
        """Refuse: an SMSC makes no codes."""
        raise OperatorError("METHOD_NOT_SUPPORTED", "an SMSC makes no codes, so it checks none")

    async def start_network_check(self, order: NetworkOrder) -> NetworkStarted:
        """Refuse: an SMSC sees no SIM."""
        raise OperatorError("METHOD_NOT_SUPPORTED", "an SMSC does no network checks")

    async def finish_network_check(self, offer: NetworkOffer) -> NetworkChecked:
        """Refuse: an SMSC sees no SIM."""
        raise OperatorError("METHOD_NOT_SUPPORTED", "an SMSC does no network checks")

    async def watch_subscriber(self, order: WatchOrder) -> Watch:
        """Refuse: an SMSC tells of deliveries only, and of those without a watch."""
        raise OperatorError("EVENTS_NOT_SUPPORTED", "an SMSC tells nothing of a subscriber: look its number up")

    async def unwatch_subscriber(self, request_id: str, watch_id: str) -> None:
        """Refuse: there are no watches."""
        raise OperatorError("EVENTS_NOT_SUPPORTED", "an SMSC tells nothing of a subscriber: there are no watches")

    async def stream_events(self, cursor: str) -> AsyncIterator[OperatorEvent]:
        """Stream what becomes of deliveries after a cursor, from now on for an empty one."""
        async with aclosing(self._journal.stream(cursor)) as events:
            async for event in events:
                yield event

    def _begin(self, order: CodeOrder, number: str, now: int) -> "asyncio.Task[Answer]":
        """Send an order in a task of its own: who gives the call up may ask again and get the same answer."""
        if self._reaper is None:
            self._reaper = asyncio.create_task(self._give_up())
        task = asyncio.create_task(self._send(order, number))
        self._answers.begin(order, task, now)
        return task

    async def _send(self, order: CodeOrder, number: str) -> Answer:
        try:
            answer: Answer = await self._sending.send(order, number, self._clock.now())
        except OperatorError as error:
            answer = error
        self._answers.end(order.request_id, answer)
        return answer

    async def _give_up(self) -> None:
        """Say of each delivery that its receipt is overdue, when it is."""
        while True:
            # What is sent after this cannot be overdue before that.
            latest = self._clock.now() + self._settings.receipt_timeout
            await self._clock.sleep_until(self._deliveries.next_overdue() or latest)
            self._deliveries.give_up()

    def _delivered(self, smsc: str, message: Message) -> None:
        """Take what an SMSC delivers; what subscribers write is nobody's here."""
        receipt = read_receipt(message)
        if receipt is not None:
            self._deliveries.received(receipt, smsc)


def _or_raise(answer: Answer | None) -> CodeSent:
    if isinstance(answer, CodeSent):
        return answer
    # A fresh one for each who asked: an exception gathers the tracebacks of all who raise it.
    reason, sent = ("UNAVAILABLE", True) if answer is None else (answer.reason, answer.sent)
    raise OperatorError(reason, str(answer), sent=sent)
