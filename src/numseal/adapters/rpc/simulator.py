"""Serve SimulatorService, where the operators are simulated: for any relying party, who plays the people too."""

from numseal.adapters.rpc.assurance_messages import timestamp
from numseal.adapters.rpc.gate import Gate, for_relying_party
from numseal.adapters.rpc.simulator_changes import MAX_OPERATOR_ID, changes_of, event_of, number_of, seconds_of
from numseal.adapters.rpc.simulator_messages import message_message, operator_message, subscriber_message
from numseal.api.simulator.v1 import simulator_pb2 as pb
from numseal.domain.errors import invalid
from numseal.domain.limits import DAY
from numseal.domain.relying_party import RelyingParty
from numseal.domain.simulation import OperatorBehavior
from numseal.ports.simulated_network import SimulatedNetwork

MAX_WAIT = 30.0
MAX_MESSAGE_ID = 64
MAX_AUTH_URL = 2_048
MAX_ADVANCE = 366 * DAY


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

    @for_relying_party(pb.UpdateOperatorRequest)
    async def UpdateOperator(
        self, request: pb.UpdateOperatorRequest, _party: RelyingParty
    ) -> pb.UpdateOperatorResponse:
        """Make an operator slow, failing or silent, or well again."""
        if not 0 < len(request.operator_id) <= MAX_OPERATOR_ID:
            message = f"operator_id: 1 to {MAX_OPERATOR_ID} characters are expected"
            raise invalid("operator_id", "OPERATOR_ID_LENGTH", message)
        behavior = OperatorBehavior(
            seconds_of(request.behavior.delay, "behavior.delay"), request.behavior.fail, request.behavior.hold_events
        )
        changed = self._network.set_behavior(request.operator_id, behavior)
        return pb.UpdateOperatorResponse(operator=operator_message(changed))

    @for_relying_party(pb.EmitEventRequest)
    async def EmitEvent(self, request: pb.EmitEventRequest, _party: RelyingParty) -> pb.EmitEventResponse:
        """Send an operator's event about a number."""
        event_id = self._network.emit(number_of(request.phone_number), event_of(request))
        return pb.EmitEventResponse(event_id=event_id)

    @for_relying_party(pb.OpenAuthUrlRequest)
    async def OpenAuthUrl(self, request: pb.OpenAuthUrlRequest, _party: RelyingParty) -> pb.OpenAuthUrlResponse:
        """Open a network challenge's page from a handset."""
        if not 0 < len(request.auth_url) <= MAX_AUTH_URL:
            message = f"auth_url: 1 to {MAX_AUTH_URL} characters are expected, as they were given out"
            raise invalid("auth_url", "AUTH_URL_LENGTH", message)
        page = self._network.open_page(number_of(request.phone_number), request.auth_url)
        return pb.OpenAuthUrlResponse(authorization_code=page.authorization_code, state=page.state, error=page.error)

    @for_relying_party(pb.AdvanceClockRequest)
    async def AdvanceClock(self, request: pb.AdvanceClockRequest, _party: RelyingParty) -> pb.AdvanceClockResponse:
        """Move a simulated clock by whole seconds."""
        seconds = seconds_of(request.duration, "duration")
        if seconds > MAX_ADVANCE:
            message = f"duration: 0 to {MAX_ADVANCE // DAY} days are expected"
            raise invalid("duration", "DURATION_TOO_LONG", message)
        if seconds != int(seconds):
            raise invalid("duration", "DURATION_NOT_WHOLE", "duration: whole seconds are expected")
        return pb.AdvanceClockResponse(now=timestamp(self._network.advance_clock(int(seconds))))
