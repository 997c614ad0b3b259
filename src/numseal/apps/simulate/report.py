"""Figures for people and machines: tables on a terminal, CSV and JSON files. Counts nothing."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from numseal.apps.simulate.measure import AttackFigures, Figures, SegmentFigures
from numseal.apps.simulate.outcomes import Stage
from numseal.apps.simulate.plot import plot

_MINUTE, _HOUR = 60, 3_600
_WIDTH = 180


def print_figures(runs: Sequence[Figures], console: Console | None = None) -> None:
    """Print the tables of every run, then the comparison where there are several, then the goals of each."""
    console = console or Console()
    console = console if console.is_terminal else Console(file=console.file, width=_WIDTH)
    for figures in runs:
        console.print(f"\n[bold]signals: {figures.label}[/bold]  ({figures.seconds:.0f} s)")
        console.print(_segments(figures))
        console.print(_attacks(figures))
        for item in figures.attacks:
            for reason, count in item.reasons.items():
                console.print(f"  {item.attack}: {count} missed: {reason or 'NO REASON: the evidence could show it'}")
    if len(runs) > 1:
        console.print(_comparison(runs))
    for figures in runs:
        for goal in figures.goals:
            mark = "[green]met    [/green]" if goal.met else "[red]NOT MET[/red]"
            console.print(f"{mark}  {figures.label}: {goal.goal}: {goal.figure}", highlight=False)


def _segments(figures: Figures) -> Table:
    table = Table(
        "segment",
        "people",
        "accepted",
        "stepped up",
        "contested",
        "refused",
        "no code",
        "in the end",
        "levels",
        "why not",
    )
    for item in figures.segments:
        levels = " ".join(f"{level} {count}" for level, count in item.levels.items() if count)
        counts = (item.accepted, item.stepped_up, item.contested, item.refused, item.undelivered, item.in_the_end)
        table.add_row(
            item.segment,
            str(item.people),
            *(_share(count, item.people) for count in counts),
            levels,
            _codes(item.codes),
        )
    return table


def _attacks(figures: Figures) -> Table:
    table = Table(
        "attack", "attempts", "before code", "rejected", "stepped up", "contested", "found 24 h", "missed",
        "delay", "bound at", "by",
    )  # fmt: skip
    for item in figures.attacks:
        table.add_row(
            item.attack,
            str(item.attempts),
            *(str(item.stages[stage] or "·") for stage in Stage),
            _duration(item.median_delay),
            " ".join(f"{level} {count}" for level, count in item.levels.items() if count),
            _codes(item.codes),
        )
    return table


def _comparison(runs: Sequence[Figures]) -> Table:
    table = Table("share caught", *(figures.label for figures in runs))
    names = list(dict.fromkeys(item.attack for figures in runs for item in figures.attacks))
    for name in names:
        cells = []
        for figures in runs:
            found = next((item for item in figures.attacks if item.attack == name), None)
            cells.append("" if found is None else _share(found.caught, found.attempts))
        table.add_row(name, *cells)
    table.add_row("[bold]all attacks[/bold]", *(f"{figures.caught:.1%}" for figures in runs))
    table.add_row("[bold]ordinary people not accepted at once[/bold]", *(f"{item.friction:.2%}" for item in runs))
    return table


def _share(count: int, of: int) -> str:
    return f"{count / of:.1%}" if count else "·"


def _codes(codes: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{code} {count}" for code, count in codes)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h"


def to_json(runs: Sequence[Figures], heading: dict[str, object]) -> bytes:
    """Return heading and figures as JSON."""
    return orjson.dumps({**heading, "runs": [figures.to_object() for figures in runs]}, option=orjson.OPT_INDENT_2)


def write_files(runs: Sequence[Figures], heading: dict[str, object], directory: Path) -> None:
    """Write figures.json, segments.csv, attacks.csv and trade-off.svg; raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.joinpath("figures.json").write_bytes(to_json(runs, heading))
    directory.joinpath("segments.csv").write_text(segments_csv(runs), encoding="utf-8")
    directory.joinpath("attacks.csv").write_text(attacks_csv(runs), encoding="utf-8")
    directory.joinpath("trade-off.svg").write_text(plot(runs), encoding="utf-8")


def segments_csv(runs: Sequence[Figures]) -> str:
    """Return a line a segment and run."""
    head = ("run", "segment", "people", "accepted", "stepped_up", "contested", "refused", "undelivered", "in_the_end")
    levels = ("LOW", "SUBSTANTIAL", "HIGH")
    rows = [(figures.label, item) for figures in runs for item in figures.segments]
    return _csv((*head, *levels), [(label, *_segment_row(item, head[1:], levels)) for label, item in rows])


def _segment_row(item: SegmentFigures, names: Sequence[str], levels: Sequence[str]) -> tuple[object, ...]:
    return (*(getattr(item, name) for name in names), *(item.levels[level] for level in levels))


def attacks_csv(runs: Sequence[Figures]) -> str:
    """Return a line an attack and run; `median_delay` in seconds, `codes` and `reasons` separated by semicolons."""
    head = ("run", "attack", "attempts", *(stage.value for stage in Stage), "median_delay", "codes", "reasons")
    rows = [(figures.label, item) for figures in runs for item in figures.attacks]
    return _csv(head, [(label, *_attack_row(item)) for label, item in rows])


def _attack_row(item: AttackFigures) -> tuple[object, ...]:
    delay = "" if item.median_delay is None else item.median_delay
    codes = "; ".join(f"{code} {count}" for code, count in item.codes)
    reasons = "; ".join(f"{reason or 'none'} {count}" for reason, count in item.reasons.items())
    return (item.attack, item.attempts, *(item.stages[stage] for stage in Stage), delay, codes, reasons)


def _csv(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
