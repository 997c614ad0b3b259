"""What every check has at hand: the backend's calls, the profile, the operator's own time, and fresh request ids.

Owns the stub, the capabilities that were told first, and which of the operator's numbers is in use. No check lives
here, and no judgement of an answer.
"""

import asyncio
import math
import string
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from numseal.api.operator.v1 import operator_pb2, operator_pb2_grpc, subscriber_pb2
from numseal.conformance.equipment import ask
from numseal.conformance.pace import Pace
from numseal.conformance.profile import Profile
from numseal.conformance.results import CannotCheck, DoesNotApply
from numseal.conformance.simulated import Simulated
from numseal.conformance.transport import Target
from numseal.conformance.words import word
from numseal.domain.operator import CLOCK_SKEW
from numseal.ports.clock import Clock

SEND_LIFE = 600
"""Seconds that an ordinary code of the kit's is good for."""

NOWHERE = "+9991234567890"
"""A number of a country code that nobody has (ITU-T E.164 list of assigned codes: 999 is reserved)."""

StatementKeys = Mapping[str, EllipticCurvePublicKey | Ed25519PublicKey]
"""Keys that an operator signs its answers with, by `kid`."""

NO_KEYS: StatementKeys = {}
AnswerT = TypeVar("AnswerT", bound=Message)
_LETTERS = str.maketrans("0123456789abcdef", string.ascii_lowercase[:16])


class Refused(Exception):  # noqa: N818 - the backend's word
    """A call that ended with a gRPC status other than OK."""

    def __init__(self, method: str, error: grpc.aio.AioRpcError) -> None:
        """Take the call's name and what gRPC says."""
        self.method = method
        self.code = error.code()
        self.details = error.details() or ""
        self.trailing = error.trailing_metadata()
        super().__init__(f"{method} answered {self.code.name}: {self.details[:200] or 'without a word'}")


