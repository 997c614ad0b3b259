"""Policy as data: which rules apply with which thresholds, and what each level requires. No rule's logic lives here.

A policy is written as TOML; its hash is taken over the parsed values as canonical JSON, so that layout and comments do
not count.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from numseal.domain.evidence import SIGNAL_NAMES, Answer, LineType, Method
from numseal.domain.policy_tables import PolicyError, Table, choice, choices, only, table_of, truth, whole
from numseal.domain.verdict import Level, Severity

__all__ = [
    "LevelRequirement",
    "MonitoringSetting",
    "Policies",
    "Policy",
    "PolicyError",
    "RuleSetting",
    "RuleShape",
    "Waiting",
    "parse_policy",
    "policy_of_document",
]

HOUR = 3_600
DAY = 86_400
MAX_NAME = 64
_SIGNALS: Mapping[str, str] = {name: name for name in SIGNAL_NAMES}
_WAYS: Mapping[str, Answer] = {
    answer.name: answer
    for answer in (Answer.WAIT, Answer.OLD_ACCOUNT_KEY, Answer.REGISTRATION_LOCK, Answer.NEW_SUBSCRIBER)
}
_LEVELS = (Level.LOW, Level.SUBSTANTIAL, Level.HIGH)


@dataclass(frozen=True, slots=True)
class RuleSetting:
    """How one rule applies: severity, cap, its named whole-number thresholds, and what answers it.

    `cap` is the highest level left by a CAUTION, or by a SEVERE finding once it was answered by one of `answers`.
    `line_types` are those accepted, for the rule that looks at them.
    """

    severity: Severity
    cap: Level | None
    thresholds: Mapping[str, int]
    answers: tuple[Answer, ...] = ()
    line_types: frozenset[LineType] = frozenset()


@dataclass(frozen=True, slots=True)
class LevelRequirement:
    """What a level requires: one of the methods, and signals that are OK in the lookup before or after the code.

    `before` signals may be as old as the verification; `after` signals must come from the lookup after the code.
    `max_signal_age` bounds, in seconds, how long before its lookup a signal was observed; 0: any age. `renews`: a code
    also suffices where the account proves the key of its earlier binding of this level.
    """

    methods: frozenset[Method]
    before: tuple[str, ...]
    after: tuple[str, ...]
    max_signal_age: int = 0
    renews: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long waiting takes to be an answer, in seconds: to a contest, and to a severe finding."""

    contest: int
    step_up: int


