"""What an attempt came to: stopped before or after the code, found after it was bound, or missed. Judges records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from numseal.api.verification.v1 import assurance_pb2 as asr
from numseal.api.verification.v1 import binding_pb2 as pb
from numseal.apps.simulate.attacks import Attacked

DAY = 86_400
_TELLING = frozenset(
    {
        pb.BINDING_CHANGE_KIND_LEVEL_CHANGED,
        pb.BINDING_CHANGE_KIND_CONTESTED,
        pb.BINDING_CHANGE_KIND_SUSPENDED,
        pb.BINDING_CHANGE_KIND_REVOKED,
    }
)


class Stage(StrEnum):
    """How far an attempt came."""

    BEFORE = "before"
    REJECTED = "rejected"
    STEPPED_UP = "stepped_up"
    CONTESTED = "contested"
    FOUND = "found"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt's end.

    `codes` are what stopped or told of it, the gravest first. `level` is what was bound, NONE where nothing was;
    `network` whether a network page matched. `delay` is seconds from the binding to the telling, for FOUND; 0 where it
    was told before. `unseen` is why a missed attempt could not be seen, empty where it could.
    """

    attack: str
    stage: Stage
    codes: tuple[str, ...] = ()
    level: str = "NONE"
    network: bool = False
    delay: int | None = None
    unseen: str = ""


def judge(attacked: Attacked, told: Mapping[str, Sequence[pb.BindingChange]]) -> Outcome:
    """Judge an attempt by its end and by what the relying party was told of the bindings concerned.

    Told in time is what was told since the crime and at most 24 hours after the attacker was bound.
    """
    result = attacked.result
    if not result.bound:
        return Outcome(attacked.attack, _stopped(attacked), result.codes(), network=result.network)
    bindings = {result.verification.binding_id, result.contested_binding}
    if attacked.victim is not None:
        bindings.add(attacked.victim.verification.binding_id)
    tellings = sorted(
        (
            item
            for name in bindings - {""}
            for item in told.get(name, ())
            if item.kind in _TELLING and attacked.crime_time <= item.commit_time.seconds <= result.ended + DAY
        ),
        key=lambda item: item.commit_time.seconds,
    )
    common = {"level": result.level, "network": result.network}
    if not tellings:
        return Outcome(attacked.attack, Stage.MISSED, result.codes(), unseen=attacked.unseen, **common)  # type: ignore[arg-type]
    first = tellings[0]
    codes = tuple(item.code for item in first.findings if item.severity != asr.SEVERITY_NOTE)
    kind = pb.BindingChangeKind.Name(first.kind).removeprefix("BINDING_CHANGE_KIND_")
    delay = max(0, first.commit_time.seconds - result.ended)
    return Outcome(attacked.attack, Stage.FOUND, codes or result.codes() or (kind,), delay=delay, **common)  # type: ignore[arg-type]


def _stopped(attacked: Attacked) -> Stage:
    result = attacked.result
    if not result.challenged:
        return Stage.BEFORE
    if "CONTESTED" in {result.first, result.final} or result.contested_binding:
        return Stage.CONTESTED
    if "STEP_UP_REQUIRED" in {result.first, result.final}:
        return Stage.STEPPED_UP
    return Stage.REJECTED
