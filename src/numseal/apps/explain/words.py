"""Words for values: times, spans, and what operators answer. Pure."""

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from numseal.domain.evidence import (
    DeviceRef,
    Forwarding,
    Lookup,
    Meta,
    Port,
    Serving,
    Signal,
    SimChange,
    SimRef,
    SubscriberRef,
)
from numseal.verify.report import written_time

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_SHOWN_OF_REF = 8
_TIMES = frozenset({"last_seen"})


def span(seconds: int) -> str:
    """Write a span in its two largest units: "3 d 4 h"."""
    parts, rest = [], abs(seconds)
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def moment(time: int, at: int) -> str:
    """Write a time, and how long before or after `at` it is."""
    if time == at:
        return written_time(time)
    return f"{written_time(time)} ({span(at - time)} {'before' if time < at else 'later'})"


def describe(value: Any, at: int, name: str = "") -> str:
    """Write any value of evidence in words; times are held against `at`. `name` is the field's."""
    if isinstance(value, Signal):
        return _signal(value, at, name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        # Levels are numbers to the program and names to people.
        return value.name
    if isinstance(value, int):
        return moment(value, at) if name.endswith("time") or name in _TIMES else str(value)
    if isinstance(value, tuple):
        return "; ".join(describe(item, at) for item in value) or "none"
    return "none" if value is None or value == "" else _record(value, at)


def state_of(meta: Meta, at: int) -> tuple[str, str]:
    """Return how old an observation was at `at`, and its source with the source's own code."""
    age = "" if meta.observe_time is None else span(at - meta.observe_time)
    code = f"{meta.code_space} {meta.code}".strip()
    return age, f"{meta.source} ({code})" if code else meta.source


def _signal(signal: Signal[Any], at: int, name: str) -> str:
    if signal.known is None and signal.value is None and signal.meta.state.value != "OK":
        return signal.meta.state.value
    words = describe(signal.value, at, name)
    return words if signal.meta.state.value == "OK" else f"{words} ({signal.meta.state.value})"


def _record(value: Any, at: int) -> str:  # noqa: PLR0911 - a return a kind
    match value:
        case SubscriberRef() | SimRef() | DeviceRef():
            basis = f", {value.basis}" if isinstance(value, SimRef) else ""
            model = f", TAC {value.tac}" if isinstance(value, DeviceRef) and value.tac else ""
            cut = value.ref if len(value.ref) <= _SHOWN_OF_REF else value.ref[:_SHOWN_OF_REF] + "…"
            return f"{cut} (epoch {value.key_epoch}{basis}{model})"
        case SimChange():
            return f"{value.kind}, {moment(value.time, at)}"
        case Port():
            return f"from {value.from_operator or 'an operator not named'}, {moment(value.time, at)}"
        case Forwarding():
            return f"{value.kind} {'on' if value.active else 'off'}"
        case Serving():
            when = moment(value.update_time, at) if value.update_time else "at a time not told"
            return f"{value.domain} at {value.plmn or 'a network not named'}, {value.basis}, registered {when}"
        case Lookup():
            return f"{value.outcome} from {value.operator_id}, {moment(value.time, at)}"
        case _ if is_dataclass(value):
            return ", ".join(
                f"{item.name} {describe(getattr(value, item.name), at, item.name)}"
                for item in fields(value)
                if not item.name.startswith("statement")
            )
        case _:
            return str(value)
