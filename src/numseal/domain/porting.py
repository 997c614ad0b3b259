"""Numbers that were carried to another operator, as a file has them, which countries' porting databases are read into.

Rows are plain data, packed so that millions fit: eight bytes a number, eighteen a block. Built once, never changed, so
that it may be shared by all tasks. That an operator itself says "ported" is for the use cases.
"""

import csv
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Protocol

from numseal.domain.msisdn import mask

NUMBERS = ("number", "operator")
BLOCKS = ("first", "last", "operator")
MAX_OPERATORS = 1 << 14

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_OPERATOR = re.compile(r"[a-z0-9-]{1,64}")
_BITS = 14
_LOW = MAX_OPERATORS - 1


class PortingError(ValueError):
    """A porting file cannot be used; the message names the line and what was expected, and masks numbers."""


class Porting:
    """Finds the operator that a number was carried to."""

    __slots__ = ("_firsts", "_lasts", "_numbers", "_operators", "_owners")

    def __init__(
        self,
        operators: tuple[str, ...] = (),
        numbers: "array[int] | None" = None,
        blocks: "tuple[array[int], array[int], array[int]] | None" = None,
    ) -> None:
        """Take the operators' ids, and what `parse_porting` packs; without anything nothing was carried anywhere."""
        self._operators = operators
        self._numbers = array("Q") if numbers is None else numbers
        self._firsts, self._lasts, self._owners = blocks or (array("Q"), array("Q"), array("H"))

    def operator(self, msisdn: str) -> str | None:
        """Return the id of the operator that a number in E.164 was carried to, None where it is in no row."""
        try:
            number = int(msisdn)
        except ValueError:
            return None
        if self._numbers:
            at = bisect_left(self._numbers, number << _BITS)
            if at < len(self._numbers) and self._numbers[at] >> _BITS == number:
                return self._operators[self._numbers[at] & _LOW]
        elif self._firsts:
            at = bisect_right(self._firsts, number) - 1
            if at >= 0 and number <= self._lasts[at]:
                return self._operators[self._owners[at]]
        return None

    def operators(self) -> frozenset[str]:
        """Return the ids of all operators that a number was carried to."""
        return frozenset(self._operators)

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self._numbers) or len(self._firsts)


NO_PORTING = Porting()


class _Rows(Protocol):
    """What `csv.reader` returns."""

    @property
    def line_num(self) -> int:
        """The line of the row that was read last."""

    def __iter__(self) -> Iterator[list[str]]:
        """Read the rows."""


def parse_porting(lines: Iterable[str]) -> Porting:
    """Read CSV with the header `number,operator`, or `first,last,operator` for blocks, both ends included.

    Numbers are E.164 with the plus sign; rows may stand in any order, which costs least where they are sorted. Empty
    lines and lines of # are skipped. Raises `PortingError`.
    """
    rows = csv.reader(lines, strict=True, skipinitialspace=True)
    operators: dict[str, int] = {}
    try:
        for row in rows:
            if not row or row[0].lstrip().startswith("#"):
                continue
            header = tuple(cell.strip() for cell in row)
            if header == NUMBERS:
                return Porting(numbers=_numbers(rows, operators), operators=tuple(operators))
            if header == BLOCKS:
                return Porting(blocks=_blocks(rows, operators), operators=tuple(operators))
            raise _error(rows.line_num, f"the header {','.join(NUMBERS)} or {','.join(BLOCKS)}")
    except csv.Error as error:
        raise PortingError(f"line {rows.line_num}: not CSV: {error}") from None
    raise _error(1, f"the header {','.join(NUMBERS)} or {','.join(BLOCKS)}")


def _numbers(rows: "_Rows", operators: dict[str, int]) -> "array[int]":
    packed = array("Q")
    for row in rows:
        if len(row) != len(NUMBERS) or not _NUMBER.fullmatch(row[0]):
            if _is_nothing(row):
                continue
            raise _error(rows.line_num, f"a number such as +79161234567 and an operator ({','.join(NUMBERS)})")
        number, name = row
        index = operators.get(name)
        if index is None:
            index = _index(name, operators, rows.line_num)
        packed.append(int(number) << _BITS | index)
    if any(later <= earlier for earlier, later in pairwise(packed)):
        packed = array("Q", sorted(packed))
    earlier = 0
    for item in packed:
        if item >> _BITS == earlier:
            raise PortingError(f"the number {mask(f'+{earlier}')} is given twice, expected every number once")
        earlier = item >> _BITS
    return packed


def _blocks(rows: "_Rows", operators: dict[str, int]) -> "tuple[array[int], array[int], array[int]]":
    blocks: list[tuple[int, int, int]] = []
    for row in rows:
        if _is_nothing(row):
            continue
        if len(row) != len(BLOCKS):
            raise _error(rows.line_num, f"{len(BLOCKS)} columns ({','.join(BLOCKS)})")
        first, last, name = row
        if not _NUMBER.fullmatch(first) or not _NUMBER.fullmatch(last):
            raise _error(rows.line_num, "numbers such as +79161230000 in columns first and last")
        if len(first) != len(last) or last < first:
            raise _error(rows.line_num, "a last number that is not below the first, with as many digits")
        index = operators.get(name)
        blocks.append((int(first), int(last), _index(name, operators, rows.line_num) if index is None else index))
    blocks.sort()
    for before, block in pairwise(blocks):
        if block[0] <= before[1]:
            raise PortingError(f"two blocks have the number {mask(f'+{block[0]}')}, expected every number in one")
    return (
        array("Q", [first for first, _, _ in blocks]),
        array("Q", [last for _, last, _ in blocks]),
        array("H", [index for _, _, index in blocks]),
    )


def _index(name: str, operators: dict[str, int], line: int) -> int:
    if not _OPERATOR.fullmatch(name):
        raise _error(line, "an operator id of 1 to 64 of [a-z0-9-] in column operator")
    if len(operators) == MAX_OPERATORS:
        raise _error(line, f"at most {MAX_OPERATORS} operators")
    return operators.setdefault(name, len(operators))


def _is_nothing(row: list[str]) -> bool:
    return not row or row[0].lstrip().startswith("#")


def _error(line: int, expected: str) -> PortingError:
    return PortingError(f"line {line}: expected {expected}")
