"""Watches: one subscription of sim-swap-subscriptions 0.3 for each number, whose id is the watch's.

So a watch outlives this process: it can be ended, and its events are known, without anything remembered.
"""

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from weakref import WeakValueDictionary

from numseal.adapters.operators.camara.client import Client, Operation, fields_of
from numseal.adapters.operators.camara.errors import ALREADY_EXISTS, MALFORMED, NOT_FOUND, OTHER_NUMBER, CamaraError
from numseal.adapters.operators.camara.readings import DAY, moment, written
from numseal.adapters.operators.camara.seals import Seals
from numseal.adapters.operators.camara.settings import Settings
from numseal.domain.operator import EventKind, Watch, WatchOrder
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorError

SWAPPED = "org.camaraproject.sim-swap-subscriptions.v0.swapped"
MAX_WATCH_ID = 128
MAX_WATCHES = 1_000_000

_CREATE = Operation("/subscriptions", f"sim-swap-subscriptions:{SWAPPED}:create")
_LIST = Operation("/subscriptions", "sim-swap-subscriptions:read", "GET")
_DELETE_SCOPE = "sim-swap-subscriptions:delete"
_CREATED, _ACCEPTED, _NO_CONTENT = 201, 202, 204


@dataclass(frozen=True, slots=True)
class Watched:
    """A number that is watched; `device_time` is the last change of device that is known or older than the watch."""

    phone_number: str
    watch: Watch
    kinds: tuple[EventKind, ...]
    device_time: int


