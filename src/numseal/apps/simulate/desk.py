"""The calls that messengers, people and attackers make, and their gRPC form. What to call when is not known here."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import grpc
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from numseal.adapters.operators.simulator.operators import OPERATORS
from numseal.api.simulator.v1 import simulator_pb2 as sim
from numseal.api.verification.v1 import binding_pb2, verification_pb2
from numseal.apps.cli.session import TIMEOUT, Session, words
from numseal.apps.simulate.changes import Change
from numseal.domain import otp

Verification = verification_pb2.Verification
T = TypeVar("T")


class RefusedError(Exception):
    """The server refused a call; `reason` is its ErrorInfo's."""

    def __init__(self, reason: str, sentence: str) -> None:
        """Take the reason and the server's sentence."""
        super().__init__(f"{reason}: {sentence}")
        self.reason = reason


class Desk(Protocol):
    """Both messengers' server and the simulated network behind it; `party` is alpha or beta.

    Every call raises RefusedError where the server refuses it.
    """

    async def start(self, party: str, request: verification_pb2.StartVerificationRequest) -> Verification:
        """Open a verification."""

    async def resend(self, party: str, request: verification_pb2.ResendCodeRequest) -> Verification:
        """Ask for another code."""

    async def check(self, party: str, request: verification_pb2.CheckCodeRequest) -> verification_pb2.CheckCodeResponse:
        """Offer a code."""

    async def check_page(self, party: str, request: verification_pb2.CheckNetworkProofRequest) -> Verification:
        """Offer what a network page returned."""

    async def go_on(self, party: str, request: verification_pb2.ContinueVerificationRequest) -> Verification:
        """Go on from STEP_UP_REQUIRED or CONTESTED."""

    async def cancel(self, party: str, verification_id: str) -> None:
        """End a verification."""

    async def shown(self, party: str, request: binding_pb2.CheckNumberRequest) -> binding_pb2.CheckNumberResponse:
        """Ask whether a number shown is the account's."""

    async def messages(self, number: str) -> Sequence[sim.Message]:
        """Read a handset."""

    async def open_page(self, number: str, auth_url: str) -> sim.OpenAuthUrlResponse:
        """Open a network page from the handset of a number."""

    async def update(self, number: str, changes: Sequence[Change]) -> None:
        """Let things happen to a subscriber."""

    def overheard(self, verification_id: str, send_count: int) -> str:
        """Return a code that reached a person past the simulated handset."""


class GrpcDesk:
    """The desk over gRPC: one channel, a session a messenger."""

    def __init__(self, sessions: Mapping[str, Session], master: bytes) -> None:
        """Take the messengers' sessions, and the server's master key.

        The key gives codes that were heard where the simulated network has no ear: a forwarded call, a voicemail box,
        another operator's node, a handset on IMS.
        """
        self._sessions = sessions
        self._any = next(iter(sessions.values()))
        self._key = HKDF(SHA256(), 32, salt=None, info=b"numseal/v1 one-time codes").derive(master)

    async def start(self, party: str, request: verification_pb2.StartVerificationRequest) -> Verification:
        """Open a verification."""
        session = self._sessions[party]
        return (await self._call(session, session.verification.StartVerification, request)).verification

    async def resend(self, party: str, request: verification_pb2.ResendCodeRequest) -> Verification:
        """Ask for another code."""
        session = self._sessions[party]
        return (await self._call(session, session.verification.ResendCode, request)).verification

    async def check(self, party: str, request: verification_pb2.CheckCodeRequest) -> verification_pb2.CheckCodeResponse:
        """Offer a code."""
        session = self._sessions[party]
        return await self._call(session, session.verification.CheckCode, request)

    async def check_page(self, party: str, request: verification_pb2.CheckNetworkProofRequest) -> Verification:
        """Offer what a network page returned."""
        session = self._sessions[party]
        return (await self._call(session, session.verification.CheckNetworkProof, request)).verification

    async def go_on(self, party: str, request: verification_pb2.ContinueVerificationRequest) -> Verification:
        """Go on from STEP_UP_REQUIRED or CONTESTED."""
        session = self._sessions[party]
        return (await self._call(session, session.verification.ContinueVerification, request)).verification

    async def cancel(self, party: str, verification_id: str) -> None:
        """End a verification."""
        session = self._sessions[party]
        request = verification_pb2.CancelVerificationRequest(verification_id=verification_id)
        await self._call(session, session.verification.CancelVerification, request)

    async def shown(self, party: str, request: binding_pb2.CheckNumberRequest) -> binding_pb2.CheckNumberResponse:
        """Ask whether a number shown is the account's."""
        session = self._sessions[party]
        return await self._call(session, session.binding.CheckNumber, request)

    async def messages(self, number: str) -> Sequence[sim.Message]:
        """Read a handset."""
        request = sim.GetInboxRequest(phone_number=number)
        return (await self._call(self._any, self._any.simulator.GetInbox, request)).messages

    async def open_page(self, number: str, auth_url: str) -> sim.OpenAuthUrlResponse:
        """Open a network page from the handset of a number."""
        request = sim.OpenAuthUrlRequest(phone_number=number, auth_url=auth_url)
        return await self._call(self._any, self._any.simulator.OpenAuthUrl, request)

    async def update(self, number: str, changes: Sequence[Change]) -> None:
        """Let things happen to a subscriber."""
        if changes:
            request = sim.UpdateSubscriberRequest(phone_number=number, changes=changes)
            await self._call(self._any, self._any.simulator.UpdateSubscriber, request)

    def overheard(self, verification_id: str, send_count: int) -> str:
        """Derive a code from the server's key."""
        return otp.code_of(self._key, verification_id, max(1, send_count))

    async def _call(self, session: Session, method: Callable[..., Awaitable[T]], request: object) -> T:
        try:
            return await method(request, metadata=session.metadata, timeout=TIMEOUT)
        except grpc.aio.AioRpcError as error:
            if error.code() in _BROKEN:
                raise
            raise RefusedError(*words(error)) from None


_BROKEN = frozenset(
    {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNAVAILABLE}
)
"""Not refusals: a run that meets one of these has failed."""


class Follower:
    """Follows WatchBindings of the messengers; owns what was told of each binding."""

    def __init__(self, sessions: Mapping[str, Session]) -> None:
        """Take the messengers' sessions."""
        self._sessions = sessions
        self._tasks: list[asyncio.Task[None]] = []
        self.told: dict[str, list[binding_pb2.BindingChange]] = {}

    async def begin(self) -> None:
        """Follow from now on.

        A stream says nothing before the first change, so a call behind it on the same connection shows that it is open.
        """
        for session in self._sessions.values():
            call = session.binding.WatchBindings(binding_pb2.WatchBindingsRequest(), metadata=session.metadata)
            self._tasks.append(asyncio.create_task(self._follow(call)))
            await session.last_message(OPERATORS[0].example)

    async def end(self) -> None:
        """Stop following; raises what ended a stream before."""
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def _follow(self, call: AsyncIterable[binding_pb2.WatchBindingsResponse]) -> None:
        async for answer in call:
            if answer.WhichOneof("step") == "change":
                self.told.setdefault(answer.change.binding.binding_id, []).append(answer.change)
