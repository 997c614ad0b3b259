"""The simulated network itself: who is behind a number, what happens to it, and where messages go."""

import asyncio
from hashlib import blake2b

from numseal.adapters.operators.simulator.changes import Changer, takes_calls, takes_sms
from numseal.adapters.operators.simulator.handset import Handsets
from numseal.adapters.operators.simulator.operators import OPERATORS, OperatorProfile, load_plan
from numseal.adapters.operators.simulator.population import Population
from numseal.domain.errors import invalid, not_found
from numseal.domain.evidence import ForwardingKind
from numseal.domain.number_plan import NumberPlan
from numseal.domain.simulation import (
    At,
    Change,
    DeliveryBehavior,
    Message,
    MessageKind,
    SimulatedOperatorInfo,
    SimulatedSubscriber,
)
from numseal.ports.clock import Clock

MAX_WAIT = 30.0


class SimulatedNetwork:
    """Owns the state of all simulated operators' subscribers and handsets, in this process's memory.

    A subscriber nobody changed is drawn anew from the seed at each look, so only changed numbers and those
    with messages take memory. Implements `ports.simulated_network`. Not safe across threads; one event loop
    uses it.
    """

    def __init__(
        self,
        seed: int,
        clock: Clock,
        plan: NumberPlan | None = None,
        profiles: tuple[OperatorProfile, ...] = OPERATORS,
    ) -> None:
        """Draw the network of `seed`; the packaged number plan is used where none is given.

        Raises `ValueError` where the plan gives a range to an operator without a profile.
        """
        self.clock = clock
        self.plan = load_plan() if plan is None else plan
        self.profiles = {profile.info.operator_id: profile for profile in profiles}
        if unknown := sorted(self.plan.operators() - self.profiles.keys()):
            raise ValueError(f"the number plan names operators that are not simulated: {', '.join(unknown)}")
        self.handsets = Handsets()
        self._secret = blake2b(str(seed).encode(), person=b"operator keys").digest()
        self._population = Population(seed, self.profiles)
        self._changer = Changer(self.profiles, self._population.device)
        self._touched: dict[str, SimulatedSubscriber] = {}

    def secret(self, operator_id: str, purpose: str) -> bytes:
        """Return an operator's own key, 32 bytes, the same for the same seed."""
        return blake2b(f"{operator_id}/{purpose}".encode(), key=self._secret, digest_size=32).digest()

    def operators(self) -> tuple[SimulatedOperatorInfo, ...]:
        """Return the simulated operators, by `operator_id`."""
        ranges = self.plan.ranges()
        return tuple(
            SimulatedOperatorInfo(
                profile.info, tuple(item for item in ranges if item.operator_id == name), profile.example
            )
            for name, profile in sorted(self.profiles.items())
        )

    def find(self, msisdn: str) -> SimulatedSubscriber | None:
        """Return what is behind a number; None where no simulated range has it."""
        touched = self._touched.get(msisdn)
        if touched is not None:
            return touched
        found = self.plan.find(msisdn)
        if found is None or not (msisdn.isascii() and msisdn[1:].isdigit()):
            return None
        return self._population.draw(msisdn, found.prefix, found.operator_id)

    def subscriber(self, msisdn: str) -> SimulatedSubscriber:
        """Return what the simulation knows of a number; raise `Refusal` NOT_FOUND outside its ranges."""
        found = self.find(msisdn)
        if found is None:
            raise not_found(
                "PHONE_NUMBER_NOT_SIMULATED",
                "No simulated operator has this number in its ranges: list the operators to see them.",
            )
        return found

    def change(self, msisdn: str, *changes: Change | At) -> SimulatedSubscriber:
        """Apply the changes together, in order, or none of them; a change without `At` happens now."""
        before = after = self.subscriber(msisdn)
        now = self.clock.now()
        for item in changes:
            change, time = (item.change, item.time) if isinstance(item, At) else (item, now)
            if time > now:
                raise invalid("changes", "OCCUR_TIME_IN_FUTURE", "A change cannot have happened in the future.")
            after = self._changer.apply(after, change, time)
        self._touched[msisdn] = after
        if after.owner_generation != before.owner_generation:
            self.handsets.forget(msisdn)
        if takes_sms(after):
            for message in self.handsets.held(msisdn):
                self.handsets.receive(msisdn, message)
        return after

    async def inbox(self, msisdn: str, after: str = "", wait: float = 0.0) -> tuple[Message, ...]:
        """Return the messages after the one with the id `after`; wait up to 30 seconds for the first."""
        self.subscriber(msisdn)
        if not 0 <= wait <= MAX_WAIT:
            raise invalid("wait", "WAIT_OUT_OF_RANGE", f"Wait 0 to {MAX_WAIT:.0f} seconds for a message.")
        return await self.handsets.wait(msisdn, after, wait)

    def deliver(self, subscriber: SimulatedSubscriber, kind: MessageKind, sender_id: str, text: str) -> None:
        """Send a message on its way; a delay needs a running event loop."""
        behavior, delay = subscriber.delivery.behavior, subscriber.delivery.delay
        if behavior is not DeliveryBehavior.DELIVER:
            return
        if delay > 0:
            loop = asyncio.get_running_loop()
            loop.call_later(delay, self._arrive_late, subscriber.msisdn, kind, sender_id, text)
        else:
            self._arrive(subscriber, kind, sender_id, text)

    def _arrive_late(self, msisdn: str, kind: MessageKind, sender_id: str, text: str) -> None:
        """Hand the message over as the subscriber is now, not as it was when the message was sent."""
        self._arrive(self.subscriber(msisdn), kind, sender_id, text)

    def _arrive(self, subscriber: SimulatedSubscriber, kind: MessageKind, sender_id: str, text: str) -> None:
        msisdn = subscriber.msisdn
        message = self.handsets.message(self.clock.now(), kind, sender_id, text)
        if kind is MessageKind.SMS:
            keep = self.handsets.receive if takes_sms(subscriber) else self.handsets.hold
            keep(msisdn, message)
        elif _forwards(subscriber):
            self.handsets.forward(msisdn, message)
        elif takes_calls(subscriber):
            self.handsets.receive(msisdn, message)


def _forwards(subscriber: SimulatedSubscriber) -> bool:
    """Tell whether a call goes elsewhere (TS 22.082): always, or since the handset is away."""
    return ForwardingKind.UNCONDITIONAL in subscriber.forwarding or (
        ForwardingKind.NOT_REACHABLE in subscriber.forwarding and not takes_calls(subscriber)
    )