class Kit:
    """One run against one backend."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        target: Target,
        profile: Profile,
        clock: Clock,
        pace: Pace,
        run: str,
        statement_keys: StatementKeys = NO_KEYS,
    ) -> None:
        """Take an open channel to the target; `run` is hex digits that no other run has.

        `statement_keys` are those that the operator's statements are verified by.
        """
        self.statement_keys = statement_keys
        self.target = target
        self.profile = profile
        self.clock = clock
        self.pace = pace
        self.stub: Any = operator_pb2_grpc.OperatorBackendStub(channel)
        self._simulated = Simulated(channel, target.metadata)
        self.told = operator_pb2.GetCapabilitiesResponse()
        self._run = run
        self._count = 0
        self._ahead = 0
        self._free: asyncio.Queue[str] = asyncio.Queue()
        for number in profile.own:
            self._free.put_nowait(number)

    def learn(self, told: operator_pb2.GetCapabilitiesResponse) -> None:
        """Keep the capabilities; where the operator's clock is far off, go by it, since one check says so already."""
        self.told = told
        ahead = told.server_time.seconds - self.clock.now()
        self._ahead = ahead if abs(ahead) > CLOCK_SKEW and told.HasField("server_time") else 0

    def now(self) -> int:
        """Return the operator's time, Unix seconds."""
        return self.clock.now() + self._ahead

    def time(self, ahead: float) -> Timestamp:
        """Return the operator's time, so many seconds on; in whole seconds, rounded up."""
        return Timestamp(seconds=math.ceil(self.now() + ahead))

    async def sleep_until(self, time: int) -> None:
        """Return once it is that time at the operator's."""
        await self.clock.sleep_until(time - self._ahead)

    def new_id(self) -> str:
        """Return a request id that was never used."""
        self._count += 1
        return f"kit-{self._run}-{self._count}"

    def mark(self) -> str:
        """Return a word without digits that no other message of any run has."""
        self._count += 1
        return f"{self._run}{self._count:x}".translate(_LETTERS)

    async def call(self, method: str, request: Message, *, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        """Make a call; raise `Refused` for any status but OK."""
        limit = self.pace.answer if timeout is None else timeout
        try:
            return await getattr(self.stub, method)(request, timeout=limit, metadata=self.target.metadata)
        except grpc.aio.AioRpcError as error:
            raise Refused(method, error) from None

    async def look_up(
        self, number: str, signals: list[Any] | None = None, **fields: Any
    ) -> operator_pb2.LookUpSubscriberResponse:
        """Look a number up: all signals on offer by default, before a sign-up."""
        answer: operator_pb2.LookUpSubscriberResponse = await self.call(
            "LookUpSubscriber", self.lookup(number, signals, **fields)
        )
        return answer

    def lookup(
        self, number: str, signals: list[Any] | None = None, **fields: Any
    ) -> operator_pb2.LookUpSubscriberRequest:
        """Return the request of a lookup."""
        if signals is None:
            offered = dict.fromkeys(offer.signal for offer in self.told.signals if offer.signal)
            signals = list(offered) or [subscriber_pb2.SIGNAL_KIND_LINE_TYPE]
        request = operator_pb2.LookUpSubscriberRequest(
            request_id=self.new_id(),
            phone_number=number,
            signals=signals,
            phase=operator_pb2.LOOKUP_PHASE_BEFORE,
            agreement_id=self.profile.agreement_id,
            purpose=operator_pb2.PURPOSE_SIGN_UP,
        )
        if subscriber_pb2.SIGNAL_KIND_RECYCLED in request.signals:
            request.since_time.seconds = self.now() - 86_400
        return _set(request, fields)

    def order(self, number: str, **fields: Any) -> operator_pb2.SendCodeRequest:
        """Return the request to send: a text by default, `operator_code` for a code of the operator's own."""
        code = fields.get("operator_code")
        request = operator_pb2.SendCodeRequest(
            request_id=self.new_id(),
            phone_number=number,
            method=operator_pb2.METHOD_SMS if code is None else operator_pb2.METHOD_OPERATOR_CODE,
            locale=self.profile.locale,
            expire_time=self.time(SEND_LIFE),
            agreement_id=self.profile.agreement_id,
        )
        if code is None and "text" not in fields:
            request.text = f"Numseal conformance {self.mark()}"
        return _set(request, fields)

    async def send(self, request: operator_pb2.SendCodeRequest) -> operator_pb2.SendCodeResponse:
        """Send; where the operator says to wait, wait and send anew, once."""
        answer: operator_pb2.SendCodeResponse = await self.call("SendCode", request)
        if answer.outcome == operator_pb2.SEND_OUTCOME_THROTTLED:
            wait = answer.retry_delay.seconds + 1
            if wait > self.pace.throttled:
                raise CannotCheck(
                    f"the operator takes no more codes for {request.phone_number} for {wait} s: name more numbers `own`"
                )
            await asyncio.sleep(wait)
            request.request_id = self.new_id()
            request.expire_time.seconds += wait
            answer = await self.call("SendCode", request)
        return answer

    def need_method(self, method: int) -> None:
        """Raise `DoesNotApply` unless the method is on offer."""
        if method not in [offer.method for offer in self.told.methods]:
            name = word(operator_pb2.Method, method)
            raise DoesNotApply(f"GetCapabilities does not announce the method {name}")

    def need_signals(self, *kinds: int) -> None:
        """Raise `DoesNotApply` unless all these signals are on offer, or any where none is named."""
        offered = {int(offer.signal) for offer in self.told.signals}
        if not offered:
            raise DoesNotApply("GetCapabilities announces no signals")
        for kind in kinds:
            if kind not in offered:
                name = word(subscriber_pb2.SignalKind, kind)
                raise DoesNotApply(f"GetCapabilities does not announce the signal {name}")

    def need_idempotency(self) -> None:
        """Raise `DoesNotApply` unless requests are remembered."""
        if not self.told.idempotency_window.seconds:
            raise DoesNotApply("GetCapabilities announces no idempotency_window")

    def number(self, name: str) -> str:
        """Return a number of the profile; raise `CannotCheck` where it names none."""
        number: str = getattr(self.profile, name)
        if not number:
            raise CannotCheck(f"the profile names no number `{'events.number' if name == 'event_number' else name}`")
        return number

    def own(self) -> str:
        """Return the first own number, to look at only; raise `CannotCheck` where the profile names none."""
        if not self.profile.own:
            raise CannotCheck("the profile names no number `own`")
        return self.profile.own[0]

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[str]:
        """Lend an own number to send codes to; nobody else sends to it meanwhile."""
        self.own()
        number = await self._free.get()
        try:
            yield number
        finally:
            self._free.put_nowait(number)

    async def messages(self, number: str) -> str:
        """Return what the number received; raise `CannotCheck` where the profile names no way to see it."""
        if not self.profile.messages:
            raise CannotCheck("the profile names no way to read messages ([messages] command, url or file)")
        if self.profile.messages.simulator:
            return await self._simulated.messages(number)
        return await ask(self.profile.messages, number, self._nonce())

    async def change_sim(self) -> None:
        """Have the SIM of the event number changed; raise `CannotCheck` where the profile names no way."""
        if not self.profile.sim_change:
            raise CannotCheck("the profile names no way to change a SIM ([events.sim_change] command or url)")
        if self.profile.sim_change.simulator:
            await self._simulated.change_sim(self.profile.event_number)
        else:
            await ask(self.profile.sim_change, self.profile.event_number, self._nonce())

    def _nonce(self) -> str:
        self._count += 1
        return f"{int(self._run, 16) % 10**6:06d}{self._count:06d}"


def seconds(value: float) -> Duration:
    """Return a length of time as the contract has it."""
    made = Duration()
    made.FromMilliseconds(round(value * 1_000))
    return made


def _set(request: AnswerT, fields: dict[str, Any]) -> AnswerT:
    """Set fields as given: a list replaces, None clears."""
    for name, value in fields.items():
        request.ClearField(name)
        if value is None:
            continue
        if isinstance(value, Message):
            getattr(request, name).CopyFrom(value)
        elif isinstance(value, list):
            getattr(request, name).extend(value)
        else:
            setattr(request, name, value)
    return request
