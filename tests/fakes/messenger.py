"""A messenger for tests: plays sign-ups over real gRPC and reads codes from the simulated handset."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from numseal.api.simulator.v1 import simulator_pb2
from numseal.api.simulator.v1.simulator_pb2_grpc import SimulatorServiceStub
from numseal.api.transparency.v1 import transparency_pb2
from numseal.api.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub
from numseal.api.verification.v1 import binding_pb2, verification_pb2
from numseal.api.verification.v1.binding_pb2_grpc import BindingServiceStub
from numseal.api.verification.v1.verification_pb2_grpc import VerificationServiceStub

if TYPE_CHECKING:
    from numseal.api.simulator.v1.simulator_pb2_grpc import SimulatorServiceAsyncStub
    from numseal.api.transparency.v1.transparency_pb2_grpc import TransparencyServiceAsyncStub
    from numseal.api.verification.v1.binding_pb2_grpc import BindingServiceAsyncStub
    from numseal.api.verification.v1.verification_pb2_grpc import VerificationServiceAsyncStub

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A failed call: code name, reason, the field at fault, and the seconds after which to try again."""

    code: str
    reason: str
    field: str | None = None
    retry_delay: int | None = None


@dataclass(frozen=True, slots=True)
class Messenger:
    """One relying party's stubs on one channel."""

    channel: grpc.aio.Channel
    metadata: Metadata

    @property
    def verification(self) -> "VerificationServiceAsyncStub":
        return VerificationServiceStub(self.channel)

    @property
    def binding(self) -> "BindingServiceAsyncStub":
        return BindingServiceStub(self.channel)

    @property
    def simulator(self) -> "SimulatorServiceAsyncStub":
        return SimulatorServiceStub(self.channel)

    @property
    def transparency(self) -> "TransparencyServiceAsyncStub":
        return TransparencyServiceStub(self.channel)

    async def start(self, number: str, account: str = "alice", **fields: object) -> verification_pb2.Verification:
        values: dict[str, object] = {"purpose": verification_pb2.PURPOSE_SIGN_UP, **fields}
        request = verification_pb2.StartVerificationRequest(
            account_id=account,
            phone_number=number,
            **values,  # type: ignore[arg-type]
        )
        answer = await self.verification.StartVerification(request, metadata=self.metadata)
        return answer.verification

    async def inbox(self, number: str) -> list[str]:
        """Return the texts on a handset, the oldest first."""
        request = simulator_pb2.GetInboxRequest(phone_number=number)
        answer = await self.simulator.GetInbox(request, metadata=self.metadata)
        return [message.text for message in answer.messages]

    async def code(self, number: str) -> str:
        """Return the newest code on a handset."""
        found = re.search(r"(?<!\d)\d{6}(?!\d)", (await self.inbox(number))[-1])
        assert found is not None
        return found.group()

    async def check(
        self, verification_id: str, code: str, key_proof: bytes = b""
    ) -> verification_pb2.CheckCodeResponse:
        request = verification_pb2.CheckCodeRequest(verification_id=verification_id, code=code, key_proof=key_proof)
        return await self.verification.CheckCode(request, metadata=self.metadata)

    async def get(self, verification_id: str) -> verification_pb2.Verification:
        request = verification_pb2.GetVerificationRequest(verification_id=verification_id)
        return (await self.verification.GetVerification(request, metadata=self.metadata)).verification

    async def sign_up(self, number: str, account: str = "alice", **fields: object) -> verification_pb2.Verification:
        """Start, read the code, offer it."""
        opened = await self.start(number, account, **fields)
        return (await self.check(opened.verification_id, await self.code(number))).verification

    async def open_page(self, opened: verification_pb2.Verification, number: str) -> simulator_pb2.OpenAuthUrlResponse:
        """Open a network page from a handset."""
        request = simulator_pb2.OpenAuthUrlRequest(phone_number=number, auth_url=opened.network.auth_url)
        return await self.simulator.OpenAuthUrl(request, metadata=self.metadata)

    async def offer_proof(
        self, opened: verification_pb2.Verification, number: str, key_proof: bytes = b""
    ) -> verification_pb2.CheckNetworkProofResponse:
        """Open the network page from a handset and offer what it returned."""
        page = await self.open_page(opened, number)
        request = verification_pb2.CheckNetworkProofRequest(
            verification_id=opened.verification_id,
            authorization_code=page.authorization_code,
            state=page.state,
            key_proof=key_proof,
        )
        return await self.verification.CheckNetworkProof(request, metadata=self.metadata)

    async def prove(
        self, opened: verification_pb2.Verification, number: str, key_proof: bytes = b""
    ) -> verification_pb2.Verification:
        """Prove possession through the network, from a handset."""
        return (await self.offer_proof(opened, number, key_proof)).verification

    async def proceed(
        self, verification: verification_pb2.Verification, **way: object
    ) -> verification_pb2.Verification:
        """Take a way on."""
        request = verification_pb2.ContinueVerificationRequest(
            verification_id=verification.verification_id,
            **way,  # type: ignore[arg-type]
        )
        return (await self.verification.ContinueVerification(request, metadata=self.metadata)).verification

    async def change(self, number: str, *changes: simulator_pb2.SubscriberChange) -> None:
        request = simulator_pb2.UpdateSubscriberRequest(phone_number=number, changes=changes)
        await self.simulator.UpdateSubscriber(request, metadata=self.metadata)

    async def shown(self, number: str, account: str = "alice", **fields: object) -> binding_pb2.CheckNumberResponse:
        request = binding_pb2.CheckNumberRequest(
            account_id=account,
            phone_number=number,
            **fields,  # type: ignore[arg-type]
        )
        return await self.binding.CheckNumber(request, metadata=self.metadata)

    async def log_size(self) -> int:

        answer = await self.transparency.GetCheckpoint(transparency_pb2.GetCheckpointRequest())
        return answer.tree_size


def refused(error: grpc.aio.AioRpcError) -> Refused:
    """Read a failed call; fails the test where it has not exactly one ErrorInfo of our domain."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None, f"no details: {error.code()} {error.details()}"
    infos, field, delay = [], None, None
    for detail in status.details:
        info, bad, retry = (
            error_details_pb2.ErrorInfo(),
            error_details_pb2.BadRequest(),
            error_details_pb2.RetryInfo(),
        )
        if detail.Unpack(info):
            infos.append(info)
        elif detail.Unpack(bad):
            field = bad.field_violations[0].field
        elif detail.Unpack(retry):
            delay = retry.retry_delay.seconds
    assert len(infos) == 1
    assert infos[0].domain == "numseal"
    return Refused(error.code().name, infos[0].reason, field, delay)


@contextmanager
def answers(code: str, reason: str, field: str | None = None) -> Iterator[None]:
    """Expect a call to fail so."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        yield
    found = refused(caught.value)
    assert (found.code, found.reason) == (code, reason)
    if field is not None:
        assert found.field == field


def state(verification: verification_pb2.Verification) -> str:
    """Name a verification's state."""
    return verification_pb2.VerificationState.Name(verification.state).removeprefix("VERIFICATION_STATE_")


def result(answer: binding_pb2.CheckNumberResponse) -> str:
    """Name the result of a check of a number."""
    return binding_pb2.NumberCheckResult.Name(answer.result).removeprefix("NUMBER_CHECK_RESULT_")


def codes(message: verification_pb2.Verification | binding_pb2.CheckNumberResponse) -> set[str]:
    """Name the findings."""
    return {finding.code for finding in message.findings}
