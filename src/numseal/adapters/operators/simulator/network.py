"""The simulated network itself: who is behind a number, what happens to it, and where messages go."""

import asyncio
from collections.abc import Callable
from functools import partial
from hashlib import blake2b

from numseal.adapters.operators.simulator.changes import Changer, check_behavior, takes_calls, takes_sms
from numseal.adapters.operators.simulator.handset import EXPIRED, Handsets, Receipt
from numseal.adapters.operators.simulator.office import BackOffice
from numseal.adapters.operators.simulator.operators import OPERATORS, OperatorProfile, load_plan
from numseal.adapters.operators.simulator.population import Population
from numseal.adapters.operators.simulator.records import Records, Step
from numseal.adapters.operators.simulator.signals import Edge
from numseal.domain.errors import invalid, not_found, precondition
from numseal.domain.evidence import DeliveryState, ForwardingKind
from numseal.domain.number_plan import NumberPlan
from numseal.domain.simulation import (
    At,
    Change,
    DeliveryBehavior,
    EmittedEvent,
    Message,
    MessageKind,
    OpenedPage,
    OperatorBehavior,
    SimulatedOperatorInfo,
    SimulatedSubscriber,
)
from numseal.ports.clock import Clock

MAX_WAIT = 30.0
ABSENT_SUBSCRIBER, SM_DELIVERY_FAILURE = "map:27", "map:32"
"""Errors of receipts (TS 29.002 §17.6)."""


def _keep_silent(_state: DeliveryState, _error: str) -> None:
    """Give no receipt."""


