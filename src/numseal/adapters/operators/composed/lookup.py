"""One answer about a number from the answers of several parts. Pure.

The first part in order that answers decides what the number is; each signal is its own part's, and says whose. What a
part does not answer, or answers against the one that decides, is told as such: it is never read as safe.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from numseal.adapters.operators.composed.calls import BreachError
from numseal.adapters.operators.composed.parts import Part
from numseal.adapters.operators.composed.roster import Standing
from numseal.domain.evidence import SIGNAL_NAMES, Lookup, LookupOutcome, Meta, Signal, SignalState, Subscriber
from numseal.domain.operator import Capabilities
from numseal.ports.operator_backend import OperatorError

CODE_SPACE = "numseal"
CONTRADICTS = "CONTRADICTS"
"""Code of signals whose part says that there is no such subscriber, while the part that decides names one."""

MAX_SOURCE = 64
MAX_REFERENCE = 128

_NOT_SUPPORTED: Signal[Any] = Signal(Meta(SignalState.NOT_SUPPORTED))


@dataclass(frozen=True, slots=True)
class Answered:
    """One part, the signals it was asked for, and what it answered."""

    part: Part
    signals: tuple[str, ...]
    answer: Lookup | OperatorError


def shared_out(signals: Iterable[str], offers: Sequence[tuple[Part, Capabilities]]) -> dict[str, Part]:
    """Return the part to ask for each signal: the first that offers it. What no part offers is left out."""
    asked: dict[str, Part] = {}
    for name in signals:
        part = next((part for part, told in offers if name in told.signals), None)
        if part is not None:
            asked[name] = part
    return asked


def checked(answer: object, part: Part) -> Lookup | OperatorError:
    """Return an answer that can be merged, BROKEN_CONTRACT in place of one that cannot be."""
    if isinstance(answer, OperatorError):
        return answer
    breach = ""
    if type(answer) is not Lookup:
        breach = "its answer is no Lookup"
    elif answer.operator_id != part.backend.operator_id:
        breach = "its answer is another operator's"
    elif type(answer.outcome) is not LookupOutcome or answer.outcome is LookupOutcome.UNANSWERED:
        breach = "its outcome is none of an operator's"
    elif (answer.outcome is LookupOutcome.SUBSCRIBER) != (type(answer.subscriber) is Subscriber):
        breach = "it names a subscriber with the outcome SUBSCRIBER and no other"
    elif type(answer.time) is not int or type(answer.lookup_reference) is not str:
        breach = "its time or reference is none"
    else:
        return answer
    return BreachError(breach)


def merged(operator_id: str, answered: Sequence[Answered], untold: Mapping[str, Meta]) -> Lookup:
    """Return the answer of the whole; raise the first part's `OperatorError` where none answered.

    `untold` says of signals that were asked for and that no part could be asked for why that is; the others that
    nobody was asked for are NOT_SUPPORTED. The time is the oldest of the answers'.
    """
    lookups = [(item.part, item.answer) for item in answered if isinstance(item.answer, Lookup)]
    if not lookups:
        raise next(item.answer for item in answered if isinstance(item.answer, OperatorError))
    first = lookups[0][1]
    merged_answer = Lookup(
        first.outcome,
        operator_id,
        min(answer.time for _, answer in lookups),
        _references([(part.name, answer.lookup_reference) for part, answer in lookups]),
        ported_to=first.ported_to,
        ported_plmn=first.ported_plmn,
    )
    if first.outcome is not LookupOutcome.SUBSCRIBER:
        return merged_answer
    signals: dict[str, Signal[Any]] = dict.fromkeys(SIGNAL_NAMES, _NOT_SUPPORTED)
    signals |= {name: Signal(meta) for name, meta in untold.items()}
    for item in answered:
        signals |= _signals(item)
    return replace(merged_answer, subscriber=Subscriber(**signals))


def failed(part: Part, error: OperatorError) -> Meta:
    """Say of a signal that its part failed, and why."""
    return Meta(SignalState.ERROR, source=part.name, code_space=CODE_SPACE, code=error.reason)


def untold(signals: Iterable[str], standings: Iterable[Standing]) -> dict[str, Meta]:
    """Say why nobody could be asked for signals: their part failed, or a part never told whether it has them."""
    known = tuple(standings)
    metas: dict[str, Meta] = {}
    for name in signals:
        for item in known:
            if item.told is None:
                metas[name] = replace(failed(item.part, item.error()), state=SignalState.UNKNOWN)
            elif name in item.told.signals:
                metas[name] = failed(item.part, item.error())
                break
    return metas


def _signals(item: Answered) -> dict[str, Signal[Any]]:
    if isinstance(item.answer, OperatorError):
        return dict.fromkeys(item.signals, Signal(failed(item.part, item.answer)))
    found = item.answer.subscriber
    if found is None:
        meta = Meta(SignalState.UNKNOWN, source=item.part.name, code_space=CODE_SPACE, code=CONTRADICTS)
        return dict.fromkeys(item.signals, Signal(meta))
    # Signals of one source share their meta, and go on sharing it: whoever reads the whole looks at it once.
    metas: dict[int, Meta] = {}
    signals: dict[str, Signal[Any]] = {}
    for name in item.signals:
        signal = getattr(found, name)
        if type(signal) is not Signal or type(signal.meta) is not Meta or type(signal.meta.source) is not str:
            signals[name] = Signal(failed(item.part, BreachError("its signal is none")))
            continue
        known = id(signal.meta)
        if known not in metas:
            metas[known] = replace(signal.meta, source=_source(item.part, signal.meta.source))
        signals[name] = Signal(metas[known], signal.value)
    return signals


def _source(part: Part, source: str) -> str:
    return f"{part.name}/{source}"[:MAX_SOURCE] if source else part.name


def _references(references: Sequence[tuple[str, str]]) -> str:
    """Join the parts' names for their answers; where they are too long together, the longest are cut."""
    told = [(name, reference) for name, reference in references if reference]
    joined = ""
    for most in range(max((len(reference) for _, reference in told), default=0), 0, -1):
        joined = " ".join(f"{name}:{reference[:most]}" for name, reference in told)
        if len(joined) <= MAX_REFERENCE:
            break
    return joined[:MAX_REFERENCE]
