"""Serve AdminService: agreements, operators and the audit trail, for administrators.

The RPCs that `unserved` lists are answered by one handler made from the descriptor.
"""

from dataclasses import dataclass

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from numseal.adapters.rpc.admin_messages import (
    agreement_message,
    audit_message,
    side_of,
    state_of,
    suspension_message,
    terms_of,
    time_of,
)
from numseal.adapters.rpc.admin_operator_messages import operator_message
from numseal.adapters.rpc.admin_pages import page_of, token_of
from numseal.adapters.rpc.gate import Context, Gate, for_administrator
from numseal.adapters.rpc.handlers import handler_of
from numseal.adapters.rpc.unserved import UNSERVED, unserved
from numseal.api.admin.v1 import admin_pb2 as pb
from numseal.api.admin.v1 import resource_pb2
from numseal.domain.administrator import Administrator
from numseal.domain.agreement import AgreementRecord
from numseal.ports.clock import Clock
from numseal.usecases.administer_agreements import AdministerAgreements
from numseal.usecases.list_operators import ListOperators
from numseal.usecases.read_audit_trail import ReadAuditTrail

ADMIN_SERVICE: ServiceDescriptor = pb.DESCRIPTOR.services_by_name["AdminService"]


@dataclass(frozen=True, slots=True)
class AdminUseCases:
    """What AdminService calls, and the clock that says where an agreement stands now."""

    agreements: AdministerAgreements
    operators: ListOperators
    trail: ReadAuditTrail
    clock: Clock


