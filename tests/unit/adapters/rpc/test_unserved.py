"""Every RPC of the contract is served, or listed as not served, never both; seen from the wire."""

from collections.abc import Iterator
from typing import Any, cast

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor

from fakes.attestation_issuer import Issuer
from fakes.clock import FakeClock
from fakes.log_store import FakeLogStore
from fakes.rpc import Failure, gate_of, raw, serving, taken_apart
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.adapters.rpc.admin import ADMIN_SERVICE
from numseal.adapters.rpc.server import Service
from numseal.adapters.rpc.services import Served, services
from numseal.adapters.rpc.transparency import TransparencyUseCases
from numseal.adapters.rpc.unserved import UNSERVED, refusal
from numseal.api.simulator.v1 import simulator_pb2
from numseal.api.transparency.v1 import transparency_pb2
from numseal.api.verification.v1 import binding_pb2, verification_pb2
from numseal.domain.errors import Kind
from numseal.usecases.read_log import ReadLog
from numseal.usecases.verify_attestation import VerifyAttestation

# OperatorBackend is the operators' to serve, not Numseal's.
SERVICES: tuple[ServiceDescriptor, ...] = (
    verification_pb2.DESCRIPTOR.services_by_name["VerificationService"],
    binding_pb2.DESCRIPTOR.services_by_name["BindingService"],
    transparency_pb2.DESCRIPTOR.services_by_name["TransparencyService"],
    simulator_pb2.DESCRIPTOR.services_by_name["SimulatorService"],
    ADMIN_SERVICE,
)


def rpcs() -> Iterator[MethodDescriptor]:
    for service in SERVICES:
        yield from service.methods


def listed(method: MethodDescriptor) -> bool:
    service = method.containing_service.name
    return f"{service}.{method.name}" in UNSERVED or f"{service}.*" in UNSERVED


def everything() -> list[Service]:
    issuer = Issuer.make()
    keys = issuer.public_keys()
    clock = FakeClock()
    reading = ReadLog(store=FakeLogStore([], issuer.log_key))
    return services(
        Served(
            gate=gate_of("token"),
            # Without credentials no call gets as far as the use cases of these and of AdminService.
            verification=cast("Any", None),
            binding=cast("Any", None),
            transparency=TransparencyUseCases(reading, VerifyAttestation(keys=keys, clock=clock)),
            admin=cast("Any", None),
            public_keys=keys,
            operators={},
            network=SimulatedNetwork(1, clock),
            clock=clock,
        )
    )


def add_everything(server: grpc.aio.Server) -> None:
    for service in everything():
        service.add(server)


async def answer(channel: grpc.aio.Channel, method: MethodDescriptor, request: bytes = b"") -> Failure | None:
    """Call with no credentials, and by default an empty request; None where that is answered."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    try:
        if method.server_streaming:
            stream: Any = channel.unary_stream(path)
            async for _ in stream(request):
                break
        else:
            await raw(channel, path)(request)
    except grpc.aio.AioRpcError as error:
        return taken_apart(error)
    return None


def test_a_server_has_every_service_of_the_contract() -> None:
    assert {service.name for service in everything()} == {service.full_name for service in SERVICES}


async def test_every_rpc_is_either_served_or_listed() -> None:
    wrong: list[str] = []
    count = 0
    async with serving(add_everything) as channel:
        for method in rpcs():
            count += 1
            found = await answer(channel, method)
            unserved = found is not None and found.code is grpc.StatusCode.UNIMPLEMENTED
            if unserved and found is not None:
                assert found.reason == "NOT_SERVED"
                assert found.info.metadata["rpc"] == f"{method.containing_service.name}.{method.name}"
                assert found.message in UNSERVED.values()
            if unserved != listed(method):
                wrong.append(method.full_name)
    assert not wrong
    assert count > 50


async def test_no_rpc_reads_a_stranger_s_request() -> None:
    async with serving(add_everything) as channel:
        for method in rpcs():
            found = await answer(channel, method, b"\x0a\xff")
            assert found is not None
            open_to_all = method.containing_service.name == "TransparencyService"
            expected = "REQUEST_MALFORMED" if open_to_all else "CREDENTIALS_MISSING"
            assert found.reason == ("NOT_SERVED" if listed(method) else expected)


def _field_exists(message: Descriptor, path: str) -> bool:
    name, _, rest = path.partition(".")
    field: Any = message.fields_by_name.get(name)
    if field is None:
        return False
    return not rest or _field_exists(field.message_type, rest)


@pytest.mark.parametrize("name", list(UNSERVED))
def test_every_name_in_the_list_is_one_of_the_contract(name: str) -> None:
    service_name, _, rest = name.partition(".")
    (service,) = [item for item in SERVICES if item.name == service_name]
    rpc, _, arm = rest.rstrip(")").partition("(")
    if rpc == "*":
        return
    method = service.methods_by_name[rpc]
    if arm:
        assert _field_exists(method.input_type, arm)
        # What is served in part only must not be listed as a whole as well.
        assert not listed(method)


@pytest.mark.parametrize("name", list(UNSERVED))
def test_a_refusal_says_why(name: str) -> None:
    refused = refusal(name, "some.field")
    assert refused.reasoning.kind is Kind.UNIMPLEMENTED
    assert (refused.reason, refused.reasoning.field) == ("NOT_SERVED", "some.field")
    assert refused.message == UNSERVED[name]


def test_a_name_not_in_the_list_has_no_refusal() -> None:
    with pytest.raises(KeyError):
        refusal("VerificationService.StartVerification")
