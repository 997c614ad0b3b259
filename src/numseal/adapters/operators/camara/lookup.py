"""Lookups: which APIs give which signals, asked side by side, each with its own deadline and its own failure.

What an answer says is in `readings`, what an error means in `errors`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from numseal.adapters.operators.camara import readings
from numseal.adapters.operators.camara.client import Client, Operation, correlator_of, fields_of
from numseal.adapters.operators.camara.errors import NOT_A_CUSTOMER, NOT_IMPLEMENTED, CamaraError
from numseal.adapters.operators.camara.readings import Reading, Readings
from numseal.adapters.operators.camara.settings import Settings
from numseal.adapters.operators.camara.transport import Reply
from numseal.domain.evidence import (
    SIGNAL_NAMES,
    Lookup,
    LookupOutcome,
    Meta,
    Signal,
    SignalState,
    Subscriber,
)
from numseal.domain.operator import LookupRequest, Phase
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorError

CODE_SPACE = "camara"
"""The space of a signal's code: CAMARA's own error codes, and this adapter's of the same form."""

_SIM_SWAP = Operation("/retrieve-date", "sim-swap:retrieve-date")
_DEVICE_SWAP = Operation("/retrieve-date", "device-swap:retrieve-date")
_RECYCLING = Operation("/check", "number-recycling:check")
_FORWARDINGS = Operation("/call-forwardings", "call-forwarding-signal:call-forwardings:read")
_UNCONDITIONAL = Operation(
    "/unconditional-call-forwardings", "call-forwarding-signal:unconditional-call-forwardings:read"
)
_TENURE = Operation("/check-tenure", "kyc-tenure:check-tenure")
# Spelled as the API spells it.
_STATUS = Operation("/retrive-subscription-status", "subscription-status:retrive-subscription-status")
_REACHABILITY = Operation("/retrieve", "device-reachability-status:read")
_ROAMING = Operation("/retrieve", "device-roaming-status:read")

SIGNALS: Mapping[str, tuple[str, ...]] = {
    "sim_swap": ("sim_change",),
    "number_recycling": ("recycled",),
    "call_forwarding_signal": ("forwarding",),
    "kyc_tenure": ("activate_time", "contract_type"),
    "subscription_status": ("sms_service", "voice_service", "data_service"),
    "device_reachability_status": ("reachability",),
    "device_roaming_status": ("serving",),
}
"""The signals that each API gives; those of one that is not offered are NOT_SUPPORTED."""

_NOT_ASKED: Readings = {"recycled": Reading(None, SignalState.UNKNOWN)}
_NOT_SUPPORTED: Signal[Any] = Signal(Meta(SignalState.NOT_SUPPORTED))


@dataclass(frozen=True, slots=True)
class _Asking:
    """One lookup under way; `end` is when its answers must be there, the event loop's time."""

    request: LookupRequest
    end: float

    @property
    def left(self) -> float:
        return max(self.end - asyncio.get_running_loop().time(), 0.0)


