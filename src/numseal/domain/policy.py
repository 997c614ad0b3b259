"""Policy as data: which rules apply with which thresholds, and what each level requires. No rule's logic lives here.

A policy is written as TOML; its hash is taken over the parsed values, so that layout and comments do not count.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from numseal.domain.evidence import SIGNAL_NAMES, Method
from numseal.domain.verdict import Level, Severity

E = TypeVar("E")


class PolicyError(ValueError):
    """The policy cannot be used; the message names the key, what stands there and what would be right."""


@dataclass(frozen=True, slots=True)
class RuleSetting:
    """How one rule applies: severity, the cap it leaves where it caps, and its named whole-number thresholds."""

    severity: Severity
    cap: Level | None
    thresholds: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LevelRequirement:
    """What a level requires: one of the methods, and signals that are OK in the lookup before or after the code.

    `before` signals may be as old as the verification; `after` signals must come from the lookup after the code.
    """

    methods: frozenset[Method]
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules and levels under one name and hash (hex SHA-256)."""

    name: str
    digest: str
    rules: Mapping[str, RuleSetting]
    levels: Mapping[Level, LevelRequirement]


@dataclass(frozen=True, slots=True)
class Policies:
    """The policy in force, and others that verifications under way may have begun with."""

    current: Policy
    others: tuple[Policy, ...] = ()

    def of(self, digest: str) -> Policy:
        """Return the policy of a digest; the one in force where it is kept no more (the verdict names it)."""
        return next((policy for policy in self.others if policy.digest == digest), self.current)


@dataclass(frozen=True, slots=True)
class RuleShape:
    """What the file may say of a rule: the thresholds it knows, by name, with their units in the name."""

    thresholds: frozenset[str]


def parse_policy(document: Mapping[str, object], shapes: Mapping[str, RuleShape]) -> Policy:
    """Check a parsed TOML document and make it a policy.

    `shapes` is the set of rules that exist. Raises PolicyError for unknown keys, missing rules and bad values.
    """
    _only(document, {"name", "rules", "levels"}, "")
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise PolicyError(f"name: {name!r} is not a non-empty text")
    rules = _table(document, "rules", "")
    missing = sorted(set(shapes) - set(rules))
    if missing:
        raise PolicyError(f"rules.{missing[0]}: missing; every rule must be set, severity NOTE makes one a note")
    levels = _table(document, "levels", "")
    _only(levels, {level.name for level in Level if level is not Level.NONE}, "levels.")
    for level in (Level.LOW, Level.SUBSTANTIAL, Level.HIGH):
        if level.name not in levels:
            raise PolicyError(f"levels.{level.name}: missing")
    settings = {code: _rule(code, _table(rules, code, "rules."), shapes) for code in rules}
    requirements = {Level[key]: _level(key, _table(levels, key, "levels.")) for key in levels}
    # Only now: what TOML can hold and JSON cannot has been refused above.
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Policy(name, hashlib.sha256(canonical.encode()).hexdigest(), settings, requirements)


def _rule(code: str, table: Mapping[str, object], shapes: Mapping[str, RuleShape]) -> RuleSetting:
    if code not in shapes:
        raise PolicyError(f"rules.{code}: no such rule; the rules are {', '.join(sorted(shapes))}")
    shape = shapes[code]
    _only(table, shape.thresholds | {"severity", "cap"}, f"rules.{code}.")
    severity = _choice(table, "severity", f"rules.{code}.", Severity.__members__)
    thresholds = {}
    for key in shape.thresholds:
        value = table.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise PolicyError(f"rules.{code}.{key}: {value!r} is not a whole number of 0 or more")
        thresholds[key] = value
    if severity is Severity.CAUTION:
        return RuleSetting(severity, _choice(table, "cap", f"rules.{code}.", Level.__members__), thresholds)
    if "cap" in table:
        raise PolicyError(f'rules.{code}.cap: only a rule of severity "CAUTION" has a cap')
    return RuleSetting(severity, None, thresholds)


def _level(key: str, table: Mapping[str, object]) -> LevelRequirement:
    where = f"levels.{key}."
    _only(table, {"methods", "before", "after"}, where)
    methods = _names(table, "methods", where, Method.__members__)
    if not methods:
        raise PolicyError(f"{where}methods: empty; name at least one of {', '.join(Method.__members__)}")
    known = dict.fromkeys(SIGNAL_NAMES)
    return LevelRequirement(
        methods=frozenset(Method[name] for name in methods),
        before=_names(table, "before", where, known),
        after=_names(table, "after", where, known),
    )


def _names(table: Mapping[str, object], key: str, where: str, allowed: Mapping[str, object]) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise PolicyError(f"{where}{key}: {value!r} is not a list of names")
    for name in value:
        if not isinstance(name, str) or name not in allowed:
            raise PolicyError(f"{where}{key}: {name!r} is not one of {', '.join(allowed)}")
    return tuple(value)


def _choice(table: Mapping[str, object], key: str, where: str, allowed: Mapping[str, E]) -> E:
    value = table.get(key)
    if not isinstance(value, str) or value not in allowed:
        raise PolicyError(f"{where}{key}: {value!r} is not one of {', '.join(allowed)}")
    return allowed[value]


def _table(document: Mapping[str, object], key: str, where: str) -> Mapping[str, object]:
    value = document.get(key)
    if not isinstance(value, dict):
        raise PolicyError(f"{where}{key}: a table is expected, not {value!r}")
    return value


def _only(table: Mapping[str, object], allowed: set[str] | frozenset[str], where: str) -> None:
    for key in table:
        if key not in allowed:
            raise PolicyError(f"{where}{key}: no such key; expected one of {', '.join(sorted(allowed))}")
