"""Gets one order to the handset's network: which SMSC is asked, what is done with its answer, and until when.

What was sent before, and who else asks for the same, is the backend's to know.
"""

import asyncio
import itertools
import math
import secrets

from numseal.adapters.operators.smpp.attempt import Attempt
from numseal.adapters.operators.smpp.deliveries import Deliveries
from numseal.adapters.operators.smpp.encoding import TextRefusedError
from numseal.adapters.operators.smpp.link import Link
from numseal.adapters.operators.smpp.orders import Submission, submission_of
from numseal.adapters.operators.smpp.session import ResponseTimeoutError, Session, SessionEndedError
from numseal.adapters.operators.smpp.settings import Settings
from numseal.adapters.operators.smpp.statuses import Submitted, named, outcome_of
from numseal.domain.evidence import DeliveryState
from numseal.domain.operator import CodeOrder, CodeSent, SendOutcome
from numseal.ports.operator_backend import OperatorError

_SCHEME = "smpp"


class Sending:
    """Sends orders through an operator's links. Owns nothing but the counter that joins a long text's parts."""

    def __init__(
        self, settings: Settings, links: tuple[Link, ...], deliveries: Deliveries, closing: asyncio.Event
    ) -> None:
        """Take the links in the order of preference, who follows deliveries, and what says that it all ends."""
        self._settings = settings
        self._links = links
        self._deliveries = deliveries
        self._closing = closing
        self._references = itertools.count(secrets.randbelow(256))

    async def send(self, order: CodeOrder, number: str, now: int) -> CodeSent:
        """Send an order to a number (its digits); raise `OperatorError`."""
        if order.expire_time <= now:
            raise OperatorError("ORDER_EXPIRED", f"expire_time {order.expire_time}: a time after {now} is expected")
        try:
            submission = submission_of(order, number, self._settings, now, next(self._references) % 256)
        except TextRefusedError:
            return CodeSent(SendOutcome.CONTENT)
        latest = self._settings.send_timeout - self._settings.response_timeout
        attempt = Attempt(self._ranked(order.previous_challenge), min(latest, order.expire_time - now))
        while True:
            chosen = await self._choose(attempt)
            if isinstance(chosen, CodeSent):
                return chosen
            answer = await self._through(*chosen, submission, order, attempt)
            if answer is not None:
                return answer

    def _ranked(self, previous_challenge: bytes) -> tuple[Link, ...]:
        """Return the links, likeliest first: none that is suspect before one that is not; a resend goes another way."""
        links = self._links
        scheme, _, rest = previous_challenge.decode("latin-1").partition(":")
        name, _, delivery_id = rest.partition(":")
        at = next((at for at, link in enumerate(links) if scheme == _SCHEME and link.name == name), None)
        if at is not None and self._deliveries.state(delivery_id) is not DeliveryState.DELIVERED:
            links = links[at + 1 :] + links[: at + 1]
        return tuple(sorted(links, key=lambda link: link.health.suspect))

    async def _choose(self, attempt: Attempt) -> tuple[Link, Session] | CodeSent:
        """Return a link to use and its session, THROTTLED where all that are bound are to be left alone.

        Raises UNAVAILABLE where none is bound.
        """
        for link in self._links:
            link.start()
        while not self._closing.is_set():
            bound = await attempt.bound()
            usable = next(((link, session) for link, session in bound if not link.throttled), None)
            if usable is not None:
                return usable
            if bound:
                pause = min(link.throttled for link, _ in bound)
                if pause > attempt.left():
                    return CodeSent(SendOutcome.THROTTLED, retry_delay=max(1, math.ceil(pause)))
                await self._sleep(pause)
            elif not await attempt.any_settles():
                break
        if attempt.full:
            return CodeSent(SendOutcome.THROTTLED, retry_delay=1)
        raise OperatorError("UNAVAILABLE", attempt.why())

    async def _through(
        self, link: Link, session: Session, submission: Submission, order: CodeOrder, attempt: Attempt
    ) -> CodeSent | None:
        """Send through one link; return None where another is to be asked, and raise `OperatorError`."""
        delivery = self._deliveries.begin(submission.number, link.name, link.health, len(submission.bodies))
        for count, body in enumerate(submission.bodies):
            answer = await self._submit(link, session, body, attempt, begun=count > 0)
            if answer is None:
                return None
            if outcome_of(answer.status, self._settings.statuses) is not SendOutcome.ACCEPTED:
                if count:
                    taken = f"SMSC {link.name} took {count} of {len(submission.bodies)} messages"
                    raise OperatorError("PARTLY_SENT", f"{taken}, then answered {named(answer.status)}", sent=True)
                return self._refused(link, answer.status, attempt)
            self._deliveries.accepted(delivery, answer.message_id)
        return CodeSent(
            SendOutcome.ACCEPTED,
            challenge=f"{_SCHEME}:{link.name}:{delivery.delivery_id}".encode(),
            delivery_id=delivery.delivery_id,
            expire_time=order.expire_time,
        )

    def _refused(self, link: Link, status: int, attempt: Attempt) -> CodeSent | None:
        """Return what a status says of an order that nothing was sent of, None where another link is to be asked."""
        outcome = outcome_of(status, self._settings.statuses)
        if outcome is None:
            attempt.give_up(link, f"SMSC {link.name} answered {named(status)}")
        elif outcome is not SendOutcome.THROTTLED:
            return CodeSent(outcome)
        elif attempt.left() <= 0:
            return CodeSent(outcome, retry_delay=max(1, math.ceil(link.throttled)))
        # A throttled link has its pause now: it is waited for, or another is taken.
        return None

    async def _submit(
        self, link: Link, session: Session, body: bytes, attempt: Attempt, *, begun: bool
    ) -> Submitted | None:
        """Submit one message; return None where nothing of the order was sent and another link is to be asked.

        `begun` says that earlier messages of the order were taken: a throttle is then waited out here.
        """
        while True:
            asked = asyncio.get_running_loop().time()
            try:
                answer = await session.submit(body, max(attempt.left(), 0))
            except ResponseTimeoutError as error:
                link.health.missed()
                raise OperatorError("TIMEOUT", f"SMSC {link.name} gave {error}", sent=True) from error
            except SessionEndedError as error:
                if error.written or begun:
                    raise OperatorError("CONNECTION_LOST", f"SMSC {link.name}: {error}", sent=True) from error
                attempt.give_up(link, f"SMSC {link.name}: {error}")
                return None
            except TimeoutError as error:
                if begun:
                    raise OperatorError("PARTLY_SENT", f"SMSC {link.name} had no room for more", sent=True) from error
                attempt.give_up(link, f"SMSC {link.name} had no room in its window in time")
                attempt.full = True
                return None
            link.answered(answer.status, asked)
            throttled = outcome_of(answer.status, self._settings.statuses) is SendOutcome.THROTTLED
            if not (begun and throttled) or link.throttled > attempt.left():
                return answer
            await self._sleep(link.throttled)

    async def _sleep(self, seconds: float) -> None:
        """Wait, or until it all ends."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return
