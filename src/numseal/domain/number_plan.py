"""Which operator a range of numbers was given to; that a number was ported away is for operators to tell.

Rows are plain data; the plan never changes once built, so it may be shared by all tasks.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

from numseal.domain.plmn import Plmn

HEADER = ("prefix", "length", "operator")
MIN_DIGITS = 7
MAX_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Range:
    """All numbers that begin with `prefix` ("+7916") and have `length` digits, country code included."""

    prefix: str
    length: int
    operator_id: str


@dataclass(frozen=True, slots=True)
class OperatorInfo:
    """Who an operator is.

    `name` is for people; a fixed network has no `plmns`; `country` is an ISO 3166-1 alpha-2 code.
    """

    operator_id: str
    name: str
    plmns: tuple[Plmn, ...]
    country: str


class NumberPlanError(ValueError):
    """A number plan cannot be used; the message names the line, the column and what was expected."""


class NumberPlan:
    """Finds the operator of a number's range by its longest prefix."""

    __slots__ = ("_ranges", "_sizes")

    def __init__(self, ranges: Iterable[Range]) -> None:
        """Take the ranges; raise `NumberPlanError` where one prefix is given twice."""
        self._ranges: dict[str, Range] = {}
        for item in ranges:
            if item.prefix in self._ranges:
                raise NumberPlanError(f"prefix {item.prefix} is given twice: expected one range a prefix")
            self._ranges[item.prefix] = item
        self._sizes = tuple(sorted({len(prefix) for prefix in self._ranges}, reverse=True))

    def find(self, msisdn: str) -> Range | None:
        """Return the range with the longest prefix, or None where it has another length or none fits."""
        for size in self._sizes:
            found = self._ranges.get(msisdn[:size])
            if found is not None:
                return found if len(msisdn) == found.length + 1 else None
        return None

    def owner(self, msisdn: str) -> str | None:
        """Return the id of the operator the number's range was given to; None as `find`."""
        found = self.find(msisdn)
        return None if found is None else found.operator_id

    def matches(self, msisdn: str) -> bool:
        """Tell whether a range has the number, its length included; fit for `parse_msisdn(known=...)`."""
        return self.find(msisdn) is not None

    def operators(self) -> frozenset[str]:
        """Return the ids of all operators that have a range."""
        return frozenset(item.operator_id for item in self._ranges.values())

    def ranges(self) -> tuple[Range, ...]:
        """Return the ranges in the order given."""
        return tuple(self._ranges.values())


def parse_plan(text: str) -> NumberPlan:
    """Read a plan from CSV with the header `prefix,length,operator`; empty lines and lines of # are skipped.

    Raises `NumberPlanError` naming line, column and what was expected.
    """
    rows = csv.reader(io.StringIO(text), strict=True)
    ranges: dict[str, Range] = {}
    header: tuple[str, ...] | None = None
    try:
        for row in rows:
            if not row or row[0].lstrip().startswith("#"):
                continue
            if header is None:
                header = _header(row, rows.line_num)
                continue
            item = _range(row, rows.line_num)
            if item.prefix in ranges:
                raise _error(rows.line_num, "prefix", f"one row for {item.prefix}, which an earlier line has")
            ranges[item.prefix] = item
    except csv.Error as error:
        raise NumberPlanError(f"line {rows.line_num}: not CSV: {error}") from None
    if header is None:
        raise NumberPlanError(f"line 1: expected the header {','.join(HEADER)}, found nothing")
    if not ranges:
        raise NumberPlanError(f"no ranges, expected at least one row under the header {','.join(HEADER)}")
    return NumberPlan(ranges.values())


def _header(row: list[str], line: int) -> tuple[str, ...]:
    if tuple(row) != HEADER:
        raise NumberPlanError(f"line {line}: expected the header {','.join(HEADER)}, found {','.join(row)[:80]!r}")
    return HEADER


def _range(row: list[str], line: int) -> Range:
    if len(row) != len(HEADER):
        raise NumberPlanError(f"line {line}: expected {len(HEADER)} columns ({','.join(HEADER)}), found {len(row)}")
    prefix, length, operator_id = (cell.strip() for cell in row)
    digits = prefix[1:]
    if prefix[:1] != "+" or not _is_number(digits) or digits[0] == "0":
        raise _error(line, "prefix", f"a plus sign and digits, such as +7916, found {prefix[:20]!r}")
    if not _is_number(length) or not MIN_DIGITS <= int(length) <= MAX_DIGITS:
        raise _error(line, "length", f"{MIN_DIGITS} to {MAX_DIGITS} digits, found {length[:20]!r}")
    if len(digits) > int(length):
        raise _error(line, "length", f"at least the {len(digits)} digits of the prefix, found {length}")
    if not operator_id:
        raise _error(line, "operator", "an operator id, found nothing")
    return Range(prefix, int(length), operator_id)


def _is_number(text: str) -> bool:
    return len(text) in range(1, MAX_DIGITS + 1) and text.isascii() and text.isdigit()


def _error(line: int, column: str, expected: str) -> NumberPlanError:
    return NumberPlanError(f"line {line}, column {column}: expected {expected}")