class AdminService:
    """The administrator's way to what Numseal works by."""

    def __init__(self, gate: Gate, use: AdminUseCases) -> None:
        """Take the gate and the use cases."""
        self.gate = gate
        self._use = use

    @for_administrator(pb.GetOperatorRequest)
    async def GetOperator(self, request: pb.GetOperatorRequest, _who: Administrator) -> pb.GetOperatorResponse:
        """Read an operator."""
        view = await self._use.operators.get(request.operator_id)
        return pb.GetOperatorResponse(operator=operator_message(view))

    @for_administrator(pb.ListOperatorsRequest)
    async def ListOperators(self, request: pb.ListOperatorsRequest, _who: Administrator) -> pb.ListOperatorsResponse:
        """List operators."""
        size, after = page_of("operators", request)
        views, following = await self._use.operators.page(after, size)
        return pb.ListOperatorsResponse(
            operators=[operator_message(view) for view in views], next_page_token=token_of("operators", following)
        )

    @for_administrator(pb.CreateAgreementRequest)
    async def CreateAgreement(
        self, request: pb.CreateAgreementRequest, who: Administrator
    ) -> pb.CreateAgreementResponse:
        """Propose an agreement."""
        record = await self._use.agreements.create(who, terms_of(request.agreement), request.request_id)
        return pb.CreateAgreementResponse(agreement=self._message(record))

    @for_administrator(pb.GetAgreementRequest)
    async def GetAgreement(self, request: pb.GetAgreementRequest, _who: Administrator) -> pb.GetAgreementResponse:
        """Read an agreement."""
        return pb.GetAgreementResponse(agreement=self._message(self._use.agreements.get(request.agreement_id)))

    @for_administrator(pb.ListAgreementsRequest)
    async def ListAgreements(self, request: pb.ListAgreementsRequest, _who: Administrator) -> pb.ListAgreementsResponse:
        """List agreements."""
        filters = (request.relying_party_id, request.operator_id, request.state)
        size, after = page_of("agreements", request, *filters)
        page = self._use.agreements.page(
            relying_party=request.relying_party_id,
            operator_id=request.operator_id,
            state=state_of(request.state),
            after=after,
            size=size,
        )
        return pb.ListAgreementsResponse(
            agreements=[self._message(record) for record in page.records],
            next_page_token=token_of("agreements", page.after, *filters),
        )

    @for_administrator(pb.UpdateAgreementRequest)
    async def UpdateAgreement(
        self, request: pb.UpdateAgreementRequest, who: Administrator
    ) -> pb.UpdateAgreementResponse:
        """Put other terms in place."""
        record = await self._use.agreements.update(who, terms_of(request.agreement), request.agreement.etag)
        return pb.UpdateAgreementResponse(agreement=self._message(record))

    @for_administrator(pb.AcceptAgreementRequest)
    async def AcceptAgreement(
        self, request: pb.AcceptAgreementRequest, who: Administrator
    ) -> pb.AcceptAgreementResponse:
        """Record a side's acceptance."""
        record = await self._use.agreements.accept(
            who, request.agreement_id, side_of(request.side), request.reference, request.etag
        )
        return pb.AcceptAgreementResponse(agreement=self._message(record))

    @for_administrator(pb.ProposeSuspensionRequest)
    async def ProposeSuspension(
        self, request: pb.ProposeSuspensionRequest, who: Administrator
    ) -> pb.ProposeSuspensionResponse:
        """Propose to suspend an agreement."""
        record, suspension = await self._use.agreements.propose_suspension(
            who, request.agreement_id, request.reason, request.reference
        )
        return pb.ProposeSuspensionResponse(agreement=self._message(record), suspension=suspension_message(suspension))

    @for_administrator(pb.ConfirmSuspensionRequest)
    async def ConfirmSuspension(
        self, request: pb.ConfirmSuspensionRequest, who: Administrator
    ) -> pb.ConfirmSuspensionResponse:
        """Suspend an agreement."""
        record, proof = await self._use.agreements.confirm_suspension(who, request.agreement_id, request.suspension_id)
        return pb.ConfirmSuspensionResponse(agreement=self._message(record), proof=proof)

    @for_administrator(pb.ResumeAgreementRequest)
    async def ResumeAgreement(
        self, request: pb.ResumeAgreementRequest, who: Administrator
    ) -> pb.ResumeAgreementResponse:
        """Bring a suspended agreement into force again."""
        record, proof = await self._use.agreements.resume(who, request.agreement_id, request.reason, request.reference)
        return pb.ResumeAgreementResponse(agreement=self._message(record), proof=proof)

    @for_administrator(pb.EndAgreementRequest)
    async def EndAgreement(self, request: pb.EndAgreementRequest, who: Administrator) -> pb.EndAgreementResponse:
        """End an agreement for good."""
        record, proof = await self._use.agreements.end(who, request.agreement_id, request.reason, request.reference)
        return pb.EndAgreementResponse(agreement=self._message(record), proof=proof)

    @for_administrator(pb.ListAuditEventsRequest)
    async def ListAuditEvents(
        self, request: pb.ListAuditEventsRequest, _who: Administrator
    ) -> pb.ListAuditEventsResponse:
        """List what administrators did."""
        start, end = time_of(request, "start_time"), time_of(request, "end_time")
        filters = (request.resource, start, end)
        size, before = page_of("audit", request, *filters)
        trail = await self._use.trail(
            size=size, before=int(before) if before else None, resource=request.resource, start=start, end=end
        )
        following = "" if trail.before is None else str(trail.before)
        return pb.ListAuditEventsResponse(
            audit_events=[audit_message(event) for event in trail.events],
            next_page_token=token_of("audit", following, *filters),
        )

    def _message(self, record: AgreementRecord) -> resource_pb2.Agreement:
        return agreement_message(record, self._use.clock.now())


def add_admin_service(server: grpc.aio.Server, servicer: AdminService) -> None:
    """Add the service to a server."""
    handlers = {}
    for method in ADMIN_SERVICE.methods:
        name = f"{ADMIN_SERVICE.name}.{method.name}"
        handlers[method.name] = (
            _unserved(name) if name in UNSERVED else handler_of(method, getattr(servicer, method.name))
        )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(ADMIN_SERVICE.full_name, handlers),))


def _unserved(name: str) -> "grpc.RpcMethodHandler[bytes, Message]":
    async def rpc(_request: bytes, context: Context) -> Message:
        await unserved(context, name)

    return grpc.unary_unary_rpc_method_handler(rpc)
