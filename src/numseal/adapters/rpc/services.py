"""Which services a server has: all of the contract's but the operator's, each over what it calls."""

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import FileDescriptor

from numseal.adapters.rpc.admin import ADMIN_SERVICE, AdminService, AdminUseCases, add_admin_service
from numseal.adapters.rpc.binding import BindingService, BindingUseCases
from numseal.adapters.rpc.gate import Gate
from numseal.adapters.rpc.handlers import add_handlers
from numseal.adapters.rpc.server import Service
from numseal.adapters.rpc.simulator import SimulatorService
from numseal.adapters.rpc.transparency import TransparencyService, TransparencyUseCases
from numseal.adapters.rpc.verification import VerificationService, VerificationUseCases
from numseal.api.simulator.v1 import simulator_pb2
from numseal.api.transparency.v1 import transparency_pb2
from numseal.api.verification.v1 import binding_pb2, verification_pb2
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.number_plan import OperatorInfo
from numseal.ports.clock import Clock
from numseal.ports.simulated_network import SimulatedNetwork


@dataclass(frozen=True, slots=True)
class Served:
    """What the services call; without `network` there is no SimulatorService."""

    gate: Gate
    verification: VerificationUseCases
    binding: BindingUseCases
    transparency: TransparencyUseCases
    admin: AdminUseCases
    public_keys: PublicKeys
    operators: Mapping[str, OperatorInfo]
    network: SimulatedNetwork | None
    clock: Clock


def services(served: Served) -> list[Service]:
    """Return the services by their full names."""
    verification = VerificationService(served.gate, served.verification, served.operators)
    binding = BindingService(served.gate, served.binding, served.operators, served.clock)
    auditor = TransparencyService(served.transparency, served.public_keys)
    administration = AdminService(served.gate, served.admin)
    found = [
        _service(verification_pb2.DESCRIPTOR, verification),
        _service(binding_pb2.DESCRIPTOR, binding),
        _service(transparency_pb2.DESCRIPTOR, auditor),
        Service(ADMIN_SERVICE.full_name, lambda server: add_admin_service(server, administration)),
    ]
    if served.network is not None:
        found.append(_service(simulator_pb2.DESCRIPTOR, SimulatorService(served.gate, served.network)))
    return found


def _service(file: FileDescriptor, servicer: object) -> Service:
    """Return the service of a proto file with the class that is named like it."""
    service = file.services_by_name[type(servicer).__name__]
    return Service(service.full_name, lambda server: add_handlers(server, service, servicer))
