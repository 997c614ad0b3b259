"""The back office of one simulated operator: its condition, its watches, its events, its pages.

Which event a change makes is said here; when a change becomes known is `records`', who is told `stream`'s.
"""

from dataclasses import replace

from numseal.adapters.operators.simulator.journal import Journal
from numseal.adapters.operators.simulator.operators import OperatorProfile
from numseal.adapters.operators.simulator.pages import Pages
from numseal.adapters.operators.simulator.records import Step
from numseal.adapters.operators.simulator.signals import Edge
from numseal.adapters.operators.simulator.watches import Watches
from numseal.domain.evidence import DeliveryState, ServiceState, SimChangeKind
from numseal.domain.operator import BarredReason, EventKind, OperatorEvent
from numseal.domain.simulation import (
    ChangeDevice,
    EmittedEvent,
    OperatorBehavior,
    PortNumber,
    Recycle,
    SetServices,
    SwapSim,
    Terminate,
)

ENDS_WATCH = frozenset({EventKind.PORT_OUT, EventKind.TERMINATED, EventKind.REASSIGNED})
WELL = OperatorBehavior()


class BackOffice:
    """Owns what one operator keeps besides its subscribers, in memory."""

    def __init__(self, profile: OperatorProfile, edge: Edge, page_key: bytes) -> None:
        """Take the operator's ways, its edge and the key of its pages."""
        self._kinds = frozenset(profile.events)
        self.edge = edge
        self.watches = Watches()
        self.journal = Journal()
        self.pages = Pages(profile.info.operator_id, page_key)
        self.behavior = WELL

    def behave(self, behavior: OperatorBehavior) -> None:
        """Work so from now on."""
        self.behavior = behavior
        self.journal.wake()

    def note(self, step: Step, time: int) -> None:
        """Tell watchers of a change that became known at `time`, and end the watch where it does."""
        event = self._event(step, time)
        if event is None:
            return
        self._tell(step.before.msisdn, event, 1)
        if event.kind in ENDS_WATCH:
            self.watches.end(step.before.msisdn)

    def emit(self, msisdn: str, asked: EmittedEvent, now: int) -> str:
        """Tell watchers what is no change; return the event's id, empty where it goes to nobody."""
        event = OperatorEvent(
            asked.kind,
            "",
            observe_time=now,
            occur_time=now if asked.occur_time is None else asked.occur_time,
            sim_change=SimChangeKind.REPLACED if asked.kind is EventKind.SIM_CHANGE else None,
            fraud_suspected=asked.fraud_suspected and asked.kind is EventKind.SIM_CHANGE,
        )
        if asked.kind is EventKind.BARRED:
            event = replace(event, barred=BarredReason.FRAUD if asked.fraud_suspected else BarredReason.OTHER)
        return self._tell(msisdn, event, asked.copies)

    def receipt(self, delivery_id: str, state: DeliveryState, error: str, now: int) -> None:
        """Tell what became of a code."""
        if EventKind.DELIVERY in self._kinds:
            self.journal.append(
                OperatorEvent(
                    EventKind.DELIVERY,
                    "",
                    observe_time=now,
                    event_id=self.journal.new_id(),
                    occur_time=now,
                    delivery_id=delivery_id,
                    delivery=state,
                    error=error,
                )
            )

    def _tell(self, msisdn: str, event: OperatorEvent, copies: int) -> str:
        watched = self.watches.of(msisdn, event.observe_time)
        if watched is None or event.kind not in watched.kinds or event.kind not in self._kinds:
            return ""
        event = replace(event, event_id=self.journal.new_id(), watch_id=watched.watch.watch_id)
        for _ in range(copies):
            self.journal.append(event)
        return event.event_id

    def _event(self, step: Step, time: int) -> OperatorEvent | None:
        """Return the event that a change makes at the operator that had the number before it; most make none."""
        event = OperatorEvent(EventKind.SIM_CHANGE, "", observe_time=time, occur_time=step.time)
        match step.change:
            case SwapSim(kind):
                made = replace(event, sim_change=kind, sim_ref=self.edge.sim_ref(step.after))
            case ChangeDevice():
                made = replace(event, kind=EventKind.DEVICE_CHANGE, device_ref=self.edge.device_ref(step.after))
            case PortNumber():
                to = step.after
                made = replace(event, kind=EventKind.PORT_OUT, to_operator=to.operator_id, to_plmn=to.plmn)
            case Terminate():
                made = replace(event, kind=EventKind.TERMINATED)
            case Recycle():
                reference = self.edge.subscriber_ref(step.after)
                made = replace(event, kind=EventKind.REASSIGNED, subscriber_ref=reference)
            case SetServices() if _barred(step):
                made = replace(event, kind=EventKind.BARRED, barred=BarredReason.OTHER)
            case _:
                return None
        return made


def _barred(step: Step) -> bool:
    """Tell whether a service is barred by the operator that was not before."""
    before, after = step.before, step.after
    return any(
        now is ServiceState.BARRED and now is not then
        for then, now in (
            (before.sms_service, after.sms_service),
            (before.voice_service, after.voice_service),
            (before.data_service, after.data_service),
        )
    )
