"""A page: titled sections of rows, and the text they make. What stands in them is others' business."""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from numseal.verify.report import printable

_GAP = "  "
_COLOURS = {"good": "green", "warn": "yellow", "bad": "red"}
_NARROWEST = 40


@dataclass(frozen=True, slots=True)
class Row:
    """Cells, aligned with those of the section's other rows but for the last; `tone` is good, warn, bad or nothing."""

    cells: tuple[str, ...]
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A title and its rows."""

    title: str
    rows: tuple[Row, ...]


def row(*cells: str, tone: str = "") -> Row:
    """Make a row."""
    return Row(cells, tone)


def section(title: str, rows: Iterable[Row]) -> Section:
    """Make a section."""
    return Section(title, tuple(rows))


def terminal_width() -> int:
    """Return how wide the terminal is; what is no terminal is as wide as any line."""
    return shutil.get_terminal_size((0, 0)).columns if sys.stdout.isatty() else 0


def text_of(sections: Sequence[Section], width: int = 0) -> str:
    """Write sections as text with colours, which click drops where no terminal is attached.

    Last cells are wrapped to `width` columns, 0 for any length; a hash stays whole, to be copied. Whatever cannot be
    printed is replaced, so that no operator's answer can steer a terminal.
    """
    return "\n".join(line for part in sections for line in _lines(part, width))


def _lines(part: Section, width: int) -> Iterable[str]:
    yield click.style(printable(part.title), bold=True)
    rows = [Row(tuple(map(printable, one.cells)), one.tone) for one in part.rows]
    widths = [0] * max((len(one.cells) for one in rows), default=0)
    for one in rows:
        for column, cell in enumerate(one.cells[:-1]):
            widths[column] = max(widths[column], len(cell))
    for one in rows:
        lead = _GAP + "".join(f"{cell:<{size}}{_GAP}" for cell, size in zip(one.cells[:-1], widths, strict=False))
        room = width - len(lead)
        pieces = _wrapped(one.cells[-1], room) if width and room >= _NARROWEST else [one.cells[-1]]
        for number, piece in enumerate(pieces or [""]):
            line = ((lead if number == 0 else " " * len(lead)) + piece).rstrip()
            yield click.style(line, fg=_COLOURS.get(one.tone))
    yield ""


def _wrapped(text: str, room: int) -> list[str]:
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
