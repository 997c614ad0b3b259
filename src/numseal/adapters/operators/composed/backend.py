"""The operator contract, answered by several backends as one operator.

Which part is asked for what, and in which order, lives here; what comes of their answers together is `lookup`'s,
`merging`'s and `stream`'s. Parts are asked in the order of the configuration: the first that offers something gives it.
"""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

from numseal.adapters.operators.composed import lookup, merging
from numseal.adapters.operators.composed.calls import TIMEOUT, Calls
from numseal.adapters.operators.composed.lookup import Answered
from numseal.adapters.operators.composed.parts import Part, checked
from numseal.adapters.operators.composed.roster import Roster
from numseal.adapters.operators.composed.settings import Settings
from numseal.adapters.operators.composed.stream import MergedStream
from numseal.adapters.operators.composed.tagged import (
    MAX_DELIVERY_ID,
    MAX_REQUEST_ID,
    Cursor,
    TooLongError,
    seal,
    told_apart,
    unseal,
    watch_name,
    watch_of,
)
from numseal.domain.evidence import Lookup, Method
from numseal.domain.operator import (
    Capabilities,
    CodeCheck,
    CodeChecked,
    CodeOrder,
    CodeOutcome,
    CodeSent,
    LookupRequest,
    NetworkChecked,
    NetworkOffer,
    NetworkOrder,
    NetworkOutcome,
    NetworkStarted,
    OperatorEvent,
    Phase,
    SendOutcome,
    Watch,
    WatchOrder,
)
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import CursorTooOldError, OperatorError

_log = logging.getLogger(__name__)