class Lookups:
    """Answers lookups of one operator's numbers. Holds no state."""

    def __init__(
        self, settings: Settings, client: Client, clock: Clock, operator_id: str, plmns: tuple[str, ...]
    ) -> None:
        """Take whom to ask; `plmns` are the operator's own networks."""
        self._settings = settings
        self._client = client
        self._clock = clock
        self._operator_id = operator_id
        self._plmns = plmns
        self._questions: Mapping[str, Callable[[_Asking], Awaitable[Readings]]] = {
            "sim_swap": self._sim_swap,
            "number_recycling": self._recycling,
            "call_forwarding_signal": self._forwarding,
            "kyc_tenure": self._tenure,
            "subscription_status": self._status,
            "device_reachability_status": self._reachability,
            "device_roaming_status": self._roaming,
        }

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that can be had, in the order of the contract."""
        given = {name for api, names in SIGNALS.items() if self._base(api) for name in names}
        return tuple(name for name in SIGNAL_NAMES if name in given)

    async def look_up(self, request: LookupRequest) -> Lookup:
        """Return what the APIs say; a failing one leaves its own signals ERROR. Raises `OperatorError` where all fail.

        IDENTIFIER_NOT_FOUND by all that answer is NOT_SERVED: the number is no customer's of this operator, and
        nobody says that it is nobody's.
        """
        wanted = set(request.signals)
        offered = [api for api, names in SIGNALS.items() if self._base(api) and wanted.intersection(names)]
        # Nobody can say whether a number was recycled since no time.
        asked = [api for api in offered if api != "number_recycling" or request.since_time is not None]
        if not asked:
            raise OperatorError("LOOKUP_NOT_SUPPORTED", "no CAMARA API of this operator gives a signal asked for")
        asking = self._asking(request)
        async with asyncio.TaskGroup() as group:
            tasks = {api: group.create_task(self._ask(api, asking)) for api in asked}
        answers = {api: task.result() for api, task in tasks.items()}
        failures = [answer for answer in answers.values() if isinstance(answer, CamaraError)]
        now, reference = self._clock.now(), correlator_of(request.request_id)[:128]
        if len(failures) == len(answers):
            if any(failure.key == NOT_A_CUSTOMER for failure in failures):
                return Lookup(LookupOutcome.NOT_SERVED, self._operator_id, now, reference)
            if all(failure.meaning.signal is SignalState.ERROR for failure in failures):
                raise failures[0].for_port()
        found: dict[str, Signal[Any]] = dict.fromkeys(SIGNAL_NAMES, _NOT_SUPPORTED)
        for api in offered:
            answer = answers.get(api, _NOT_ASKED)
            for name in wanted.intersection(SIGNALS[api]):
                found[name] = self._signal(api, name, answer, request, now)
        return Lookup(LookupOutcome.SUBSCRIBER, self._operator_id, now, reference, Subscriber(**found))

    async def device_changed(self, request: LookupRequest) -> int | None:
        """Return when a number came into its device, Unix seconds, None where that is not told; raise `CamaraError`."""
        asking = self._asking(request)
        reply = await self._call(asking, "device_swap", _DEVICE_SWAP, _number(asking))
        return readings.device_swap(fields_of(reply), self._clock.now())

    def _asking(self, request: LookupRequest) -> _Asking:
        limit = self._settings.before_timeout if request.phase is Phase.BEFORE else self._settings.timeout
        return _Asking(request, asyncio.get_running_loop().time() + limit)

    async def _ask(self, api: str, asking: _Asking) -> Readings | CamaraError:
        try:
            return await self._questions[api](asking)
        except CamaraError as error:
            return error

    def _signal(
        self, api: str, name: str, answer: Readings | CamaraError, request: LookupRequest, now: int
    ) -> Signal[Any]:
        source = f"camara/{api.replace('_', '-')}"
        if isinstance(answer, CamaraError):
            return Signal(Meta(answer.meaning.signal, now, None, source, CODE_SPACE, answer.code))
        reading = answer[name]
        observed = now if reading.observe_time is None else reading.observe_time
        state = reading.state
        if state is SignalState.OK and request.max_age is not None and now - observed > request.max_age:
            state = SignalState.STALE
        space = CODE_SPACE if reading.code else ""
        meta = Meta(state, observed, reading.coverage_start_time, source, space, reading.code)
        return Signal(meta, reading.value)

    async def _call(self, asking: _Asking, api: str, operation: Operation, body: Mapping[str, object]) -> Reply:
        return await self._client.call(self._base(api), operation, body, asking.request.request_id, asking.left)

    async def _sim_swap(self, asking: _Asking) -> Readings:
        reply = await self._call(asking, "sim_swap", _SIM_SWAP, _number(asking))
        return readings.sim_swap(fields_of(reply), self._clock.now())

    async def _recycling(self, asking: _Asking) -> Readings:
        over, begun = readings.recycling_days(asking.request.since_time or 0)
        if not await self._recycled_after(asking, over):
            return {"recycled": Reading(value=False)}
        # A day to come is out of range, and has seen no change.
        today = datetime.fromtimestamp(self._clock.now(), UTC) - timedelta(hours=12)
        if begun < today.date() and await self._recycled_after(asking, begun):
            return {"recycled": Reading(value=True)}
        return {"recycled": Reading(None, SignalState.UNKNOWN, code=f"RECYCLED_AFTER_{over}")}

    async def _recycled_after(self, asking: _Asking, day: date) -> bool:
        body = _number(asking) | {"specifiedDate": day.isoformat()}
        return readings.recycled(fields_of(await self._call(asking, "number_recycling", _RECYCLING, body)))

    async def _forwarding(self, asking: _Asking) -> Readings:
        try:
            reply = await self._call(asking, "call_forwarding_signal", _FORWARDINGS, _number(asking))
        except CamaraError as error:
            if error.key != NOT_IMPLEMENTED:
                raise
            reply = await self._call(asking, "call_forwarding_signal", _UNCONDITIONAL, _number(asking))
            return readings.unconditional_forwarding(fields_of(reply))
        return readings.call_forwardings(reply.body)

    async def _tenure(self, asking: _Asking) -> Readings:
        day = datetime.fromtimestamp(self._clock.now(), UTC).date() - timedelta(days=self._settings.tenure_days)
        body = _number(asking) | {"tenureDate": day.isoformat()}
        reply = await self._call(asking, "kyc_tenure", _TENURE, body)
        since = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        return readings.tenure(fields_of(reply), since)

    async def _status(self, asking: _Asking) -> Readings:
        reply = await self._call(asking, "subscription_status", _STATUS, _number(asking))
        return readings.subscription_status(fields_of(reply))

    async def _reachability(self, asking: _Asking) -> Readings:
        reply = await self._call(asking, "device_reachability_status", _REACHABILITY, {"device": _number(asking)})
        return readings.reachability(fields_of(reply), asking.request.phone_number)

    async def _roaming(self, asking: _Asking) -> Readings:
        reply = await self._call(asking, "device_roaming_status", _ROAMING, {"device": _number(asking)})
        return readings.roaming(fields_of(reply), asking.request.phone_number, self._plmns)

    def _base(self, api: str) -> str:
        base: str = getattr(self._settings.apis, api)
        return base


def _number(asking: _Asking) -> dict[str, object]:
    """Name the number, as a 2-legged token requires."""
    return {"phoneNumber": asking.request.phone_number}
