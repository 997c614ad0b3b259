"""Serve SimulatorService, where the operators are simulated: for any relying party, who plays the people too."""

from numseal.adapters.rpc.gate import Context, Gate, for_relying_party
from numseal.adapters.rpc.simulator_changes import changes_of, number_of, seconds_of
from numseal.adapters.rpc.simulator_messages import message_message, operator_message, subscriber_message
from numseal.adapters.rpc.unserved import unserved
from numseal.api.simulator.v1 import simulator_pb2 as pb
from numseal.domain.errors import invalid
from numseal.domain.relying_party import RelyingParty
from numseal.ports.simulated_network import SimulatedNetwork

MAX_WAIT = 30.0
MAX_MESSAGE_ID = 64


class SimulatorService:
    """The way to the handsets and back offices of a simulated network."""

    def __init__(self, gate: Gate, network: SimulatedNetwork) -> None:
        """Take the gate and the network."""
        self.gate = gate
        self._network = network

    @for_relying_party(pb.ListOperatorsRequest)
    async def ListOperators(self, _request: pb.ListOperatorsRequest, _party: RelyingParty) -> pb.ListOperatorsResponse:
        """List the simulated operators."""
        return pb.ListOperatorsResponse(operators=[operator_message(item) for item in self._network.operators()])

    @for_relying_party(pb.GetInboxRequest)
    async def GetInbox(self, request: pb.GetInboxRequest, _party: RelyingParty) -> pb.GetInboxResponse:
        """Read a handset's inbox, after a wait of at most 30 seconds."""
        number = number_of(request.phone_number)
        if len(request.after_message_id) > MAX_MESSAGE_ID:
            message = f"after_message_id: at most {MAX_MESSAGE_ID} characters are expected, as they were given out"
            raise invalid("after_message_id", "AFTER_MESSAGE_ID_TOO_LONG", message)
        wait = min(seconds_of(request.wait, "wait"), MAX_WAIT)
        messages = await self._network.inbox(number, request.after_message_id, wait)
        return pb.GetInboxResponse(messages=[message_message(item) for item in messages])

    @for_relying_party(pb.GetSubscriberRequest)
    async def GetSubscriber(self, request: pb.GetSubscriberRequest, _party: RelyingParty) -> pb.GetSubscriberResponse:
        """Read a subscriber."""
        found = self._network.subscriber(number_of(request.phone_number))
        return pb.GetSubscriberResponse(subscriber=subscriber_message(found))

    @for_relying_party(pb.UpdateSubscriberRequest)
    async def UpdateSubscriber(
        self, request: pb.UpdateSubscriberRequest, _party: RelyingParty
    ) -> pb.UpdateSubscriberResponse:
        """Change a subscriber, wholly or not at all."""
        changed = self._network.change(number_of(request.phone_number), *changes_of(request))
        return pb.UpdateSubscriberResponse(subscriber=subscriber_message(changed))

    async def UpdateOperator(self, _request: bytes, context: Context) -> pb.UpdateOperatorResponse:
        """Answer that it is not served."""
        await unserved(context, "SimulatorService.UpdateOperator")

    async def EmitEvent(self, _request: bytes, context: Context) -> pb.EmitEventResponse:
        """Answer that it is not served."""
        await unserved(context, "SimulatorService.EmitEvent")

    async def OpenAuthUrl(self, _request: bytes, context: Context) -> pb.OpenAuthUrlResponse:
        """Answer that it is not served."""
        await unserved(context, "SimulatorService.OpenAuthUrl")

    async def AdvanceClock(self, _request: bytes, context: Context) -> pb.AdvanceClockResponse:
        """Answer that it is not served."""
        await unserved(context, "SimulatorService.AdvanceClock")
