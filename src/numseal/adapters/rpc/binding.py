"""Serve BindingService."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

import grpc

from numseal.adapters.rpc.assurance_messages import bundle_message
from numseal.adapters.rpc.binding_messages import (
    binding_message,
    check_message,
    findings_messages,
    refresh_of,
    revocation_reason_of,
    shown_of,
    states_of,
    step_message,
)
from numseal.adapters.rpc.gate import Gate, for_relying_party, stream_for_relying_party
from numseal.api.verification.v1 import binding_pb2 as pb
from numseal.domain.binding import Binding
from numseal.domain.errors import Refusal, invalid
from numseal.domain.msisdn import parse_msisdn
from numseal.domain.number_plan import OperatorInfo
from numseal.domain.relying_party import RelyingParty
from numseal.ports.clock import Clock
from numseal.usecases.check_number import MAX_BATCH, CheckNumber, Shown
from numseal.usecases.read_bindings import ReadBindings
from numseal.usecases.refresh_binding import RefreshBinding
from numseal.usecases.revoke_binding import RevokeBinding
from numseal.usecases.start_verification import check_account_id
from numseal.usecases.stream_health import StreamHealth
from numseal.usecases.watch_bindings import WatchBindings

BREATH = 32
"""Items of a batch after which other calls get their turn."""


@dataclass(frozen=True, slots=True)
class BindingUseCases:
    """What BindingService calls, and how alive the operators' events are."""

    check: CheckNumber
    read: ReadBindings
    refresh: RefreshBinding
    revoke: RevokeBinding
    watch: WatchBindings
    health: StreamHealth


class BindingService:
    """The messenger's way to what became of its bindings."""

    def __init__(self, gate: Gate, use: BindingUseCases, operators: Mapping[str, OperatorInfo], clock: Clock) -> None:
        """Take the gate, the use cases, the operators by id to name them in answers, and the clock."""
        self.gate = gate
        self._use = use
        self._operators = operators
        self._clock = clock

    @for_relying_party(pb.CheckNumberRequest)
    async def CheckNumber(self, request: pb.CheckNumberRequest, party: RelyingParty) -> pb.CheckNumberResponse:
        """Judge a number that an account shows."""
        return check_message(*await self._use.check(party.relying_party, shown_of(request)))

    @for_relying_party(pb.BatchCheckNumbersRequest)
    async def BatchCheckNumbers(
        self, request: pb.BatchCheckNumbersRequest, party: RelyingParty
    ) -> pb.BatchCheckNumbersResponse:
        """Judge up to 1,000 numbers; an item that cannot be judged has an error of its own."""
        if len(request.requests) > MAX_BATCH:
            message = f"requests: {len(request.requests)}; at most {MAX_BATCH} are expected"
            raise invalid("requests", "TOO_MANY_REQUESTS", message)
        items: list[Shown | Refusal] = []
        for count, item in enumerate(request.requests, start=1):
            if not count % BREATH:
                await asyncio.sleep(0)
            try:
                items.append(shown_of(item))
            except Refusal as refused:
                items.append(refused)
        checks, now = await self._use.check.many(party.relying_party, [i for i in items if isinstance(i, Shown)])
        answers = iter(checks)
        results = []
        for count, entry in enumerate(items, start=1):
            if not count % BREATH:
                await asyncio.sleep(0)
            answer = next(answers) if isinstance(entry, Shown) else entry
            if isinstance(answer, Refusal):
                results.append(pb.BatchCheckNumbersResult(error=_item_error(answer)))
            else:
                results.append(pb.BatchCheckNumbersResult(response=check_message(answer, now)))
        return pb.BatchCheckNumbersResponse(results=results)

    @for_relying_party(pb.GetBindingRequest)
    async def GetBinding(self, request: pb.GetBindingRequest, party: RelyingParty) -> pb.GetBindingResponse:
        """Read a binding."""
        binding, bundle = await self._use.read.one(
            party.relying_party, request.binding_id, with_bundle=request.include_bundle
        )
        return pb.GetBindingResponse(
            binding=self._message(binding),
            bundle=bundle_message(bundle) if bundle else None,
        )

    @for_relying_party(pb.ListBindingsRequest)
    async def ListBindings(self, request: pb.ListBindingsRequest, party: RelyingParty) -> pb.ListBindingsResponse:
        """List bindings, page by page."""
        if request.account_id:
            check_account_id(request.account_id)
        number = parse_msisdn(request.phone_number, request.region_code) if request.phone_number else ""
        bindings, token = await self._use.read.page(
            party.relying_party,
            account_id=request.account_id,
            phone_number=number,
            states=states_of(request.states),
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListBindingsResponse(bindings=[self._message(item) for item in bindings], next_page_token=token)

    @for_relying_party(pb.RevokeBindingRequest)
    async def RevokeBinding(self, request: pb.RevokeBindingRequest, party: RelyingParty) -> pb.RevokeBindingResponse:
        """Revoke a binding."""
        revoked = await self._use.revoke(party.relying_party, request.binding_id, revocation_reason_of(request.reason))
        return pb.RevokeBindingResponse(binding=self._message(revoked))

    @for_relying_party(pb.RefreshBindingRequest)
    async def RefreshBinding(self, request: pb.RefreshBindingRequest, party: RelyingParty) -> pb.RefreshBindingResponse:
        """Ask the operator about a bound number again."""
        binding, findings = await self._use.refresh(party.relying_party, refresh_of(request))
        return pb.RefreshBindingResponse(binding=self._message(binding), findings=findings_messages(findings))

    @stream_for_relying_party(pb.WatchBindingsRequest)
    async def WatchBindings(
        self, request: pb.WatchBindingsRequest, party: RelyingParty
    ) -> AsyncGenerator[pb.WatchBindingsResponse, None]:
        """Stream what becomes of bindings."""
        async with aclosing(self._use.watch(party.relying_party, request.cursor)) as steps:
            async for step in steps:
                yield step_message(step, self._operators)

    def _message(self, binding: Binding) -> pb.Binding:
        return binding_message(binding, self._operators, self._clock.now(), self._use.health.streams)


def _item_error(refused: Refusal) -> pb.ItemError:
    reasoning = refused.reasoning
    return pb.ItemError(
        code=grpc.StatusCode[reasoning.kind.value].value[0],
        reason=reasoning.reason,
        message=refused.message,
        field=reasoning.field or "",
    )
