"""What the slices add up to: figures a slice, ratios a round, and the goals they are held against. Values only."""

from dataclasses import dataclass, field, replace
from statistics import median

from benchmark.load import Measured


@dataclass(slots=True)
class Slice:
    """All rounds of one load on one server; `items` is what one call stands for, such as 1,000 numbers a batch."""

    name: str
    items: float = 1.0
    rounds: list[Measured] = field(default_factory=list)

    def rate(self, number: int) -> float:
        """Return the calls a second of a round."""
        measured = self.rounds[number]
        return measured.calls / measured.seconds

    def server_cpu(self) -> float:
        """Return the server's CPU seconds a call."""
        calls = sum(measured.calls for measured in self.rounds)
        return sum(measured.server_cpu for measured in self.rounds) / calls if calls else 0.0

    @property
    def failures(self) -> int:
        """How many calls failed."""
        return sum(measured.failures for measured in self.rounds)

    @property
    def first_failure(self) -> str:
        """How the first one did."""
        return next((measured.first_failure for measured in self.rounds if measured.first_failure), "")

    def latency(self, share: float, method: str | None = None) -> float:
        """Return the seconds within which that share of the calls (0 to 1) was answered; of one method, or of all."""
        values = sorted(
            value
            for measured in self.rounds
            for name, latencies in measured.latencies.items()
            if method in {None, name}
            for value in latencies
        )
        return values[min(int(len(values) * share), len(values) - 1)] if values else 0.0

    def to_object(self) -> dict[str, object]:
        """Return the figures as JSON values; latencies in ms, CPU in µs a call."""
        calls = sum(measured.calls for measured in self.rounds)
        seconds = sum(measured.seconds for measured in self.rounds)
        client = sum(measured.client_cpu for measured in self.rounds)
        server = sum(measured.server_cpu for measured in self.rounds)
        return {
            "calls": calls,
            "calls_per_s": round(calls / seconds, 1),
            "calls_per_s_rounds": [round(self.rate(number), 1) for number in range(len(self.rounds))],
            "p50_ms": round(self.latency(0.50) * 1e3, 3),
            "p99_ms": round(self.latency(0.99) * 1e3, 3),
            "server_cpu_us_per_call": round(self.server_cpu() * 1e6, 1),
            "client_cpu_us_per_call": round(client / calls * 1e6, 1) if calls else 0.0,
            "client_cpu_share": round(client / server, 3) if server else 0.0,
            "failures": self.failures,
            "first_failure": self.first_failure,
        }


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure beside its goal; `met` is None where the run's conditions are not those that the goal is set for.

    `by_cpu` is the same ratio of CPU time a call, which a busy machine disturbs less; no goal is set for it.
    """

    name: str
    value: float
    goal: str
    met: bool | None
    rounds: tuple[float, ...] = ()
    by_cpu: float | None = None

    def to_object(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "name": self.name,
            "value": self.value,
            "goal": self.goal,
            "met": self.met,
            "rounds": list(self.rounds),
            "by_cpu": self.by_cpu,
        }


def at_least(name: str, value: float, goal: float) -> Goal:
    """Hold a figure against the least it must be."""
    value = round(value, 3)
    return Goal(name, value, f"≥ {goal:,}", value >= goal)


def at_most(name: str, value: float, goal: float, unit: str, *, judged: bool = True) -> Goal:
    """Hold a figure against the most it may be; not `judged`, it can only fail."""
    met = value <= goal
    return Goal(name, round(value, 3), f"≤ {goal:,} {unit}", met if judged or not met else None)


def ratio(name: str, one: Slice, other: Slice, goal: float) -> Goal:
    """Compare two slices by their calls a second, round by round, and take the median."""
    rounds = tuple(round(one.rate(number) / other.rate(number), 3) for number in range(len(one.rounds)))
    cost, base = one.server_cpu(), other.server_cpu()
    return replace(at_least(name, median(rounds), goal), rounds=rounds, by_cpu=round(base / cost, 3) if cost else None)