class Watches:
    """Begins and ends one operator's watches; owns those that this process began, by number and by id."""

    def __init__(self, settings: Settings, client: Client, clock: Clock, seals: Seals) -> None:
        """Take whom to ask."""
        self._settings = settings
        self._client = client
        self._clock = clock
        self._seals = seals
        self._by_number: OrderedDict[str, Watched] = OrderedDict()
        self._by_id: dict[str, Watched] = {}
        self._beginning: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of_number(self, phone_number: str) -> Watched | None:
        """Return the watch of a number that this process began and that goes on."""
        found = self._by_number.get(phone_number)
        ends = None if found is None else found.watch.expire_time
        return None if ends is None or ends <= self._clock.now() else found

    def of_id(self, watch_id: str) -> Watched | None:
        """Return the watch with an id, where this process began it."""
        return self._by_id.get(watch_id)

    async def begin(self, order: WatchOrder) -> Watch:
        """Have the operator notify; a number that is watched already keeps its watch. Raises `OperatorError`."""
        async with self._beginning.setdefault(order.phone_number, asyncio.Lock()):
            found = self.of_number(order.phone_number)
            if found is not None:
                return found.watch
            try:
                async with asyncio.timeout(self._settings.timeout):
                    watch = await self._create(order)
            except TimeoutError as error:
                raise OperatorError("TIMEOUT", f"no answer within {self._settings.timeout} s") from error
            except CamaraError as error:
                raise error.for_port() from error
            self._remember(Watched(order.phone_number, watch, order.kinds, self._clock.now()))
            return watch

    async def end(self, request_id: str, watch_id: str) -> None:
        """Have the operator notify no more; a watch that it does not know has ended. Raises `OperatorError`."""
        if not watch_id or len(watch_id) > MAX_WATCH_ID:
            return
        operation = Operation(f"/subscriptions/{quote(watch_id, safe='')}", _DELETE_SCOPE, "DELETE")
        base, limit = self._settings.apis.sim_swap_subscriptions, self._settings.timeout
        try:
            await self._client.call(base, operation, None, request_id, limit, accept=(_NO_CONTENT, _ACCEPTED))
        except CamaraError as error:
            if error.key != NOT_FOUND:
                raise error.for_port() from error
        self.forget(watch_id)

    def forget(self, watch_id: str) -> None:
        """Know nothing more of a watch."""
        found = self._by_id.pop(watch_id, None)
        if found is not None:
            self._by_number.pop(found.phone_number, None)

    def saw_device(self, watched: Watched, time: int) -> None:
        """Remember when a watched number's device changed."""
        if self._by_id.get(watched.watch.watch_id) is watched:
            self._remember(Watched(watched.phone_number, watched.watch, watched.kinds, time))

    def bearer(self, phone_number: str, expire_time: int) -> str:
        """Return the token that the operator shows when it notifies of a number, until a time."""
        named = f"{expire_time}.{self._of(phone_number)}"
        return f"{named}.{self._seals.derive('sink', named)}"

    def admits(self, bearer: str) -> bool:
        """Tell whether a token was given out here and is in force."""
        ends, _, rest = bearer.partition(".")
        number, _, proof = rest.partition(".")
        if not ends.isascii() or not ends.isdigit() or len(ends) > 12:  # noqa: PLR2004 - digits of a time
            return False
        genuine = hmac.compare_digest(proof.encode(), self._seals.derive("sink", f"{ends}.{number}").encode())
        return genuine and int(ends) > self._clock.now()

    def admits_for(self, bearer: str, phone_number: str) -> bool:
        """Tell whether a token that is admitted was given out for this number."""
        return hmac.compare_digest(bearer.split(".")[1].encode(), self._of(phone_number).encode())

    def _of(self, phone_number: str) -> str:
        return self._seals.derive("sink-number", phone_number)

    async def _create(self, order: WatchOrder) -> Watch:
        ends = self._clock.now() + self._settings.subscription_days * DAY
        if order.expire_time is not None:
            ends = min(ends, order.expire_time)
        body = {
            "protocol": "HTTP",
            "sink": self._settings.sink_url,
            "sinkCredential": {
                "credentialType": "ACCESSTOKEN",
                "accessToken": self.bearer(order.phone_number, ends),
                "accessTokenExpiresUtc": written(ends),
                "accessTokenType": "bearer",
            },
            "types": [SWAPPED],
            "config": {
                "subscriptionDetail": {"phoneNumber": order.phone_number},
                "subscriptionExpireTime": written(ends),
            },
        }
        base, limit = self._settings.apis.sim_swap_subscriptions, self._settings.timeout
        try:
            reply = await self._client.call(base, _CREATE, body, order.request_id, limit, (_CREATED, _ACCEPTED))
        except CamaraError as error:
            if error.key != ALREADY_EXISTS:
                raise
            return await self._existing(order, error)
        return self._read(fields_of(reply), order.phone_number, ends)

    async def _existing(self, order: WatchOrder, refusal: CamaraError) -> Watch:
        """Return the watch of a number that was watched before this process; its token is good as long as it is."""
        base, limit = self._settings.apis.sim_swap_subscriptions, self._settings.timeout
        reply = await self._client.call(base, _LIST, None, order.request_id, limit)
        for item in reply.body if isinstance(reply.body, list) else ():
            if isinstance(item, dict) and _told_number(item) == order.phone_number and "expiresAt" in item:
                return self._read(item, order.phone_number, moment(item["expiresAt"], "expiresAt"))
        raise refusal

    def _read(self, body: Mapping[str, Any], phone_number: str, ends: int) -> Watch:
        """Read a Subscription, or a SubscriptionAsync that has an id only."""
        name = body.get("id")
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_WATCH_ID or not name.isprintable():
            raise CamaraError(MALFORMED, "id: what the API describes is expected")
        if _told_number(body) not in {None, phone_number}:
            raise CamaraError(OTHER_NUMBER, "the API subscribed to another number than it was asked to")
        if body.get("expiresAt") is not None:
            ends = min(ends, moment(body["expiresAt"], "expiresAt"))
        if ends <= self._clock.now():
            raise CamaraError(MALFORMED, "expiresAt: a time to come is expected")
        return Watch(name, ends)

    def _remember(self, watched: Watched) -> None:
        earlier = self._by_number.pop(watched.phone_number, None)
        if earlier is not None:
            self._by_id.pop(earlier.watch.watch_id, None)
        self._by_number[watched.phone_number] = watched
        self._by_id[watched.watch.watch_id] = watched
        if len(self._by_number) > MAX_WATCHES:
            self.forget(next(iter(self._by_number.values())).watch.watch_id)


def _told_number(body: Mapping[str, Any]) -> str | None:
    config = body.get("config")
    detail = config.get("subscriptionDetail") if isinstance(config, dict) else None
    number = detail.get("phoneNumber") if isinstance(detail, dict) else None
    return number if isinstance(number, str) else None
