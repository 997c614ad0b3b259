"""The operator contract, answered by one operator of the simulated network."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

from numseal.adapters.operators.simulator.codes import CodeBook
from numseal.adapters.operators.simulator.journal import RETENTION
from numseal.adapters.operators.simulator.memory import Answers
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.adapters.operators.simulator.stream import stream
from numseal.adapters.operators.simulator.watches import MAX_WATCHES
from numseal.domain import otp, short_message
from numseal.domain.evidence import SIGNAL_NAMES, DeliveryState, LineType, Lookup, LookupOutcome, Method, ServiceState
from numseal.domain.operator import (
    WATCHED_KINDS,
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
    SendOutcome,
    Watch,
    WatchOrder,
)
from numseal.domain.simulation import DeliveryBehavior, MessageKind, SimulatedSubscriber, SubscriptionState
from numseal.ports.operator_backend import OperatorError

CONTRACT_VERSION = "1.0"
KEPT_LOOKUPS = 1_000
KEPT_SENDS = 10_000
SENDS_A_MINUTE = 10
"""Codes taken for one number within a minute; more are THROTTLED."""

SPOKEN_CHARACTERS = 500
CODE_LENGTHS = range(4, 11)
_MINUTE = 60
_METHODS = (Method.SMS, Method.VOICE, Method.OPERATOR_CODE)
_SMS_LINES = frozenset({LineType.MOBILE})
_VOICE_LINES = _SMS_LINES | {LineType.FIXED, LineType.VOIP}


class SimulatedOperator:
    """One operator of the network; implements `ports.operator_backend`.

    Owns the operator's codes, its counts a number and the answers it gave, in memory; the network and its back office
    own the rest. Dates and contracts are told as the operator's records have them, all else as it is.
    """

    def __init__(self, network: SimulatedNetwork, operator_id: str) -> None:
        """Take the place of `operator_id`; raise `KeyError` where the network has no such operator."""
        self._network = network
        self._profile = network.profiles[operator_id]
        self._office = network.office(operator_id)
        self._edge = self._office.edge
        self._codes = CodeBook(
            network.secret(operator_id, "codes"),
            self._profile.code_attempts,
            prior_codes_valid=self._profile.prior_codes_valid,
        )
        self._lookups: Answers[LookupRequest, Lookup] = Answers(KEPT_LOOKUPS)
        self._sends: Answers[CodeOrder, CodeSent] = Answers(KEPT_SENDS)
        self._checks: Answers[CodeCheck, CodeChecked] = Answers(KEPT_SENDS)
        self._starts: Answers[NetworkOrder, NetworkStarted] = Answers(KEPT_SENDS)
        self._finishes: Answers[NetworkOffer, NetworkChecked] = Answers(KEPT_SENDS)
        self._watches: Answers[WatchOrder, Watch] = Answers(KEPT_SENDS)
        self._rate = _Rate()

    @property
    def operator_id(self) -> str:
        """The operator's id in the number plan."""
        return self._profile.info.operator_id

    async def capabilities(self) -> Capabilities:
        """Tell what this operator can do."""
        await self._labor()
        mobile = self._profile.line_type is LineType.MOBILE
        methods = _METHODS if mobile else (Method.VOICE,)
        return Capabilities(
            contract_version=CONTRACT_VERSION,
            operator_id=self.operator_id,
            plmns=tuple(str(plmn) for plmn in self._profile.info.plmns),
            signals=tuple(name for name in SIGNAL_NAMES if name not in self._profile.unsupported),
            methods=(*methods, Method.NETWORK) if self._profile.recognizes_sims else methods,
            idempotent=True,
            prior_codes_valid=self._profile.prior_codes_valid,
            server_time=self._network.clock.now(),
            events=self._profile.events,
            event_retention=RETENTION if self._profile.events else 0,
            max_watches=MAX_WATCHES if self._profile.events else 0,
        )

    async def look_up(self, request: LookupRequest) -> Lookup:
        """Return what is known of the number now."""
        await self._labor()
        found = self._network.find(request.phone_number)
        if found is not None and found.lookup.delay > 0:
            await asyncio.sleep(found.lookup.delay)
            found = self._network.find(request.phone_number)
        if found is not None and found.lookup.fail:
            raise OperatorError("UNAVAILABLE", "the simulated operator was told to fail lookups of this number")
        now = self._network.clock.now()
        answer = self._lookups.recall(request, now)
        if answer is not None:
            return answer
        recorded = None if found is None else self._network.recorded(found)
        return self._lookups.keep(request, self._look(request, recorded, now), now)

    async def send_code(self, order: CodeOrder) -> CodeSent:
        """Send a code to the handset."""
        await self._labor()
        now = self._network.clock.now()
        answer = self._sends.recall(order, now)
        if answer is not None:
            return answer
        if order.method is Method.NETWORK:
            raise OperatorError("METHOD_NOT_SUPPORTED", "no code is sent for the method NETWORK")
        found = self._network.find(order.phone_number)
        if found is not None and found.sending.fail:
            raise OperatorError("UNAVAILABLE", "the simulated operator was told to fail orders for this number")
        answer = self._sends.keep(order, self._send(order, found, now), now)
        if found is not None and found.sending.lost:
            raise OperatorError("NO_ANSWER", "the simulated operator was told to lose its answer", sent=True)
        return answer

    async def check_code(self, check: CodeCheck) -> CodeChecked:
        """Compare a code that this operator made."""
        await self._labor()
        now = self._network.clock.now()
        answer = self._checks.recall(check, now)
        if answer is not None:
            return answer
        return self._checks.keep(check, self._codes.check(check, now), now)

    async def start_network_check(self, order: NetworkOrder) -> NetworkStarted:
        """Open a page that recognises the SIM over mobile data."""
        await self._labor()
        now = self._network.clock.now()
        answer = self._starts.recall(order, now)
        if answer is not None:
            return answer
        if not self._profile.recognizes_sims:
            raise OperatorError("METHOD_NOT_SUPPORTED", "this operator does no network checks")
        if not self._serves(self._network.find(order.phone_number)):
            raise OperatorError("NOT_OURS", "this operator has no such subscriber")
        return self._starts.keep(order, self._office.pages.begin(order, now), now)

    async def finish_network_check(self, offer: NetworkOffer) -> NetworkChecked:
        """Say whether the SIM that opened the page has the number."""
        await self._labor()
        now = self._network.clock.now()
        answer = self._finishes.recall(offer, now)
        if answer is not None:
            return answer
        found = self._network.find(offer.phone_number)
        return self._finishes.keep(offer, self._office.pages.check(offer, found, now), now)

    async def watch_subscriber(self, order: WatchOrder) -> Watch:
        """Begin to send events about a number; a number that is watched already keeps its watch."""
        await self._labor()
        self._need_events()
        now = self._network.clock.now()
        answer = self._watches.recall(order, now)
        if answer is not None:
            return answer
        if not order.kinds or not set(order.kinds) <= set(WATCHED_KINDS):
            raise OperatorError("KINDS_MALFORMED", f"kinds: one or more of {', '.join(WATCHED_KINDS)} are expected")
        found = self._network.find(order.phone_number)
        if not self._serves(None if found is None else self._network.recorded(found)):
            raise OperatorError("NOT_OURS", "this operator has no such subscriber")
        watch_id = self._edge.reference(f"watch/{order.phone_number}/{order.request_id}")
        return self._watches.keep(order, self._office.watches.begin(order, watch_id, now), now)

    async def unwatch_subscriber(self, request_id: str, watch_id: str) -> None:
        """End a watch; one that has ended, or never was, is no error."""
        await self._labor()
        self._need_events()
        self._office.watches.end_watch(watch_id)

    async def stream_events(self, cursor: str) -> AsyncIterator[OperatorEvent]:
        """Stream the events of all watches and deliveries after a cursor, from now on for an empty one."""
        await self._labor()
        self._need_events()
        async with aclosing(stream(self._network, self._office, cursor)) as events:
            async for event in events:
                yield event

    async def _labor(self) -> None:
        """Be as slow, and fail, as this operator was told to."""
        behavior = self._office.behavior
        if behavior.delay > 0:
            await asyncio.sleep(behavior.delay)
        if self._office.behavior.fail:
            raise OperatorError("UNAVAILABLE", "the simulated operator was told to fail")

    def _need_events(self) -> None:
        if not self._profile.events:
            raise OperatorError("EVENTS_NOT_SUPPORTED", "this operator sends no events: look its numbers up")

    def _serves(self, found: SimulatedSubscriber | None) -> bool:
        return found is not None and found.operator_id == self.operator_id and found.state is SubscriptionState.ACTIVE

    def _look(self, request: LookupRequest, found: SimulatedSubscriber | None, now: int) -> Lookup:
        reference = self._edge.reference(f"lookup/{request.request_id}")
        if found is not None and found.operator_id == self.operator_id:
            if found.state is not SubscriptionState.ACTIVE:
                return Lookup(LookupOutcome.NOT_ASSIGNED, self.operator_id, now, reference)
            signals = self._edge.observe(found, request, now)
            return Lookup(LookupOutcome.SUBSCRIBER, self.operator_id, now, reference, signals)
        if found is not None and self._network.plan.owner(request.phone_number) == self.operator_id:
            return Lookup(
                LookupOutcome.PORTED,
                self.operator_id,
                now,
                reference,
                ported_to=found.operator_id,
                ported_plmn=found.plmn,
            )
        return Lookup(LookupOutcome.NOT_SERVED, self.operator_id, now, reference)

    def _send(self, order: CodeOrder, found: SimulatedSubscriber | None, now: int) -> CodeSent:
        if found is None or not self._serves(found):
            return CodeSent(SendOutcome.NOT_OURS)
        voice = order.method is Method.VOICE
        if found.line_type not in (_VOICE_LINES if voice else _SMS_LINES):
            return CodeSent(SendOutcome.LINE_TYPE)
        service = found.voice_service if voice else found.sms_service
        if service is not ServiceState.ON or found.delivery.behavior is DeliveryBehavior.REFUSE:
            return CodeSent(SendOutcome.BARRED)
        digits = self._codes.digits(order) if order.template and order.length in CODE_LENGTHS else ""
        text = _message(order, digits, voice=voice)
        if text is None:
            return CodeSent(SendOutcome.CONTENT)
        delay = self._rate.take(order.phone_number, now)
        if delay:
            return CodeSent(SendOutcome.THROTTLED, retry_delay=delay)
        if digits:
            self._codes.add(order, digits)
        delivery_id = self._edge.reference(f"delivery/{order.request_id}")
        kind = MessageKind.VOICE if voice else MessageKind.SMS
        self._network.deliver(
            found, kind, order.sender_id, text, partial(self._receipt, delivery_id), order.expire_time
        )
        return CodeSent(
            SendOutcome.ACCEPTED,
            challenge=self._codes.challenge(order),
            delivery_id=delivery_id,
            expire_time=order.expire_time,
            prior_codes_valid=self._profile.prior_codes_valid or not digits,
        )

    def _receipt(self, delivery_id: str, state: DeliveryState, error: str) -> None:
        self._office.receipt(delivery_id, state, error, self._network.clock.now())


def _message(order: CodeOrder, digits: str, *, voice: bool) -> str | None:
    """Return what the handset will show or say; None where the operator will not carry it."""
    if bool(order.text) == bool(order.template):
        return None
    if digits and otp.PLACEHOLDER not in order.template:
        return None
    text = otp.message(order.template, digits) if digits else order.text
    if not text.strip():
        return None
    size, most = (len(text), SPOKEN_CHARACTERS) if voice else short_message.length(text)
    return text if size <= most else None


class _Rate:
    """Owns the count of orders in each number's current minute."""

    def __init__(self) -> None:
        self._minutes: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def take(self, msisdn: str, now: int) -> int:
        """Count an order; return 0 where it may pass, else the seconds until the next may."""
        begun, count = self._minutes.pop(msisdn, (now, 0))
        if now - begun >= _MINUTE:
            begun, count = now, 0
        allowed = count < SENDS_A_MINUTE
        self._minutes[msisdn] = (begun, count + allowed)
        if len(self._minutes) > KEPT_SENDS:
            self._minutes.popitem(last=False)
        return 0 if allowed else begun + _MINUTE - now
