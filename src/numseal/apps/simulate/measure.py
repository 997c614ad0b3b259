"""Figures from records: what became of ordinary people and of attackers, and whether the goals are met. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from numseal.apps.simulate.outcomes import Outcome, Stage
from numseal.apps.simulate.segments import Lived

LEVELS = ("LOW", "SUBSTANTIAL", "HIGH")
ALL = "all"

MOST_REFUSED, MOST_REFUSED_OF_SEGMENT = 0.005, 0.01
MOST_HELD, MOST_HELD_OF_SEGMENT = 0.03, 0.10
HANDED_OVER = frozenset({"relayed_code", "rented_sim"})
"""Attacks in which the code comes from the rightful SIM: never above LOW unless a network page matched."""

_TOP = 3


@dataclass(frozen=True, slots=True)
class SegmentFigures:
    """People of a segment by the first answer they got; `in_the_end` were bound at last, by whatever way.

    `refused` got no further by the server's decision: REJECTED, FAILED, or a call refused. `undelivered` got no code.
    `levels` are those of the people bound at first.
    """

    segment: str
    people: int
    accepted: int
    stepped_up: int
    contested: int
    refused: int
    undelivered: int
    in_the_end: int
    levels: dict[str, int]
    codes: tuple[tuple[str, int], ...]

    @property
    def held(self) -> int:
        """People stepped up or contested."""
        return self.stepped_up + self.contested


@dataclass(frozen=True, slots=True)
class AttackFigures:
    """Attempts of an attack by how far they came.

    `median_delay` is in seconds from the binding to the telling, over those found; None where none was. `levels` are
    those that attackers were bound at, found or missed; `reasons` why missed ones could not be seen, "" for no reason.
    """

    attack: str
    attempts: int
    stages: dict[str, int]
    median_delay: float | None
    codes: tuple[tuple[str, int], ...]
    levels: dict[str, int]
    reasons: dict[str, int]

    @property
    def caught(self) -> int:
        """Attempts that were not missed."""
        return self.attempts - self.stages[Stage.MISSED]


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal and its figure in words."""

    goal: str
    met: bool
    figure: str


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of one run."""

    label: str
    segments: tuple[SegmentFigures, ...]
    attacks: tuple[AttackFigures, ...]
    goals: tuple[Goal, ...]
    seconds: float

    @property
    def friction(self) -> float:
        """Share of ordinary people who were not accepted at once."""
        everyone = self.segments[-1]
        return 1 - everyone.accepted / everyone.people if everyone.people else 0.0

    @property
    def caught(self) -> float:
        """Share of attempts stopped, or told of within 24 hours."""
        attempts = sum(item.attempts for item in self.attacks)
        return sum(item.caught for item in self.attacks) / attempts if attempts else 0.0

    def to_object(self) -> dict[str, object]:
        """Return the figures as JSON has them."""
        return {**asdict(self), "friction": self.friction, "caught": self.caught}


def measure(label: str, lives: Sequence[Lived], outcomes: Sequence[Outcome], seconds: float) -> Figures:
    """Count; the last segment is everybody, by the name `ALL`."""
    names = sorted({item.segment for item in lives})
    segments = [_segment(name, [item for item in lives if item.segment == name]) for name in names]
    segments.append(_segment(ALL, lives))
    order = list(dict.fromkeys(item.attack for item in outcomes))
    attacks = [_attack(name, [item for item in outcomes if item.attack == name]) for name in order]
    return Figures(label, tuple(segments), tuple(attacks), _goals(segments, outcomes), round(seconds, 1))


_ENDS = {
    "VERIFIED": "accepted",
    "STEP_UP_REQUIRED": "stepped_up",
    "CONTESTED": "contested",
    "CODE_SENT": "undelivered",
    "PENDING": "undelivered",
    "NETWORK_PENDING": "undelivered",
}


def _segment(name: str, lives: Sequence[Lived]) -> SegmentFigures:
    ends = Counter(_ENDS.get(item.result.first, "refused") for item in lives)
    levels = Counter(item.result.level for item in lives if item.result.first == "VERIFIED")
    codes = Counter(item.result.codes()[0] for item in lives if item.result.first != "VERIFIED" and item.result.codes())
    return SegmentFigures(
        segment=name,
        people=len(lives),
        accepted=ends["accepted"],
        stepped_up=ends["stepped_up"],
        contested=ends["contested"],
        refused=ends["refused"],
        undelivered=ends["undelivered"],
        in_the_end=sum(item.result.bound for item in lives),
        levels={level: levels[level] for level in LEVELS},
        codes=tuple(codes.most_common(_TOP)),
    )


def _attack(name: str, outcomes: Sequence[Outcome]) -> AttackFigures:
    stages = Counter(item.stage for item in outcomes)
    delays = [item.delay for item in outcomes if item.delay is not None]
    caught = [item for item in outcomes if item.stage is not Stage.MISSED]
    bound = Counter(item.level for item in outcomes if item.stage in {Stage.FOUND, Stage.MISSED})
    return AttackFigures(
        attack=name,
        attempts=len(outcomes),
        stages={stage.value: stages[stage] for stage in Stage},
        median_delay=median(delays) if delays else None,
        codes=tuple(Counter(item.codes[0] for item in caught if item.codes).most_common(_TOP)),
        levels={level: bound[level] for level in LEVELS},
        reasons=dict(Counter(item.unseen for item in outcomes if item.stage is Stage.MISSED).most_common()),
    )


def _goals(segments: Sequence[SegmentFigures], outcomes: Sequence[Outcome]) -> tuple[Goal, ...]:
    unexplained = Counter(item.attack for item in outcomes if item.stage is Stage.MISSED and not item.unseen)
    handed = [item for item in outcomes if item.attack in HANDED_OVER and not item.network]
    above = [item for item in handed if item.level in LEVELS[1:]]
    named = ", ".join(f"{name} {count}" for name, count in unexplained.most_common())
    return (
        Goal(
            "every attack is stopped, contested or found within 24 h, or named with a reason",
            not unexplained,
            named or f"0 of {len(outcomes)} unexplained",
        ),
        Goal(
            "relayed codes and rented SIMs are never above LOW without network proof",
            not above,
            f"{len(above)} of {len(handed)} above LOW",
        ),
        *_shares("refused", segments, MOST_REFUSED, MOST_REFUSED_OF_SEGMENT),
        *_shares("held", segments, MOST_HELD, MOST_HELD_OF_SEGMENT),
    )


def _shares(what: str, segments: Sequence[SegmentFigures], most: float, most_of_segment: float) -> tuple[Goal, Goal]:
    words = {"refused": "refused", "held": "stepped up or contested"}[what]
    *single, everyone = segments
    shares = {item.segment: getattr(item, what) / item.people for item in segments if item.people}
    share = shares.get(everyone.segment, 0.0)
    worst = max((item.segment for item in single), key=lambda name: shares[name], default=everyone.segment)
    return (
        Goal(f"at most {most:.1%} of ordinary people are {words}", share <= most, f"{share:.2%}"),
        Goal(
            f"at most {most_of_segment:.0%} of any segment are {words}",
            shares.get(worst, 0.0) <= most_of_segment,
            f"{worst} {shares.get(worst, 0.0):.2%}",
        ),
    )
