"""Reading a configuration file strictly: every key known, every value of its type, every error with its place.

What the keys mean is not this module's business (`config`). A value that may be a secret is never echoed.
"""

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, TypeVar

MAX_FILE_BYTES = 1 << 20

T = TypeVar("T")


class ConfigError(Exception):
    """The configuration cannot be used; the message names file, key, what was found and what is expected."""


class Table:
    """One TOML table: values are asked for by key, and `close` refuses keys that nobody asked for."""

    def __init__(self, file: Path, path: str, values: Mapping[str, Any]) -> None:
        """Take the file's name, the table's dotted path ("" for the whole file) and its values."""
        self.file = file
        self.path = path
        self._values = values
        self._known: dict[str, None] = {}

    def name(self, key: str) -> str:
        """Return the dotted path of a key."""
        return f"{self.path}.{key}" if self.path else key

    def error(self, key: str, found: str, expected: str) -> ConfigError:
        """Make the error for a key."""
        return ConfigError(f"{self.file}: {self.name(key)}: found {found}, expected {expected}")

    def text(
        self,
        key: str,
        default: str | None = None,
        *,
        pattern: str = ".+",
        fits: Callable[[str], bool] | None = None,
        expected: str = "a text",
    ) -> str:
        """Return a text that matches the pattern whole and `fits`; without a default the key is required."""
        value = self._ask(key)
        if value is None:
            return self._default(key, default, expected)
        if not isinstance(value, str) or not re.fullmatch(pattern, value) or (fits is not None and not fits(value)):
            raise self.error(key, _shown(value), expected)
        return value

    def integer(self, key: str, default: int | None = None, *, low: float = -math.inf, high: float = math.inf) -> int:
        """Return a whole number within bounds, where there are any."""
        value = self._ask(key)
        expected = _within("a whole number", low, high)
        if value is None:
            return self._default(key, default, expected)
        if type(value) is not int or not low <= value <= high:
            raise self.error(key, _shown(value), expected)
        return value

    def number(
        self, key: str, default: float | None = None, *, low: float = -math.inf, high: float = math.inf
    ) -> float:
        """Return a finite number, whole or not, within bounds where there are any."""
        value = self._ask(key)
        expected = _within("a number", low, high)
        if value is None:
            return self._default(key, default, expected)
        if type(value) not in {int, float} or not math.isfinite(value) or not low <= value <= high:
            raise self.error(key, _shown(value), expected)
        return float(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._ask(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.error(key, _shown(value), "true or false")
        return value

    def texts(self, key: str, *, pattern: str, expected: str, secret: bool = False) -> tuple[str, ...]:
        """Return a list of texts, none twice; an absent key is an empty list."""
        value = self._ask(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.error(key, _shown(value, secret=secret), f"a list, each of it {expected}")
        for item in value:
            if not isinstance(item, str) or not re.fullmatch(pattern, item):
                raise self.error(key, _shown(item, secret=secret), expected)
            if value.count(item) > 1:
                raise self.error(key, f"{_shown(item, secret=secret)} twice", "every one once")
        return tuple(value)

    def moment(self, key: str) -> int:
        """Return a date (its beginning in UTC) or a time with offset as Unix seconds."""
        value = self._ask(key)
        expected = "a date such as 2026-01-31, or a time with offset such as 2026-01-31T00:00:00Z"
        if isinstance(value, datetime) and value.tzinfo is not None:
            return int(value.timestamp())
        if isinstance(value, date) and not isinstance(value, datetime):
            return int(datetime.combine(value, time(), UTC).timestamp())
        raise self.error(key, "nothing" if value is None else _shown(value), expected)

    def file_path(self, key: str, default: str | None = None) -> Path:
        """Return a path; a relative one starts where the configuration file is."""
        return self.file.parent / self.text(key, default, expected="a path")

    def optional_file(self, key: str) -> Path | None:
        """Return the path of a file that can be read, or None where the key is absent."""
        return None if self._ask(key) is None else self._readable(key, self.file_path(key))

    def files(self, key: str) -> tuple[Path, ...]:
        """Return the paths of files that can be read, none twice; an absent key is an empty list."""
        names = self.texts(key, pattern=".+", expected="a path")
        return tuple(self._readable(key, self.file.parent / name) for name in names)

    def table(self, key: str) -> "Table":
        """Return a table, an empty one where the key is absent."""
        value = self._ask(key)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.error(key, _shown(value), f"a table: [{self.name(key)}]")
        return Table(self.file, self.name(key), value)

    def tables(self, key: str) -> list["Table"]:
        """Return an array of tables, each named by its number from 1; empty where the key is absent."""
        value = self._ask(key)
        if value is None:
            value = []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(key, _shown(value), f"tables: [[{self.name(key)}]]")
        return [Table(self.file, f"{self.name(key)}[{number}]", item) for number, item in enumerate(value, 1)]

    def rest(self) -> dict[str, Any]:
        """Return what no other key of the table was asked for, as the file gives it, for a reader of its own."""
        rest = {key: value for key, value in self._values.items() if key not in self._known}
        self._known.update(dict.fromkeys(rest))
        return rest

    def keys(self) -> tuple[str, ...]:
        """Return the keys that the file gives."""
        return tuple(self._values)

    def given(self, key: str) -> str:
        """Return what the file gives for a key that is no secret, as an error shows it."""
        return _shown(self._values.get(key))

    def expect(self, key: str) -> None:
        """Count a key among those that are known, given or not."""
        self._known[key] = None

    def close(self) -> None:
        """Refuse the first key that nobody asked for."""
        for key in self._values:
            if key not in self._known:
                expected = ", ".join(self._known)
                raise ConfigError(f"{self.file}: {self.name(key)}: no such key, expected one of {expected}")

    def _readable(self, key: str, path: Path) -> Path:
        try:
            path.open("rb").close()
        except OSError as error:
            raise self.error(key, f"{path}: {error.strerror}", "a file that can be read") from None
        return path

    def _ask(self, key: str) -> Any:
        self._known[key] = None
        return self._values.get(key)

    def _default(self, key: str, default: T | None, expected: str) -> T:
        if default is None:
            raise self.error(key, "nothing", expected)
        return default


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Read a TOML file; raises ConfigError naming it and, where it is not TOML, line and column."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: the {what} cannot be read: {error.strerror}; expected a TOML file") from None
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: the {what} is larger than {MAX_FILE_BYTES} bytes; expected a TOML file")
    try:
        return tomllib.loads(raw.decode())
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: the {what} is not UTF-8 at byte {error.start}; expected a TOML file") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: the {what} is not TOML: {error}") from None


def _within(what: str, low: float, high: float) -> str:
    return what if math.isinf(low) and math.isinf(high) else f"{what} from {low} to {high}"


def _shown(value: object, *, secret: bool = False) -> str:
    if secret:
        return f"a text of {len(value)} characters" if isinstance(value, str) else "something else"
    if isinstance(value, date | time):
        return value.isoformat()
    text = repr(value)
    if isinstance(value, list):
        text = f"[{', '.join(map(_shown, value))}]"
    elif isinstance(value, dict):
        text = f"{{{', '.join(f'{key!r}: {_shown(item)}' for key, item in value.items())}}}"
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004
