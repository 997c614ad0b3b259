"""One run: plan everybody from the seed, play them in the order of their times, and return what became of each."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from numseal.apps.simulate import attacks, nuisances, segments
from numseal.apps.simulate.attacks import Attacked, Attempt
from numseal.apps.simulate.claim import Claimant
from numseal.apps.simulate.desk import Desk
from numseal.apps.simulate.dice import Dice
from numseal.apps.simulate.mix import ATTACKS, Mix
from numseal.apps.simulate.nuisances import NUISANCES, Nuisance
from numseal.apps.simulate.outcomes import Outcome, judge
from numseal.apps.simulate.people import People
from numseal.apps.simulate.segments import Life, Lived
from numseal.apps.simulate.signal_sets import profiles_for
from numseal.apps.simulate.stage import open_stage
from numseal.apps.simulate.thresholds import scaled_policy
from numseal.apps.simulate.timeline import Timeline, slot

START = 1_767_571_200
"""2026-01-05: when the simulated clock begins."""

LEAD_DAYS = 32
"""Days of simulated time before the first attempt, for bindings that exist by then."""

IN_FLIGHT = 32
DAY = 86_400

_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory with a name of its own is made in it
_PLACE = _MEMORY if _MEMORY.is_dir() else None
"""Where the server's files are kept: in memory where that can be had, for they need not survive a power cut."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to play: the signal set (of `signal_sets`), and the factor on the policy's time thresholds."""

    subscribers: int
    days: int
    seed: int
    mix: Mix
    signals: str = "all"
    factor: float = 1.0

    @property
    def label(self) -> str:
        """Name the run among others."""
        return self.signals if self.factor == 1 else f"{self.signals} x{self.factor:g}"


@dataclass(frozen=True, slots=True)
class Played:
    """What became of everybody; `seconds` is real time."""

    label: str
    lives: tuple[Lived, ...]
    outcomes: tuple[Outcome, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Everybody of a run."""

    lives: tuple[Life, ...]
    runs: tuple[tuple[Attempt, ...], ...]
    nuisances: tuple[Nuisance, ...]

    def __len__(self) -> int:
        """Count the stories."""
        return len(self.lives) + len(self.runs) + len(self.nuisances)


def make_plan(order: Order, people: People) -> Plan:
    """Plan everybody; the same order gives the same plan, whatever its signals."""
    mix, begin, end = order.mix, START + LEAD_DAYS * DAY, START + (LEAD_DAYS + order.days) * DAY
    shares = {name: section.share("share") for name, section in mix.segments.items()}
    lives = []
    for index in range(order.subscribers):
        dice = Dice(order.seed, "life", index)
        lives.append(segments.plan_life(people, f"person-{index}", dice.pick(shares), slot(dice.between((begin, end)))))
    runs, troubles = [], []
    for attack in ATTACKS:
        attempts = mix.attempts(attack, order.subscribers)
        length = mix.attacks[attack].values.get("numbers_at_once", 1) if attack in mix.attacks else 1
        for index in range(-(-attempts // length)):
            name = f"{attack}-{index}"
            when = slot(Dice(order.seed, "attack", name).between((begin, end)))
            if attack in NUISANCES:
                troubles.append(nuisances.plan_nuisance(people, name, attack, when))
            else:
                runs.append(tuple(attacks.plan_run(people, name, attack, when)))
    return Plan(tuple(lives), tuple(runs), tuple(troubles))


class Cast:
    """Plays a plan against a desk; owns the records."""

    def __init__(self, desk: Desk, timeline: Timeline) -> None:
        """Take the calls and the time."""
        self._desk = desk
        self._timeline = timeline
        self._claimant = Claimant(desk, timeline)
        self.lives: dict[str, Lived] = {}
        self.attacked: dict[str, Attacked] = {}
        self.outcomes: dict[str, Outcome] = {}

    def enter(self, plan: Plan) -> None:
        """Put every story on the timeline."""
        for life in plan.lives:
            self._timeline.add(segments.begins(life), partial(self._live, life))
        for run in plan.runs:
            for attempt in run:
                self._timeline.add(attacks.begins(attempt), partial(self._attack, attempt))
        for nuisance in plan.nuisances:
            self._timeline.add(nuisance.time - nuisance.before, partial(self._annoy, nuisance))

    async def _live(self, life: Life) -> None:
        self.lives[life.person.name] = await segments.live(life, self._desk, self._timeline, self._claimant)

    async def _attack(self, attempt: Attempt) -> None:
        name = attempt.person.name
        self.attacked[name] = await attacks.attack(attempt, self._desk, self._timeline, self._claimant)

    async def _annoy(self, nuisance: Nuisance) -> None:
        outcome = await nuisances.annoy(nuisance, self._desk, self._timeline, self._claimant)
        self.outcomes[nuisance.name] = outcome


async def play(order: Order, progress: Callable[[float], None] = lambda _share: None) -> Played:
    """Play an order through a server of its own; `progress` is told the share of simulated time that is over."""
    profiles = profiles_for(order.signals)
    people = People(order.mix, order.seed, profiles)
    plan = make_plan(order, people)
    until = START + (LEAD_DAYS + order.days + order.mix["time"].count("after_days")) * DAY
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="numseal-simulate-", dir=_PLACE) as directory:
        async with open_stage(
            Path(directory) / "server",
            seed=order.seed,
            start=START,
            profiles=profiles,
            policy=scaled_policy(order.factor),
        ) as stage:
            timeline = Timeline(stage.clock, IN_FLIGHT)
            cast = Cast(stage.desk, timeline)
            cast.enter(plan)
            await timeline.play(until, lambda now: progress((now - START) / (until - START)))
            told = stage.follower.told
    judged = {name: judge(item, told) for name, item in cast.attacked.items()} | cast.outcomes
    return Played(
        order.label,
        tuple(item for _, item in sorted(cast.lives.items())),
        tuple(item for _, item in sorted(judged.items())),
        time.monotonic() - begun,
    )