@dataclass(frozen=True, slots=True)
class MonitoringSetting:
    """How bindings are followed, in seconds.

    `reverify` is how long a binding whose SIM changed may go unverified. A number is looked up again every
    `recheck_watched` where its operator sends events and every `recheck_polled` where it does not. `max_age` is the
    default age of an observation that CheckNumber accepts; 0: any age.
    """

    reverify: int
    recheck_watched: int
    recheck_polled: int
    max_age: int


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules and levels under one name; `digest` is the hex SHA-256 of `document`, its values as canonical JSON."""

    name: str
    digest: str
    rules: Mapping[str, RuleSetting]
    levels: Mapping[Level, LevelRequirement]
    waiting: Waiting
    contest_ways: tuple[Answer, ...]
    monitoring: MonitoringSetting
    document: str


_NOBODY: Mapping[str, Policy] = {}


class Policies:
    """The policies in force, one a relying party, and replaced ones that verifications under way began with.

    Mutable by `replace` only, which its owner calls when the files are read again.
    """

    __slots__ = ("_by_digest", "_by_party", "_default")

    def __init__(
        self, default: Policy, by_party: Mapping[str, Policy] = _NOBODY, kept: tuple[Policy, ...] = ()
    ) -> None:
        """Take the default, those of relying parties that have their own, and older ones to be found by digest."""
        self._default = default
        self._by_party = dict(by_party)
        self._by_digest = {policy.digest: policy for policy in (*kept, *self._by_party.values(), default)}

    @property
    def current(self) -> Policy:
        """The default policy in force."""
        return self._default

    def for_party(self, relying_party: str) -> Policy:
        """Return the policy in force for a relying party, the default where it has none of its own."""
        return self._by_party.get(relying_party, self._default)

    def of(self, digest: str) -> Policy:
        """Return the policy of a digest; the default where it is kept no more (the verdict names it)."""
        return self._by_digest.get(digest, self._default)

    def all(self) -> tuple[Policy, ...]:
        """Return every policy, each once: the default, those of relying parties, then the ones kept."""
        order = (self._default, *self._by_party.values(), *self._by_digest.values())
        return tuple({policy.digest: policy for policy in order}.values())

    def replace(self, default: Policy, by_party: Mapping[str, Policy] = _NOBODY) -> None:
        """Put others in force; the replaced ones are still found by digest."""
        self._default, self._by_party = default, dict(by_party)
        self._by_digest |= {policy.digest: policy for policy in (*self._by_party.values(), default)}


@dataclass(frozen=True, slots=True)
class RuleShape:
    """What the file says of a rule: the thresholds it knows, with their units in the name, and line types or none."""

    thresholds: frozenset[str]
    line_types: bool = False


def parse_policy(document: Table, shapes: Mapping[str, RuleShape]) -> Policy:
    """Check a parsed TOML document and make it a policy.

    `shapes` is the set of rules that exist. Raises PolicyError for unknown keys, missing rules and bad values.
    """
    only(document, {"name", "waiting", "contest", "monitoring", "rules", "levels"}, "")
    name = document.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise PolicyError(f"name: {name!r} is not a text of 1 to {MAX_NAME} printable characters")
    waiting = table_of(document, "waiting")
    only(waiting, {"contest_hours", "step_up_hours"}, "waiting.")
    contest = table_of(document, "contest")
    only(contest, {"ways"}, "contest.")
    rules = table_of(document, "rules")
    missing = sorted(set(shapes) - set(rules))
    if missing:
        raise PolicyError(f"rules.{missing[0]}: missing; every rule must be set, severity NOTE makes one a note")
    levels = table_of(document, "levels")
    only(levels, {level.name for level in _LEVELS}, "levels.")
    for level in _LEVELS:
        if level.name not in levels:
            raise PolicyError(f"levels.{level.name}: missing")
    settings = {code: _rule(code, table_of(rules, code, "rules."), shapes) for code in rules}
    requirements = {level: _level(level, table_of(levels, level.name, "levels.")) for level in _LEVELS}
    times = Waiting(
        contest=whole(waiting, "contest_hours", "waiting.", 1) * HOUR,
        step_up=whole(waiting, "step_up_hours", "waiting.", 1) * HOUR,
    )
    ways = choices(contest, "ways", "contest.", _WAYS)
    monitoring = _monitoring(table_of(document, "monitoring"))
    # Only now: what TOML can hold and JSON cannot has been refused above.
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Policy(
        name=name,
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
        rules=settings,
        levels=requirements,
        waiting=times,
        contest_ways=ways,
        monitoring=monitoring,
        document=canonical,
    )


def policy_of_document(text: str, shapes: Mapping[str, RuleShape]) -> Policy:
    """Read a policy from its `document`, however laid out; raises PolicyError as `parse_policy` does."""
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except PolicyError:
        raise
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"the policy is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise PolicyError(f"the policy is not a JSON object but {str(document)[:40]!r}")
    return parse_policy(document, shapes)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        twice = next(key for key, _ in pairs if [name for name, _ in pairs].count(key) > 1)
        raise PolicyError(f"{twice}: stands there more than once; once is right")
    return table


def _rule(code: str, table: Table, shapes: Mapping[str, RuleShape]) -> RuleSetting:
    if code not in shapes:
        raise PolicyError(f"rules.{code}: no such rule; the rules are {', '.join(sorted(shapes))}")
    shape, where = shapes[code], f"rules.{code}."
    lists = {"line_types"} if shape.line_types else set()
    only(table, shape.thresholds | lists | {"severity", "cap", "answers"}, where)
    severity = choice(table, "severity", where, Severity.__members__)
    thresholds = {key: whole(table, key, where) for key in sorted(shape.thresholds)}
    line_types = frozenset(choices(table, "line_types", where, LineType.__members__) if shape.line_types else ())
    answers: tuple[Answer, ...] = ()
    if severity is Severity.SEVERE:
        answers = choices(table, "answers", where, Answer.__members__)
    elif "answers" in table:
        raise PolicyError(f'{where}answers: only a rule of severity "SEVERE" can be answered')
    cap = None
    if severity in {Severity.CAUTION, Severity.SEVERE}:
        cap = choice(table, "cap", where, Level.__members__)
    elif "cap" in table:
        raise PolicyError(f'{where}cap: only a rule of severity "CAUTION" or "SEVERE" has a cap')
    return RuleSetting(severity, cap, thresholds, answers, line_types)


def _level(level: Level, table: Table) -> LevelRequirement:
    where = f"levels.{level.name}."
    only(table, {"methods", "before", "after", "max_signal_age_hours", "renews"}, where)
    table = {"before": [], "after": [], "max_signal_age_hours": 0, "renews": False, **table}
    methods = frozenset(choices(table, "methods", where, Method.__members__))
    if not methods:
        raise PolicyError(f"{where}methods: empty; name at least one of {', '.join(Method.__members__)}")
    if level > Level.LOW and methods != {Method.NETWORK}:
        # A code proves that somebody read it, who may have read it out to a stranger.
        raise PolicyError(f'{where}methods: a code alone is never above LOW; expected ["NETWORK"]')
    return LevelRequirement(
        methods=methods,
        before=choices(table, "before", where, _SIGNALS),
        after=choices(table, "after", where, _SIGNALS),
        max_signal_age=whole(table, "max_signal_age_hours", where) * HOUR,
        renews=truth(table, "renews", where),
    )


def _monitoring(table: Table) -> MonitoringSetting:
    where = "monitoring."
    only(table, {"reverify_days", "recheck_hours_watched", "recheck_hours_polled", "max_age_hours"}, where)
    return MonitoringSetting(
        reverify=whole(table, "reverify_days", where, 1) * DAY,
        recheck_watched=whole(table, "recheck_hours_watched", where, 1) * HOUR,
        recheck_polled=whole(table, "recheck_hours_polled", where, 1) * HOUR,
        max_age=whole(table, "max_age_hours", where) * HOUR,
    )
