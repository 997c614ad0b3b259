"""Administrators for tests: call AdminService over real gRPC.

ada, bob = administrators(channel, directory)      # the two of a development directory
record = await ada.call("GetAgreement", agreement_id="demo-mts")
suspended = await suspend(ada, bob, "demo-mts")    # proposed by one, confirmed by the other
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from numseal.api.admin.v1 import admin_pb2, resource_pb2
from numseal.api.admin.v1.admin_pb2_grpc import AdminServiceStub
from numseal.api.operator.v1 import operator_pb2, subscriber_pb2
from numseal.apps.development import ADMINISTRATORS, administrator_token_name

WHY = {"reason": "codes were sold on", "reference": "order 7"}


@dataclass(frozen=True, slots=True)
class Admin:
    """One administrator, or whoever else calls with that token."""

    channel: grpc.aio.Channel
    token: str

    async def call(self, rpc: str, /, **fields: Any) -> Any:
        """Call an RPC; `fields` are those of its request."""
        request = getattr(admin_pb2, f"{rpc}Request")(**fields)
        stub: Any = AdminServiceStub(self.channel)
        return await getattr(stub, rpc)(request, metadata=(("authorization", f"Bearer {self.token}"),))

    async def agreement(self, agreement_id: str) -> resource_pb2.Agreement:
        """Read an agreement."""
        answer: admin_pb2.GetAgreementResponse = await self.call("GetAgreement", agreement_id=agreement_id)
        return answer.agreement

    async def trail(self, **fields: Any) -> list[resource_pb2.AuditEvent]:
        """Read a page of the audit trail."""
        answer: admin_pb2.ListAuditEventsResponse = await self.call("ListAuditEvents", **fields)
        return list(answer.audit_events)


def administrators(channel: grpc.aio.Channel, directory: Path) -> tuple[Admin, Admin]:
    """Return the administrators of a development directory."""
    first, second = ((directory / administrator_token_name(name)).read_text().strip() for name in ADMINISTRATORS)
    return Admin(channel, first), Admin(channel, second)


def agreement_of(agreement_id: str, /, **fields: Any) -> resource_pb2.Agreement:
    """Make an agreement of the development messenger with MTS that covers everything, some fields changed."""
    message = resource_pb2.Agreement(
        agreement_id=agreement_id,
        relying_party_id="demo-messenger",
        operator_id="mts",
        methods=operator_pb2.Method.values()[1:],
        signals=subscriber_pb2.SignalKind.values()[1:],
    )
    message.start_time.seconds = 1_700_000_000
    for name, value in fields.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.message_type is not None and not isinstance(value, list):
            getattr(message, name).CopyFrom(value)
        elif isinstance(value, list):
            message.ClearField(name)  # type: ignore[arg-type]
            getattr(message, name).extend(value)
        else:
            setattr(message, name, value)
    return message


async def put_in_force(admin: Admin, agreement: resource_pb2.Agreement) -> resource_pb2.Agreement:
    """Propose an agreement and have both sides accept it."""
    made: resource_pb2.Agreement = (await admin.call("CreateAgreement", agreement=agreement)).agreement
    for side in (resource_pb2.AGREEMENT_SIDE_OPERATOR, resource_pb2.AGREEMENT_SIDE_RELYING_PARTY):
        accepted = {"agreement_id": made.agreement_id, "side": side, "reference": "letter 1", "etag": made.etag}
        made = (await admin.call("AcceptAgreement", **accepted)).agreement
    return made


async def suspend(first: Admin, second: Admin, agreement_id: str) -> admin_pb2.ConfirmSuspensionResponse:
    """Propose a suspension and have another administrator confirm it."""
    proposed = await first.call("ProposeSuspension", agreement_id=agreement_id, **WHY)
    confirmed: admin_pb2.ConfirmSuspensionResponse = await second.call(
        "ConfirmSuspension", agreement_id=agreement_id, suspension_id=proposed.suspension.suspension_id
    )
    return confirmed
