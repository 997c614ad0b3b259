"""Which services a server has: all of the contract's but the operator's, each over what it calls."""

from collections.abc import Mapping
from dataclasses import dataclass

from numseal.adapters.rpc.admin import add_admin_service
from numseal.adapters.rpc.binding import BindingService, BindingUseCases
from numseal.adapters.rpc.gate import Gate
from numseal.adapters.rpc.server import Service
from numseal.adapters.rpc.simulator import SimulatorService
from numseal.adapters.rpc.transparency import TransparencyService, TransparencyUseCases
from numseal.adapters.rpc.verification import VerificationService, VerificationUseCases
from numseal.api.simulator.v1.simulator_pb2_grpc import add_SimulatorServiceServicer_to_server
from numseal.api.transparency.v1.transparency_pb2_grpc import add_TransparencyServiceServicer_to_server
from numseal.api.verification.v1.binding_pb2_grpc import add_BindingServiceServicer_to_server
from numseal.api.verification.v1.verification_pb2_grpc import add_VerificationServiceServicer_to_server
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
    public_keys: PublicKeys
    operators: Mapping[str, OperatorInfo]
    network: SimulatedNetwork | None
    clock: Clock


def services(served: Served) -> list[Service]:
    """Return the services by their full names."""
    verification = VerificationService(served.gate, served.verification, served.operators)
    binding = BindingService(served.gate, served.binding, served.operators, served.clock)
    auditor = TransparencyService(served.transparency, served.public_keys)
    found = [
        Service(
            "numseal.api.verification.v1.VerificationService",
            lambda server: add_VerificationServiceServicer_to_server(verification, server),
        ),
        Service(
            "numseal.api.verification.v1.BindingService",
            lambda server: add_BindingServiceServicer_to_server(binding, server),
        ),
        Service(
            "numseal.api.transparency.v1.TransparencyService",
            lambda server: add_TransparencyServiceServicer_to_server(auditor, server),
        ),
        Service("numseal.api.admin.v1.AdminService", add_admin_service),
    ]
    if served.network is not None:
        simulator = SimulatorService(served.gate, served.network)
        found.append(
            Service(
                "numseal.api.simulator.v1.SimulatorService",
                lambda server: add_SimulatorServiceServicer_to_server(simulator, server),
            )
        )
    return found
