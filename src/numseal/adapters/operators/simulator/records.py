"""What an operator's records show of a number whose latest changes they do not know yet.

Changes happen in the network at once, which has the SIM, the services and who serves the number; here their entries in
the contract's records, dates above all, and their events wait until they are shown.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from numseal.domain.errors import Refusal
from numseal.domain.simulation import Change, SimulatedSubscriber

_RECORDED = ("activate_time", "contract_type", "identity_on_file", "port", "sim_change")
"""What only the records have."""

Apply = Callable[[SimulatedSubscriber, Change, int], SimulatedSubscriber]


@dataclass(slots=True, eq=False)
class Step:
    """A change that happened at `time` and is shown at `show_time`, and the subscriber before and after it."""

    change: Change
    time: int
    show_time: int
    before: SimulatedSubscriber
    after: SimulatedSubscriber
    shown: bool = False


@dataclass(slots=True)
class _Lag:
    """A number as the records have it, and the changes they do not have."""

    recorded: SimulatedSubscriber
    held: list[Step] = field(default_factory=list)


class Records:
    """Owns the numbers whose records lag behind; every other number's records are true and take no memory."""

    def __init__(self, apply: Apply, tell: Callable[[Step, int], None]) -> None:
        """Take what applies a change, and whom to tell of a change once it is shown, with the time it was."""
        self._apply = apply
        self._tell = tell
        self._lagging: dict[str, _Lag] = {}
        self._queue: list[tuple[int, int, Step]] = []
        self._count = 0

    def next_time(self) -> int | None:
        """Return when the next change that waits is shown."""
        return self._queue[0][0] if self._queue else None

    def of(self, true: SimulatedSubscriber) -> SimulatedSubscriber:
        """Return a subscriber as network and records together show it."""
        lag = self._lagging.get(true.msisdn)
        if lag is None:
            return true
        return replace(true, **{name: getattr(lag.recorded, name) for name in _RECORDED})

    def enter(self, step: Step, now: int) -> None:
        """Take a change that happened: show it at once, or have it wait for its time.

        One that does not go with what the records show brings to light all that waits for this number.
        """
        lag = self._lagging.get(step.after.msisdn)
        if step.show_time > now:
            if lag is None:
                lag = self._lagging[step.after.msisdn] = _Lag(step.before)
            lag.held.append(step)
            self._count += 1
            heapq.heappush(self._queue, (step.show_time, self._count, step))
            return
        if lag is not None:
            try:
                lag.recorded = self._apply(lag.recorded, step.change, step.time)
            except Refusal:
                del self._lagging[step.after.msisdn]
                for held in lag.held:
                    self._show(held, now)
        self._show(step, now)

    def settle(self, now: int) -> None:
        """Show every change whose time has come, in the order of those times."""
        while self._queue and self._queue[0][0] <= now:
            _, _, step = heapq.heappop(self._queue)
            if step.shown:
                continue
            lag = self._lagging[step.after.msisdn]
            lag.held.remove(step)
            if lag.held:
                self._catch_up(lag, step)
            else:
                del self._lagging[step.after.msisdn]
            self._show(step, step.show_time)

    def _catch_up(self, lag: _Lag, step: Step) -> None:
        try:
            lag.recorded = self._apply(lag.recorded, step.change, step.time)
        except Refusal:
            return  # a change of the number's that was shown before has overtaken it

    def _show(self, step: Step, time: int) -> None:
        step.shown = True
        self._tell(step, time)
