"""The profile: what an operator tells the kit about its test numbers, read strictly from TOML.

Only reading lives here; every key is known, every value is of its type, and an error names key, find and remedy. What
is left out is not checked, and the kit says so.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
MAX_PROFILE = 1 << 20
NUMBERS: Final = ("absent", "ported", "unassigned", "foreign", "barred", "landline")


class ProfileError(Exception):
    """The profile cannot be used; the message names the key, what was found and what is expected."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How the kit asks the operator's test equipment for something, at most one of four ways.

    `command` is run without a shell and `url` is fetched, both with "{number}" replaced by the number and "{nonce}" by
    12 fresh digits; `file` is read (messages only). `simulator` asks the SimulatorService that is served beside the
    backend. All are empty where the profile names no way.
    """

    command: tuple[str, ...] = ()
    url: str = ""
    file: str = ""
    simulator: bool = False

    def __bool__(self) -> bool:
        """Whether there is a way."""
        return bool(self.command or self.url or self.file or self.simulator)


@dataclass(frozen=True, slots=True)
class Profile:
    """An operator's test numbers, E.164 with "+", and how to look at their handsets.

    `own` have each a reachable subscriber of this operator; `absent` one that is switched off; `ported` left for
    `ported_to` (an operator id, or a network as "MCC-MNC"); `unassigned` is in the operator's range and nobody's;
    `foreign` another's; `barred` has its SMS service barred; `landline` takes no SMS.

    `fixed_code` is the code that every test number gets; else `messages` shows what a number received, all of it if
    `every_message`, or the last one only. `event_number` is an own number, apart from `own`, whose SIM changes whenever
    `sim_change` is triggered. `old_cursor` is one after which events are kept no more. `per_second`, `seconds` and
    `p99_ms` are the goal of the rate check.
    """

    agreement_id: str = "conformance"
    locale: str = "en"
    own: tuple[str, ...] = ()
    absent: str = ""
    ported: str = ""
    ported_to: str = ""
    unassigned: str = ""
    foreign: str = ""
    barred: str = ""
    landline: str = ""
    fixed_code: str = ""
    messages: Reach = Reach()
    every_message: bool = False
    event_number: str = ""
    sim_change: Reach = Reach()
    old_cursor: str = ""
    redirect_uri: str = "https://example.com/numseal-conformance"
    per_second: int = 50
    seconds: int = 5
    p99_ms: int = 1_500


def load_profile(path: Path) -> Profile:
    """Read a profile; raise `ProfileError`."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_PROFILE + 1)
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror}; --profile names a file that can be read") from None
    if len(raw) > MAX_PROFILE:
        raise ProfileError(f"{path}: over {MAX_PROFILE} bytes; a profile is a short TOML file")
    try:
        return parse_profile(raw.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError(f"{path}: not TOML: {error}") from None
    except ProfileError as error:
        raise ProfileError(f"{path}: {error}") from None


def parse_profile(text: str) -> Profile:
    """Read a profile's text; raise `ProfileError`, and `tomllib.TOMLDecodeError` for what is no TOML."""
    whole = _Table("", tomllib.loads(text))
    given: dict[str, Any] = {
        "agreement_id": whole.take("agreement_id", _text(r"[ -~]{1,64}", "1 to 64 printable characters")),
        "locale": whole.take("locale", _text(r"[A-Za-z0-9-]{2,35}", "a BCP 47 tag")),
    }
    numbers = whole.table("numbers")
    given["own"] = numbers.take("own", _numbers)
    given |= {name: numbers.take(name, _number) for name in NUMBERS}
    given["ported_to"] = numbers.take("ported_to", _text(r"[ -~]{1,64}", 'an operator id or a network as "MCC-MNC"'))
    numbers.close()
    messages = whole.table("messages")
    given["fixed_code"] = messages.take("fixed_code", _text(r"[0-9]{4,10}", "4 to 10 digits"))
    given["messages"] = _reach(messages, file=True)
    given["every_message"] = messages.take("every", _flag)
    messages.close()
    events = whole.table("events")
    given["event_number"] = events.take("number", _number)
    sim_change = events.table("sim_change")
    given["sim_change"] = _reach(sim_change)
    sim_change.close()
    given["old_cursor"] = events.take("old_cursor", _text(r".{1,256}", "1 to 256 characters"))
    events.close()
    network = whole.table("network")
    given["redirect_uri"] = network.take("redirect_uri", _text(r"https://\S+", "an https address"))
    network.close()
    rate = whole.table("rate")
    given["per_second"] = rate.take("per_second", _whole(1, 10_000))
    given["seconds"] = rate.take("seconds", _whole(1, 600))
    given["p99_ms"] = rate.take("p99_ms", _whole(1, 60_000))
    rate.close()
    whole.close()
    return _together(Profile(**{key: value for key, value in given.items() if value is not None}))


def _together(profile: Profile) -> Profile:
    """Refuse values that do not go together."""
    named = [("own", number) for number in profile.own]
    named += [(name, getattr(profile, name)) for name in (*NUMBERS, "event_number") if getattr(profile, name)]
    seen: dict[str, str] = {}
    for name, number in named:
        if number in seen:
            raise ProfileError(f"{number} is {seen[number]} and {name}: each number has one part to play")
        seen[number] = name
    if profile.sim_change and not profile.event_number:
        raise ProfileError("events.sim_change needs events.number, the number whose SIM it changes")
    if profile.ported_to and not profile.ported:
        raise ProfileError("numbers.ported_to needs numbers.ported, the number that left")
    return profile


Take = Callable[[str, Any], Any]


class _Table:
    """One TOML table; `close` refuses keys that nobody asked for."""

    def __init__(self, path: str, values: Mapping[str, Any]) -> None:
        self._path = path
        self._values = dict(values)

    def take(self, key: str, read: Take) -> Any:
        """Return a key's value as read, None where it is absent."""
        value = self._values.pop(key, None)
        return None if value is None else read(self._path + key, value)

    def table(self, key: str) -> "_Table":
        value = self._values.pop(key, {})
        if not isinstance(value, dict):
            raise ProfileError(f"{self._path}{key}: found {value!r}, a table is expected")
        return _Table(f"{self._path}{key}.", value)

    def close(self) -> None:
        for key in self._values:
            raise ProfileError(f"{self._path}{key}: no such key; the guide in scripts/examples names them all")


def _text(pattern: str, expected: str) -> Take:
    def read(key: str, value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ProfileError(f"{key}: found {value!r}, expected {expected}")
        return value

    return read


def _whole(low: int, high: int) -> Take:
    def read(key: str, value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ProfileError(f"{key}: found {value!r}, expected a whole number from {low} to {high}")
        return value

    return read


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ProfileError(f"{key}: found {value!r}, expected true or false")
    return value


def _number(key: str, value: Any) -> str:
    if not isinstance(value, str) or not E164.fullmatch(value):
        raise ProfileError(f'{key}: found {value!r}, expected a number as "+79160000001"')
    return value


def _numbers(key: str, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ProfileError(f"{key}: found an empty list, expected one number or more, or no key")
    return tuple(_number(key, one) for one in values)


def _command(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(word, str) and word for word in value):
        raise ProfileError(
            f'{key}: found {value!r}, expected a program and its arguments, as ["cat", "{{number}}.txt"]'
        )
    return tuple(value)


def _reach(table: _Table, *, file: bool = False) -> Reach:
    ways = {
        "command": table.take("command", _command),
        "url": table.take("url", _text(r"https?://\S+", "an http or https address")),
        "file": table.take("file", _text(r".+", "a file's name")) if file else None,
        "simulator": table.take("simulator", _flag),
    }
    named = {key: value for key, value in ways.items() if value}
    if len(named) > 1:
        raise ProfileError(f"{' and '.join(named)}: one way is enough, name the one to use")
    return Reach(**named)