class SimulatedNetwork:
    """Owns the state of all simulated operators' subscribers and handsets, in this process's memory.

    A subscriber nobody changed is drawn anew from the seed at each look, so only changed numbers and those
    with messages take memory. Implements `ports.simulated_network`. Not safe across threads; one event loop
    uses it. What happens is true at once for handsets and pages; the operators' records and events may lag behind.
    """

    def __init__(
        self,
        seed: int,
        clock: Clock,
        plan: NumberPlan | None = None,
        profiles: tuple[OperatorProfile, ...] = OPERATORS,
        advance: Callable[[int], int] | None = None,
    ) -> None:
        """Draw the network of `seed`; the packaged number plan is used where none is given.

        `advance` moves `clock` forward by so many seconds and returns the time then; None where nobody may.
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
        self._offices = {name: self._open(profile) for name, profile in self.profiles.items()}
        self._records = Records(self._changer.apply, self._note)
        self._advance = advance

    def secret(self, operator_id: str, purpose: str) -> bytes:
        """Return an operator's own key, 32 bytes, the same for the same seed."""
        return blake2b(f"{operator_id}/{purpose}".encode(), key=self._secret, digest_size=32).digest()

    def office(self, operator_id: str) -> BackOffice:
        """Return an operator's back office; raise `KeyError` where there is no such operator."""
        return self._offices[operator_id]

    def operators(self) -> tuple[SimulatedOperatorInfo, ...]:
        """Return the simulated operators, by `operator_id`."""
        return tuple(self._info(name) for name in sorted(self.profiles))

    def set_behavior(self, operator_id: str, behavior: OperatorBehavior) -> SimulatedOperatorInfo:
        """Make an operator slow, failing or silent, or well again; return it as it is now."""
        office = self._offices.get(operator_id)
        if office is None:
            raise not_found(
                "OPERATOR_NOT_SIMULATED",
                f"No simulated operator is {operator_id[:64]!r}: list the operators to see them.",
            )
        check_behavior(behavior)
        office.behave(behavior)
        return self._info(operator_id)

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
        self.settle()
        now = self.clock.now()
        steps: list[Step] = []
        for item in changes:
            at = item if isinstance(item, At) else At(now, item)
            time = now if at.time is None else at.time
            if time > now:
                raise invalid("changes", "OCCUR_TIME_IN_FUTURE", "A change cannot have happened in the future.")
            changed = self._changer.apply(after, at.change, time)
            steps.append(Step(at.change, time, time + at.report_delay, after, changed))
            after = changed
        self._touched[msisdn] = after
        if after.owner_generation != before.owner_generation:
            self.handsets.forget(msisdn)
        if takes_sms(after):
            for message, receipt in self.handsets.held(msisdn, self.clock.now()):
                self.handsets.receive(msisdn, message)
                receipt(DeliveryState.DELIVERED, "")
        for step in steps:
            self._records.enter(step, now)
        if any(step.show_time > now for step in steps):
            for office in self._offices.values():
                office.journal.wake()  # a stream may have to rise earlier
        return after

    def recorded(self, subscriber: SimulatedSubscriber) -> SimulatedSubscriber:
        """Return what the operators' records show of a subscriber now."""
        self.settle()
        return self._records.of(subscriber)

    def settle(self) -> None:
        """Enter into the records what their time has come for, and tell watchers of it."""
        self._records.settle(self.clock.now())

    def next_report(self) -> int | None:
        """Return when the records next change by themselves; it takes a `settle` then."""
        return self._records.next_time()

    def emit(self, msisdn: str, event: EmittedEvent) -> str:
        """Send an operator's event about a number, changing nothing; return its id, empty where nobody watches."""
        office = self._offices.get(self.recorded(self.subscriber(msisdn)).operator_id)
        return "" if office is None else office.emit(msisdn, event, self.clock.now())

    def open_page(self, msisdn: str, auth_url: str) -> OpenedPage:
        """Open a network check's page from a handset over its mobile data."""
        visitor = self.subscriber(msisdn)
        for office in self._offices.values():
            page = office.pages.find(auth_url)
            if page is not None:
                if office.behavior.fail:
                    return OpenedPage(page.order.state, error="temporarily_unavailable")
                return office.pages.visit(page, visitor, self.clock.now())
        raise not_found(
            "AUTH_URL_UNKNOWN", "No simulated operator has a page at this address: open it as it was given."
        )

    def advance_clock(self, seconds: int) -> int:
        """Move a simulated clock forward; return the time now."""
        if self._advance is None:
            raise precondition("REAL_CLOCK", "This server lives in real time: nobody can move its clock.")
        return self._advance(seconds)

    async def inbox(self, msisdn: str, after: str = "", wait: float = 0.0) -> tuple[Message, ...]:
        """Return the messages after the one with the id `after`; wait up to 30 seconds for the first."""
        self.subscriber(msisdn)
        if not 0 <= wait <= MAX_WAIT:
            raise invalid("wait", "WAIT_OUT_OF_RANGE", f"Wait 0 to {MAX_WAIT:.0f} seconds for a message.")
        return await self.handsets.wait(msisdn, after, wait)

    def deliver(
        self,
        subscriber: SimulatedSubscriber,
        kind: MessageKind,
        sender_id: str,
        text: str,
        receipt: Receipt = _keep_silent,
        expire_time: int | None = None,
    ) -> None:
        """Send a message on its way and have its receipt given; a delay needs a running event loop.

        What has not arrived by `expire_time` fails.
        """
        behavior, delay = subscriber.delivery.behavior, subscriber.delivery.delay
        if behavior in {DeliveryBehavior.VANISH, DeliveryBehavior.REFUSE}:
            return
        if behavior is DeliveryBehavior.NO_RECEIPT:
            receipt = _keep_silent
        if behavior is DeliveryBehavior.FAIL:
            error = SM_DELIVERY_FAILURE if kind is MessageKind.SMS else ABSENT_SUBSCRIBER
            arrive = partial(receipt, DeliveryState.FAILED, error)
        else:
            arrive = partial(self._arrive, subscriber.msisdn, kind, sender_id, text, receipt, expire_time)
        if delay > 0:
            asyncio.get_running_loop().call_later(delay, arrive)
        else:
            arrive()

    def _arrive(
        self,
        msisdn: str,
        kind: MessageKind,
        sender_id: str,
        text: str,
        receipt: Receipt,
        expire_time: int | None,
    ) -> None:
        """Hand the message over as the subscriber is now, not as it was when the message was sent."""
        if expire_time is not None and self.clock.now() >= expire_time:
            receipt(DeliveryState.FAILED, EXPIRED)
            return
        subscriber = self.subscriber(msisdn)
        message = self.handsets.message(self.clock.now(), kind, sender_id, text)
        if kind is MessageKind.SMS and not takes_sms(subscriber):
            self.handsets.hold(msisdn, message, receipt, expire_time)
            return
        if kind is MessageKind.VOICE and _forwards(subscriber):
            self.handsets.forward(msisdn, message)
        elif kind is MessageKind.SMS or takes_calls(subscriber):
            self.handsets.receive(msisdn, message)
        else:
            receipt(DeliveryState.FAILED, ABSENT_SUBSCRIBER)
            return
        receipt(DeliveryState.DELIVERED, "")

    def _open(self, profile: OperatorProfile) -> BackOffice:
        name = profile.info.operator_id
        return BackOffice(profile, Edge(profile, self.secret(name, "references")), self.secret(name, "pages"))

    def _info(self, operator_id: str) -> SimulatedOperatorInfo:
        profile = self.profiles[operator_id]
        ranges = tuple(item for item in self.plan.ranges() if item.operator_id == operator_id)
        return SimulatedOperatorInfo(profile.info, ranges, profile.example, self._offices[operator_id].behavior)

    def _note(self, step: Step, time: int) -> None:
        """Have the operator that had the number before a change tell of it."""
        office = self._offices.get(step.before.operator_id)
        if office is not None:
            office.note(step, time)


def _forwards(subscriber: SimulatedSubscriber) -> bool:
    """Tell whether a call goes elsewhere (TS 22.082): always, or since the handset is away."""
    return ForwardingKind.UNCONDITIONAL in subscriber.forwarding or (
        ForwardingKind.NOT_REACHABLE in subscriber.forwarding and not takes_calls(subscriber)
    )