class ComposedOperator:
    """One operator made of parts; implements `ports.operator_backend`. Owns its parts: `close` closes them."""

    def __init__(
        self,
        operator_id: str,
        plmns: tuple[str, ...],
        parts: Sequence[Part],
        clock: Clock,
        settings: Settings | None = None,
    ) -> None:
        """Take the operator's id and networks ("250-01"), its parts in their order, and the clock.

        Raises `ValueError` where there is no part, two have one name, or one is a backend of another operator's.
        """
        self._operator_id, self._plmns, self._clock = operator_id, plmns, clock
        self._settings = settings or Settings()
        self._parts = checked(operator_id, parts)
        self._calls = Calls()
        self._roster = Roster(self._parts, clock, self._calls)

    @property
    def operator_id(self) -> str:
        """The operator's id in the number plan."""
        return self._operator_id

    async def capabilities(self) -> Capabilities:
        """Tell what the parts can do together; those that fail are left out, and where all do the first's error rises.

        They are asked again after a minute, or ten seconds after a failure.
        """
        await self._roster.ask()
        if all(item.present is None for item in self._roster):
            raise next(iter(self._roster)).error()
        try:
            watching = self._roster.watching()
        except OperatorError:
            watching = None
        senders = self._roster.senders()
        return merging.merged(
            self._operator_id,
            self._plmns,
            tuple(self._roster),
            senders=senders,
            watching=watching,
            now=self._clock.now(),
        )

    async def look_up(self, request: LookupRequest) -> Lookup:
        """Return what the parts know of the number now, each asked for the signals that it is the first to offer."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timeout(request.phase)
        await self._roster.ready()
        offers = [(item.part, item.present) for item in self._roster if item.present is not None]
        asked = lookup.shared_out(request.signals, offers)
        untold = lookup.untold((name for name in request.signals if name not in asked), self._roster)
        parts = self._asked(asked, offers)
        answered = await self._answers(parts, request, end - loop.time())
        sole = answered[0].answer
        if len(answered) == 1 and not untold and isinstance(sole, Lookup) and sole.statement:
            # What was signed stays as it was signed.
            return sole
        return lookup.merged(self._operator_id, answered, untold)

    async def send_code(self, order: CodeOrder) -> CodeSent:
        """Have the first part that offers the method send a code; its challenge leads back to it."""
        await self._roster.ready()
        if order.method is Method.NETWORK:
            raise OperatorError("METHOD_NOT_SUPPORTED", "no code is sent for the method NETWORK")
        part = self._roster.sender(order.method)
        tag, previous = unseal(order.previous_challenge)
        sent = await part.backend.send_code(replace(order, previous_challenge=previous if tag == part.tag else b""))
        if type(sent) is not CodeSent or sent.outcome is not SendOutcome.ACCEPTED:
            return sent
        return replace(
            sent,
            challenge=_sealed(part, sent.challenge),
            delivery_id=told_apart(part.tag, sent.delivery_id, MAX_DELIVERY_ID),
        )

    async def check_code(self, check: CodeCheck) -> CodeChecked:
        """Have the part that sent the code compare it; UNKNOWN where that is no part any more."""
        tag, challenge = unseal(check.challenge)
        part = self._roster.of(tag)
        if part is None:
            return CodeChecked(CodeOutcome.UNKNOWN)
        return await part.backend.check_code(replace(check, challenge=challenge))

    async def start_network_check(self, order: NetworkOrder) -> NetworkStarted:
        """Have the first part that recognises SIMs open a page; its challenge leads back to it."""
        await self._roster.ready()
        part = self._roster.sender(Method.NETWORK)
        started = await part.backend.start_network_check(order)
        if type(started) is not NetworkStarted:
            return started
        return replace(started, challenge=_sealed(part, started.challenge))

    async def finish_network_check(self, offer: NetworkOffer) -> NetworkChecked:
        """Have the part that opened the page say whose SIM it saw; UNKNOWN where that is no part any more."""
        tag, challenge = unseal(offer.challenge)
        part = self._roster.of(tag)
        if part is None:
            return NetworkChecked(NetworkOutcome.UNKNOWN)
        return await part.backend.finish_network_check(replace(offer, challenge=challenge))

    async def watch_subscriber(self, order: WatchOrder) -> Watch:
        """Have the first part that sends events about numbers do so, of the kinds that it has."""
        await self._roster.ready()
        part = self._roster.watching()
        told = next((item.told for item in self._roster if item.part is part), None)
        if part is None or told is None:
            raise OperatorError("EVENTS_NOT_SUPPORTED", "no part sends events about numbers: look them up")
        # Kinds that are not for watching are the part's to refuse.
        kinds = tuple(kind for kind in order.kinds if kind in told.events)
        watch = await part.backend.watch_subscriber(replace(order, kinds=kinds) if kinds else order)
        if type(watch) is not Watch or type(watch.watch_id) is not str:
            return watch
        try:
            return replace(watch, watch_id=watch_name(part.tag, watch.watch_id))
        except TooLongError as error:
            await part.backend.unwatch_subscriber(f"{order.request_id}-x"[-128:], watch.watch_id)
            raise OperatorError("WATCH_TOO_LONG", f"part {part.name}: {error}") from None

    async def unwatch_subscriber(self, request_id: str, watch_id: str) -> None:
        """End a watch at the part that has it; one of a part that is none any more has ended."""
        await self._roster.ready()
        if not self._roster.streaming():
            raise OperatorError("EVENTS_NOT_SUPPORTED", "no part sends events")
        tag, name = watch_of(watch_id)
        part = self._roster.of(tag)
        if part is not None:
            await part.backend.unwatch_subscriber(request_id, name)

    async def stream_events(self, cursor: str) -> AsyncIterator[OperatorEvent]:
        """Stream the events of all parts that have some after a cursor.

        Raises CursorTooOldError where the part that watches does, or where it is another part than the cursor is of.
        Deliveries that another part keeps no more are left out.
        """
        await self._roster.ready()
        watching, sources = self._roster.watching(), self._roster.streaming()
        if not sources:
            raise OperatorError("EVENTS_NOT_SUPPORTED", "no part sends events: look numbers up")
        position = Cursor("" if watching is None else watching.tag, {})
        if cursor:
            try:
                kept = Cursor.of(cursor)
            except ValueError:
                raise CursorTooOldError from None
            if kept.watching != position.watching or (kept.watching and kept.watching not in kept.positions):
                raise CursorTooOldError
            position = kept
        merged = MergedStream(
            sources,
            watching,
            position,
            clock=self._clock,
            calls=self._calls,
            still=lambda: self._still(watching, sources),
        )
        async with aclosing(merged.events()) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        """End what is under way and close the parts that can be closed, one after the other."""
        self._roster.close()
        await self._calls.close()
        for part in self._parts:
            close: Callable[[], object] | None = getattr(part.backend, "close", None)
            if close is None:
                continue
            try:
                closed = close()
                if inspect.isawaitable(closed):
                    await closed
            except Exception:  # noqa: BLE001 - the others are to be closed too
                _log.exception("operator %s, part %s: it did not close", self._operator_id, part.name)

    def _asked(self, asked: dict[str, Part], offers: merging.Offers) -> list[tuple[Part, tuple[str, ...]]]:
        """Return the parts to ask in order, and what for; raise OperatorError where there is none."""
        parts = [(part, tuple(name for name, owner in asked.items() if owner is part)) for part, _ in offers]
        if asked:
            return [(part, names) for part, names in parts if names]
        # Nobody has such signals: what the number is can be asked all the same.
        for part, told in offers:
            if told.signals:
                return [(part, ())]
        for item in self._roster:
            if item.present is None and (item.told is None or item.told.signals):
                raise item.error()
        raise OperatorError("LOOKUP_NOT_SUPPORTED", "no part of this operator knows anything of its numbers")

    async def _answers(
        self, parts: Sequence[tuple[Part, tuple[str, ...]]], request: LookupRequest, limit: float
    ) -> list[Answered]:
        awake = [(part, names) for part, names in parts if not self._roster.resting(part)]
        asks: list[Callable[[], Coroutine[Any, Any, Lookup]]] = [
            partial(part.backend.look_up, _of_part(part, names, request)) for part, names in awake
        ]
        answers = dict(zip([part.name for part, _ in awake], await self._calls.ask(asks, limit), strict=True))
        answered = []
        for part, names in parts:
            answer = answers.get(part.name, OperatorError(TIMEOUT, f"part {part.name} is left alone for a while"))
            answer = lookup.checked(answer, part)
            if part.name in answers:
                self._roster.looked(part, answer if isinstance(answer, OperatorError) else None)
            answered.append(Answered(part, names, answer))
        return answered

    def _timeout(self, phase: Phase) -> float:
        return self._settings.before_timeout if phase is Phase.BEFORE else self._settings.after_timeout

    def _still(self, watching: Part | None, sources: tuple[Part, ...]) -> bool:
        try:
            return self._roster.watching() is watching and self._roster.streaming() == sources
        except OperatorError:
            return False


def _of_part(part: Part, names: tuple[str, ...], request: LookupRequest) -> LookupRequest:
    # Behind two parts there may be one system, which would take one id for one question.
    request_id = told_apart(part.tag, request.request_id, MAX_REQUEST_ID)
    return replace(request, request_id=request_id, signals=names or request.signals)


def _sealed(part: Part, challenge: bytes) -> bytes:
    try:
        return seal(part.tag, challenge)
    except TooLongError as error:
        raise OperatorError("CHALLENGE_TOO_LONG", f"part {part.name}: {error}", sent=True) from None
