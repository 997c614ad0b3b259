"""The handsets of a simulated operator, where SimulatorService is served beside it: `numseal operator simulate`."""

from typing import Any

import grpc

from numseal.api.operator.v1 import subscriber_pb2
from numseal.api.simulator.v1 import simulator_pb2, simulator_pb2_grpc
from numseal.conformance.results import CannotCheck

TIMEOUT = 15.0


class Simulated:
    """Asks SimulatorService on the channel of the backend itself."""

    def __init__(self, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        """Take the channel, and what goes with every call."""
        self._stub: Any = simulator_pb2_grpc.SimulatorServiceStub(channel)
        self._metadata = metadata

    async def messages(self, number: str) -> str:
        """Return every message of a handset that is kept, a line each; raise `CannotCheck`."""
        answer = await self._ask("GetInbox", simulator_pb2.GetInboxRequest(phone_number=number))
        return "".join(f"{message.text}\n" for message in answer.messages)

    async def change_sim(self, number: str) -> None:
        """Replace a number's SIM; raise `CannotCheck`."""
        swap = simulator_pb2.SwapSim(kind=subscriber_pb2.SIM_CHANGE_KIND_REPLACED)
        change = simulator_pb2.SubscriberChange(swap_sim=swap)
        await self._ask(
            "UpdateSubscriber", simulator_pb2.UpdateSubscriberRequest(phone_number=number, changes=[change])
        )

    async def _ask(self, method: str, request: Any) -> Any:
        try:
            return await getattr(self._stub, method)(request, timeout=TIMEOUT, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise CannotCheck(
                f"the profile says `simulator = true`, and SimulatorService answers {error.code().name}: "
                f"{error.details()}; `numseal operator simulate` serves it on loopback"
            ) from None
