"""Bindings: that an account holds a number, and what a relying party is told when an account shows one."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from numseal.domain.evidence import Facts, Method
from numseal.domain.report import Report
from numseal.domain.verdict import Finding, Level, Severity

LIFETIME = 30 * 86_400
"""Seconds that a binding vouches without being verified again; its attestation expires with it."""


class BindingState(StrEnum):
    """What became of a binding."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    SUPERSEDED = "SUPERSEDED"


LIVE = frozenset({BindingState.ACTIVE, BindingState.SUSPENDED})
"""The states that hold a number: at most one such binding per relying party and number."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A number bound to an account of a relying party; times in Unix seconds.

    `observed_time` is when the operator was last asked. `contested_time` is when another account last showed a
    right code for the number. `jti` names the attestation, `leaf_index` its place in the log.
    `account_key` is the RFC 7638 thumbprint of the account's proven key, if any. `end_reason` is UPPER_SNAKE.
    """

    binding_id: str
    relying_party: str
    account_id: str
    phone_number: str
    state: BindingState
    level: Level
    method: Method
    operator_id: str
    verification_id: str
    jti: str
    leaf_index: int
    verified_time: int
    observed_time: int
    expire_time: int
    facts: Facts
    purpose: str = ""
    region_code: str = ""
    account_key: str = ""
    supersedes: tuple[str, ...] = ()
    superseded_by: str = ""
    contested_time: int | None = None
    end_time: int | None = None
    end_reason: str = ""
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True, slots=True)
class BindingRow:
    """The narrow part of a binding that a check needs; `same_number` says whether it is for the number shown."""

    binding_id: str
    same_number: bool
    state: BindingState
    level: Level
    verified_time: int
    observed_time: int
    expire_time: int
    contested_time: int | None


class CheckResult(StrEnum):
    """The answer to: does the number shown belong to this account?"""

    GENUINE = "GENUINE"
    SPOOFED = "SPOOFED"
    UNVERIFIED = "UNVERIFIED"
    STALE = "STALE"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    SUPERSEDED = "SUPERSEDED"


@dataclass(frozen=True, slots=True)
class Check:
    """The answer with its reasons; `binding` is the one that decided, if any."""

    result: CheckResult
    level: Level
    findings: tuple[Finding, ...]
    binding: BindingRow | None


_ENDED = {BindingState.REVOKED: CheckResult.REVOKED, BindingState.SUPERSEDED: CheckResult.SUPERSEDED}


def check_number(
    rows: Sequence[BindingRow],
    *,
    held_by_other: bool,
    min_level: Level,
    max_age: int | None,
    now: int,
) -> Check:
    """Judge a number shown by an account; the first of these that holds is the answer.

    1. SUSPENDED: the account's binding of this number is suspended.
    2. STALE: it is past its time, or observed longer than `max_age` seconds ago.
    3. UNVERIFIED: its level is below `min_level`.
    4. GENUINE: it is none of these.
    5. SUPERSEDED or REVOKED: the account had this number, and the newest such binding ended so.
    6. SPOOFED: another account of this relying party holds the number, or this account holds other numbers only.
    7. UNVERIFIED: nothing is known.

    `rows` are all bindings of the account, in any order.
    """
    own = [row for row in rows if row.same_number]
    for row in own:
        if row.state in LIVE:
            return _live(row, min_level, max_age, now)
    if own:
        newest = max(own, key=lambda row: (row.verified_time, row.binding_id))
        result = _ENDED[newest.state]
        return Check(
            result,
            Level.NONE,
            _why(f"BINDING_{newest.state}", f"The account's binding is {newest.state}."),
            newest,
        )
    if held_by_other:
        why = _why("NUMBER_HELD_BY_ANOTHER_ACCOUNT", "The number is bound to another account.")
        return Check(CheckResult.SPOOFED, Level.NONE, why, None)
    if any(row.state in LIVE for row in rows):
        why = _why("ACCOUNT_HOLDS_ANOTHER_NUMBER", "The account is bound to another number, not to this one.")
        return Check(CheckResult.SPOOFED, Level.NONE, why, None)
    why = _why("NOT_BOUND", "Neither the account nor the number is bound.")
    return Check(CheckResult.UNVERIFIED, Level.NONE, why, None)


def _live(row: BindingRow, min_level: Level, max_age: int | None, now: int) -> Check:
    contested: tuple[Finding, ...] = ()
    if row.contested_time is not None:
        contested = _why("CONTESTED", "Another account has shown a right code for this number.")
    if row.state is BindingState.SUSPENDED:
        why = _why("BINDING_SUSPENDED", "The binding is suspended.")
        return Check(CheckResult.SUSPENDED, Level.NONE, contested + why, row)
    if now >= row.expire_time:
        why = _why("BINDING_EXPIRED", "The binding has not been verified again in time.")
        return Check(CheckResult.STALE, Level.NONE, contested + why, row)
    if max_age is not None and now - row.observed_time > max_age:
        why = _why("OBSERVATION_TOO_OLD", "The operator was last asked longer ago than the caller allows.")
        return Check(CheckResult.STALE, row.level, contested + why, row)
    if row.level < min_level:
        why = _why("LEVEL_BELOW_MINIMUM", f"The binding's level is {row.level.name}, below {min_level.name}.")
        return Check(CheckResult.UNVERIFIED, row.level, contested + why, row)
    return Check(CheckResult.GENUINE, row.level, contested, row)


def _why(code: str, sentence: str) -> tuple[Finding, ...]:
    return (Finding(code, Severity.NOTE, sentence),)
