"""Where the operator notifies: CloudEvents of sim-swap-subscriptions, each shown by a token that was given out for it.

Listens on loopback, behind whatever ends the TLS of the public address. Nothing is believed before its token is.
"""

import asyncio
import hashlib
import logging
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from numseal.adapters.operators.camara.errors import CamaraError
from numseal.adapters.operators.camara.journal import Journal
from numseal.adapters.operators.camara.readings import moment
from numseal.adapters.operators.camara.settings import Settings
from numseal.adapters.operators.camara.watches import MAX_WATCH_ID, SWAPPED, Watches
from numseal.domain.evidence import SimChangeKind
from numseal.domain.operator import CLOCK_SKEW, EventKind, OperatorEvent
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorError

MAX_NOTIFICATION = 64 * 1024
_BEARER = re.compile(r"[Bb]earer ([A-Za-z0-9._\-]{1,512})")
_TYPE = re.compile(r"org\.camaraproject\.[a-z\-]+\.v0\.([a-z\-]+)")
_WANTED = frozenset({"SUBSCRIPTION_DELETED"})
"""Why a subscription ends that was to end."""

_IN_TIME = frozenset({"SUBSCRIPTION_EXPIRED", "ACCESS_TOKEN_EXPIRED"})
"""Why one ends that has lasted as long as it was told to."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Notification:
    """A CloudEvent as read; `reason` is why a subscription ended or was changed."""

    event_id: str
    what: str
    time: int
    watch_id: str
    phone_number: str | None
    reason: str


class _Refused(Exception):  # noqa: N818 - a notification, not a failure of ours
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Sink:
    """Takes notifications and writes events into the journal. Owns the listening socket."""

    def __init__(self, settings: Settings, clock: Clock, watches: Watches, journal: Journal) -> None:
        """Take where events go; listens from `open` on."""
        self._settings = settings
        self._clock = clock
        self._watches = watches
        self._journal = journal
        self._opening = asyncio.Lock()
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port that is listened at, 0 before `open`."""
        addresses = self._runner.addresses if self._runner is not None else []
        return int(addresses[0][1]) if addresses else 0

    async def open(self) -> None:
        """Listen, once; raise `OperatorError` where the address cannot be had."""
        async with self._opening:
            if self._runner is not None:
                return
            app = web.Application(client_max_size=MAX_NOTIFICATION)
            app.router.add_post(urlsplit(self._settings.sink_url).path or "/", self._take)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            try:
                await web.TCPSite(runner, *self._settings.sink_address).start()
            except OSError as error:
                await runner.cleanup()
                message = f"sink_listen: {self._settings.sink_listen} cannot be listened at: {error.strerror}"
                raise OperatorError("SINK_UNAVAILABLE", message) from error
            self._runner = runner

    async def close(self) -> None:
        """Listen no more."""
        async with self._opening:
            if self._runner is not None:
                await self._runner.cleanup()
                self._runner = None

    async def _take(self, request: web.Request) -> web.Response:
        correlator = request.headers.get("x-correlator", "")
        headers = {"x-correlator": correlator} if correlator.isprintable() and correlator else {}
        try:
            self._apply(await self._read(request))
        except _Refused as refused:
            told = {"status": refused.status, "code": refused.code, "message": str(refused)}
            return web.Response(
                body=orjson.dumps(told), status=refused.status, headers=headers, content_type="application/json"
            )
        return web.Response(status=204, headers=headers)

    async def _read(self, request: web.Request) -> _Notification:
        """Return the notification; raise `_Refused` for one that is not the operator's, or not of this number."""
        shown = _BEARER.fullmatch(request.headers.get("Authorization", ""))
        if shown is None or not self._watches.admits(shown[1]):
            raise _Refused(401, "UNAUTHENTICATED", "the access token of the sinkCredential is expected, in force")
        try:
            body = orjson.loads(await request.read())
        except (ValueError, web.HTTPRequestEntityTooLarge) as error:
            raise _Refused(400, "INVALID_ARGUMENT", "a CloudEvent of at most 64 KiB is expected") from error
        read = _notification(body)
        # What a process before this one began is not known here. A token that was given out is enough for it then: an
        # event too many has a number looked up once more, one that is turned away would hide a changed SIM.
        known = self._watches.of_id(read.watch_id)
        number = read.phone_number if known is None else known.phone_number
        if number is not None and not self._watches.admits_for(shown[1], number):
            raise _Refused(403, "PERMISSION_DENIED", "the access token is that of another phone number's subscription")
        if read.phone_number not in {None, number}:
            raise _Refused(403, "PERMISSION_DENIED", "phoneNumber: that of the subscription is expected")
        return read

    def _apply(self, told: _Notification) -> None:
        now = self._clock.now()
        if told.what == "swapped":
            if told.time > now + CLOCK_SKEW:
                raise _Refused(400, "INVALID_ARGUMENT", "time: a time that has passed is expected")
            self._journal.append(
                OperatorEvent(
                    EventKind.SIM_CHANGE,
                    "",
                    now,
                    event_id=told.event_id,
                    watch_id=told.watch_id,
                    occur_time=max(told.time, 1),
                    sim_change=SimChangeKind.UNKNOWN,
                )
            )
        elif told.what == "subscription-ended":
            known = self._watches.of_id(told.watch_id)
            self._watches.forget(told.watch_id)
            ends = None if known is None else known.watch.expire_time
            in_time = told.reason in _IN_TIME and (ends is None or ends <= now + CLOCK_SKEW)
            if told.reason not in _WANTED and not in_time:
                self._lost(told.reason)
        elif told.what == "subscription-updated" and told.reason == "SUBSCRIPTION_INACTIVE":
            self._watches.forget(told.watch_id)
            self._lost(told.reason)

    def _lost(self, reason: str) -> None:
        """Say that a watch tells no more though it should: the contract's only way to say so is a cursor too old."""
        _log.warning("a watch ended before its time: %s; all watched numbers are to be looked up again", reason)
        self._journal.break_off()


def _notification(body: Any) -> _Notification:
    if not isinstance(body, dict) or body.get("specversion") != "1.0":
        raise _unfit("specversion")
    data = body.get("data")
    if not isinstance(data, dict):
        raise _unfit("data")
    found = _TYPE.fullmatch(_text(body, "type", 256))
    if found is None or (found[1] == "swapped" and found[0] != SWAPPED) or found[1] not in _REASONS:
        raise _unfit("type")
    try:
        time = moment(body.get("time"), "time")
    except CamaraError as error:
        raise _unfit("time") from error
    name = f"{_text(body, 'source', 2_048)}\n{_text(body, 'id', 2_048)}"
    number, reason = data.get("phoneNumber"), _REASONS[found[1]]
    if number is not None and not isinstance(number, str):
        raise _unfit("phoneNumber")
    return _Notification(
        event_id=hashlib.sha256(name.encode()).hexdigest()[:32],
        what=found[1],
        time=time,
        watch_id=_text(data, "subscriptionId", MAX_WATCH_ID),
        phone_number=number,
        reason=_text(data, reason, 64) if reason else "",
    )


def _text(fields: dict[str, Any], name: str, most: int) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= most or not value.isprintable():
        raise _unfit(name)
    return value


def _unfit(name: str) -> _Refused:
    return _Refused(400, "INVALID_ARGUMENT", f"{name}: what the API describes is expected")


_REASONS = {
    "swapped": "",
    "subscription-started": "initiationReason",
    "subscription-updated": "updateReason",
    "subscription-ended": "terminationReason",
}
"""What is told of, and the field of its data that says why."""
