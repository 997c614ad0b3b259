"""One SMSC, kept bound: connects again whenever its session ends, and knows when to leave it alone.

What is sent is others' business; so is which SMSC is asked first.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from numseal.adapters.operators.smpp.commands import Status
from numseal.adapters.operators.smpp.health import Health, HealthLimits
from numseal.adapters.operators.smpp.pdu import Message
from numseal.adapters.operators.smpp.session import BindError, Session
from numseal.adapters.operators.smpp.settings import Settings, SmscSettings
from numseal.adapters.operators.smpp.statuses import SESSION_STATUSES, outcome_of
from numseal.adapters.operators.smpp.tls import context_of
from numseal.domain.operator import SendOutcome

_STEADY = 10.0
"""Seconds after which a session that ends was a good one: the next connect begins with the shortest pause."""

_SHARES = 1 << 16

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LinkState:
    """How one SMSC stands: `failure` is why it is not bound, `throttled` the seconds that it is left alone yet."""

    name: str
    bound: bool
    suspect: bool
    throttled: float
    failure: str


class Link:
    """Keeps one SMSC's session. Owns it, the task that renews it, the throttle's pause and the SMSC's health."""

    def __init__(
        self,
        smsc: SmscSettings,
        settings: Settings,
        monotonic: Callable[[], float],
        on_message: Callable[[str, Message], None],
    ) -> None:
        """Take the SMSC and who takes what it delivers; nothing is connected yet. Raises ValueError for a bad `ca`."""
        self.name = smsc.name
        self._smsc = smsc
        self._settings = settings
        self._tls = context_of(smsc)
        self._on_message = on_message
        self.health = Health(
            HealthLimits(
                settings.missing_share, settings.missing_sample, settings.missing_window, settings.suspect_time
            ),
            monotonic,
        )
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._settled = asyncio.Event()
        self._failure = "it was not asked yet"
        self._pause = 0.0
        self._throttled_until = 0.0

    @property
    def session(self) -> Session | None:
        """The session while it is bound."""
        return None if self._session is None or self._session.closing else self._session

    @property
    def throttled(self) -> float:
        """Seconds that the SMSC is left alone yet, since it said that it gets too much."""
        return max(0.0, self._throttled_until - asyncio.get_running_loop().time())

    @property
    def failure(self) -> str:
        """Why there is no session."""
        return self._failure

    def state(self) -> LinkState:
        """Tell how it stands."""
        bound = self.session is not None
        return LinkState(self.name, bound, self.health.suspect, self.throttled, "" if bound else self._failure)

    def start(self) -> None:
        """Begin to keep the SMSC bound, where that was not begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep())

    @property
    def was_tried(self) -> bool:
        """Whether the first attempt to bind has ended."""
        return self._tried.is_set()

    async def tried(self) -> None:
        """Return once the first attempt to bind has ended, well or badly."""
        await self._tried.wait()

    async def settled(self) -> None:
        """Return once no attempt to bind is under way."""
        await self._settled.wait()

    def answered(self, status: int, asked: float) -> None:
        """Take the status of a response to what was sent at loop time `asked`: throttle, or trust again."""
        if outcome_of(status, self._settings.statuses) is SendOutcome.THROTTLED:
            # Answers to what was on its way when the pause began do not lengthen it.
            if asked >= self._throttled_until:
                limits = self._settings
                self._pause = min(max(2 * self._pause, limits.throttle_min), limits.throttle_max)
                self._throttled_until = asyncio.get_running_loop().time() + self._pause
        elif status == Status.ROK:
            if asked >= self._throttled_until:
                self._pause = 0.0
        elif status in SESSION_STATUSES and self._session is not None:
            self._session.end("the SMSC does not hold us to be bound")

    async def close(self) -> None:
        """Unbind and end."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._failure = "it was closed"
        self._settle()

    async def _keep(self) -> None:
        """Connect, again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        pause = self._settings.reconnect_min
        while True:
            self._settled.clear()
            refused = False
            begun = loop.time()
            try:
                session = await Session.open(self._smsc, self._settings, self._tls, self._deliver)
            except BindError as error:
                self._failure, refused = str(error), error.refused
                _log.warning("SMSC %s: %s", self.name, error)
            else:
                await self._hold(session)
            self._settle()
            if loop.time() - begun > _STEADY:
                pause = self._settings.reconnect_min
            if refused:
                # Whoever keeps knocking with a wrong password is locked out.
                pause = self._settings.reconnect_max
            await asyncio.sleep(pause * (1 + secrets.randbelow(_SHARES) / _SHARES) / 2)
            pause = min(2 * pause, self._settings.reconnect_max)

    async def _hold(self, session: Session) -> None:
        """Have the session used until it ends."""
        _log.info("SMSC %s: bound", self.name)
        self._session, self._failure = session, ""
        self._settle()
        try:
            self._failure = await asyncio.shield(session.ended)
        finally:
            self._session = None
            await session.close()
        _log.warning("SMSC %s: %s", self.name, self._failure)

    def _settle(self) -> None:
        self._tried.set()
        self._settled.set()

    def _deliver(self, message: Message) -> None:
        self._on_message(self.name, message)
