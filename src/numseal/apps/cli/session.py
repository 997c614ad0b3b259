"""A messenger's session with a server: channel, token, stubs, and errors in words. Used by `signup` and `demo`."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from numseal.api.simulator.v1 import simulator_pb2
from numseal.api.simulator.v1.simulator_pb2_grpc import SimulatorServiceStub
from numseal.api.verification.v1 import verification_pb2
from numseal.api.verification.v1.binding_pb2_grpc import BindingServiceStub
from numseal.api.verification.v1.verification_pb2_grpc import VerificationServiceStub

if TYPE_CHECKING:
    from numseal.api.simulator.v1.simulator_pb2_grpc import SimulatorServiceAsyncStub
    from numseal.api.verification.v1.binding_pb2_grpc import BindingServiceAsyncStub
    from numseal.api.verification.v1.verification_pb2_grpc import VerificationServiceAsyncStub

TIMEOUT = 20.0
"""Seconds that any one call may take."""

_CODE = re.compile(r"(?<!\d)(\d{4,10})(?!\d)")


_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
"""gRPC shares a failed connection's wait by address: a server that was started anew would seem down."""


@dataclass(frozen=True, slots=True)
class Session:
    """Stubs of one server, and the metadata that names the relying party."""

    verification: "VerificationServiceAsyncStub"
    binding: "BindingServiceAsyncStub"
    simulator: "SimulatorServiceAsyncStub"
    metadata: tuple[tuple[str, str], ...]

    async def last_message(self, phone_number: str) -> str:
        """Return the id of the newest message on a simulated handset, empty where there is none."""
        request = simulator_pb2.GetInboxRequest(phone_number=phone_number)
        answer = await self.simulator.GetInbox(request, metadata=self.metadata, timeout=TIMEOUT)
        return answer.messages[-1].message_id if answer.messages else ""

    async def read_code(self, phone_number: str, after: str, wait: int = 10) -> str | None:
        """Return the code in the first message behind `after` on a simulated handset; waits up to `wait` seconds."""
        request = simulator_pb2.GetInboxRequest(phone_number=phone_number, after_message_id=after)
        request.wait.seconds = wait
        answer = await self.simulator.GetInbox(request, metadata=self.metadata, timeout=TIMEOUT + wait)
        for message in reversed(answer.messages):
            found = _CODE.search(message.text)
            if found:
                return found.group(1)
        return None

    async def start(self, request: verification_pb2.StartVerificationRequest) -> verification_pb2.Verification:
        """Open a verification."""
        answer = await self.verification.StartVerification(request, metadata=self.metadata, timeout=TIMEOUT)
        return answer.verification

    async def check(self, verification_id: str, code: str) -> verification_pb2.CheckCodeResponse:
        """Offer a code."""
        request = verification_pb2.CheckCodeRequest(verification_id=verification_id, code=code)
        return await self.verification.CheckCode(request, metadata=self.metadata, timeout=TIMEOUT)

    async def prove(self, opened: verification_pb2.Verification, phone_number: str) -> verification_pb2.Verification:
        """Open a network page from a simulated handset and offer what it returned."""
        request = simulator_pb2.OpenAuthUrlRequest(phone_number=phone_number, auth_url=opened.network.auth_url)
        page = await self.simulator.OpenAuthUrl(request, metadata=self.metadata, timeout=TIMEOUT)
        proof = verification_pb2.CheckNetworkProofRequest(
            verification_id=opened.verification_id, authorization_code=page.authorization_code, state=page.state
        )
        answer = await self.verification.CheckNetworkProof(proof, metadata=self.metadata, timeout=TIMEOUT)
        return answer.verification


@asynccontextmanager
async def open_session(address: str, token: str, ca: bytes | None = None) -> AsyncIterator[Session]:
    """Give a session; in clear on the machine itself, by TLS where authorities (PEM) are given."""
    if ca is None:
        channel = grpc.aio.insecure_channel(address, options=_OWN_CONNECTION)
    else:
        channel = grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(ca), options=_OWN_CONNECTION)
    async with channel:
        yield Session(
            VerificationServiceStub(channel),
            BindingServiceStub(channel),
            SimulatorServiceStub(channel),
            (("authorization", f"Bearer {token}"),),
        )


def words(error: grpc.aio.AioRpcError) -> tuple[str, str]:
    """Return reason and sentence of a failed call."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    if status is not None:
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                return info.reason, status.message
    return error.code().name, error.details() or "no details"


def problem(error: grpc.aio.AioRpcError) -> str:
    """Return a failed call as one JSON object."""
    reason, sentence = words(error)
    return json.dumps({"error": {"code": error.code().name, "reason": reason, "message": sentence}})
