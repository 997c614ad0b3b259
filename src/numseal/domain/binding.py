"""Bindings: that an account holds a number, and what a relying party is told when an account shows one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    EXPIRED = "EXPIRED"


class Monitoring(StrEnum):
    """How Numseal learns what happens to a bound number: the operator's events, being asked, or not at all."""

    WATCHED = "WATCHED"
    POLLED = "POLLED"
    UNMONITORED = "UNMONITORED"


LIVE = frozenset({BindingState.ACTIVE, BindingState.SUSPENDED})
"""The states that hold a number: at most one such binding per relying party and number."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A number bound to an account of a relying party; times in Unix seconds.

    `observed_time` is when the operator last said something of the number. `contested_time` is when another account
    last showed a right code for it; `contests` are the verifications that contest it, the newest
    last, and `contest_end` is when the last of them ends. `jti` names the attestation, `leaf_index` its
    place in the log. `account_key` is the RFC 7638 thumbprint of the account's proven key, if any, and `account_jwk`
    that key. `end_reason` is UPPER_SNAKE, of a suspension too. `reverify_by` is when control must be shown again at
    the latest. `sim_changed_time` is when the SIM changed since the binding was made, as far as is known.
    `agreement_id` is that under which the operator is asked again, `recheck_time` when that is due. `watch_id` is the
    operator's name for the watch, in WATCHED. `findings` are those since the binding was made, the newest last.
    `renews` tells that it took the place of its own account's earlier binding of the number.
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
    account_jwk: str = ""
    contests: tuple[str, ...] = ()
    contest_end: int | None = None
    reverify_by: int | None = None
    sim_changed_time: int | None = None
    agreement_id: str = ""
    consent_reference: str = ""
    monitoring: Monitoring = Monitoring.UNMONITORED
    watch_id: str = ""
    recheck_time: int = 0
    update_time: int = 0
    findings: tuple[Finding, ...] = ()
    renews: bool = False


MAX_CONTESTS = 16
"""Contests that a binding keeps apart; they end with the last of them."""


def contested(binding: Binding, verification_id: str, end: int, now: int) -> Binding:
    """Return a binding that a verification contests, until `end` at the latest."""
    return replace(
        binding,
        contested_time=now,
        contests=(*(known for known in binding.contests if known != verification_id), verification_id)[-MAX_CONTESTS:],
        contest_end=max(end, binding.contest_end or 0),
        recheck_time=min(binding.recheck_time, end),
        update_time=now,
    )


def uncontested(binding: Binding, verification_id: str, now: int) -> Binding:
    """Return a binding that a verification contests no more; the contests of others go on."""
    if verification_id not in binding.contests:
        return binding
    others = tuple(known for known in binding.contests if known != verification_id)
    if others:
        return replace(binding, contests=others)
    return replace(binding, contested_time=None, contests=(), contest_end=None, update_time=now)


@dataclass(frozen=True, slots=True)
class BindingRow:
    """The narrow part of a binding that a check needs; `same_number` says whether it is for the number shown.

    `watched_by` is the operator that sends events about the number, empty where none does.
    """

    binding_id: str
    same_number: bool
    state: BindingState
    level: Level
    verified_time: int
    observed_time: int
    expire_time: int
    contested_time: int | None
    reverify_by: int | None = None
    watched_by: str = ""


SILENCE = 60
"""Seconds without a sign of life after which an operator's events are taken to be interrupted."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An operator's stream of events: since when it has no gap, and when it last showed life; Unix seconds."""

    since: int
    heard: int

    def silent(self, now: int) -> bool:
        """Tell whether freshness has stopped."""
        return now - self.heard > SILENCE

    def observed(self, observed_time: int) -> int:
        """Return until when a watched number last observed at `observed_time` is known to be as it was then."""
        return self.heard if self.since <= observed_time < self.heard else observed_time


NEVER_HEARD = Stream(0, 0)
NO_STREAMS: Mapping[str, Stream] = {}


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
    """The answer with its reasons; `binding` is the one that decided, if any, known until `observed_time`."""

    result: CheckResult
    level: Level
    findings: tuple[Finding, ...]
    binding: BindingRow | None
    observed_time: int | None = None


_ENDED = {
    BindingState.REVOKED: CheckResult.REVOKED,
    BindingState.SUPERSEDED: CheckResult.SUPERSEDED,
    BindingState.EXPIRED: CheckResult.STALE,
}


def check_number(
    rows: Sequence[BindingRow],
    *,
    held_by_other: bool,
    min_level: Level,
    max_age: int | None,
    now: int,
    streams: Mapping[str, Stream] = NO_STREAMS,
) -> Check:
    """Judge a number shown by an account; the first of these that holds is the answer.

    1. SUSPENDED: the account's binding of this number is suspended.
    2. STALE: it is past its time, or control was to be shown again by now, or it was observed longer than `max_age`
       seconds ago.
    3. UNVERIFIED: its level is below `min_level`.
    4. GENUINE: it is none of these.
    5. SUPERSEDED, REVOKED or STALE: the account had this number, and the newest such binding was replaced, was revoked,
       or expired; one that expired is SUPERSEDED where another account holds the number.
    6. SPOOFED: another account of this relying party holds the number, or this account holds other numbers only.
    7. UNVERIFIED: nothing is known.

    `rows` are all bindings of the account, in any order; `streams` those of the operators that send events. A watched
    number that was observed since its stream has no gap is observed as long as the stream shows life.
    """
    own = [row for row in rows if row.same_number]
    for row in own:
        if row.state in LIVE:
            return _live(row, min_level, max_age, now, streams)
    if own:
        return _ended(max(own, key=lambda row: (row.verified_time, row.binding_id)), held_by_other=held_by_other)
    if held_by_other:
        why = _why("NUMBER_HELD_BY_ANOTHER_ACCOUNT", "The number is bound to another account.")
        return Check(CheckResult.SPOOFED, Level.NONE, why, None)
    if any(row.state in LIVE for row in rows):
        why = _why("ACCOUNT_HOLDS_ANOTHER_NUMBER", "The account is bound to another number, not to this one.")
        return Check(CheckResult.SPOOFED, Level.NONE, why, None)
    why = _why("NOT_BOUND", "Neither the account nor the number is bound.")
    return Check(CheckResult.UNVERIFIED, Level.NONE, why, None)


def _live(row: BindingRow, min_level: Level, max_age: int | None, now: int, streams: Mapping[str, Stream]) -> Check:
    notes: tuple[Finding, ...] = ()
    observed = row.observed_time
    if row.contested_time is not None:
        notes = _why("CONTESTED", "Another account has shown a right code for this number.")
    if row.watched_by:
        stream = streams.get(row.watched_by, NEVER_HEARD)
        observed = stream.observed(observed)
        if stream.silent(now):
            notes += _why("MONITORING_INTERRUPTED", "The operator's events have not come for over a minute.")
    if row.state is BindingState.SUSPENDED:
        why = _why("BINDING_SUSPENDED", "The binding is suspended.")
        return Check(CheckResult.SUSPENDED, Level.NONE, notes + why, row, observed)
    if now >= row.expire_time:
        why = _why("BINDING_EXPIRED", "The binding has not been verified again in time.")
        return Check(CheckResult.STALE, Level.NONE, notes + why, row, observed)
    if row.reverify_by is not None and now >= row.reverify_by:
        why = _why("REVERIFICATION_OVERDUE", "Control was to be shown again after a change of the SIM, and was not.")
        return Check(CheckResult.STALE, row.level, notes + why, row, observed)
    if max_age is not None and now - observed > max_age:
        why = _why("OBSERVATION_TOO_OLD", "The operator last said something longer ago than is allowed.")
        return Check(CheckResult.STALE, row.level, notes + why, row, observed)
    if row.level < min_level:
        why = _why("LEVEL_BELOW_MINIMUM", f"The binding's level is {row.level.name}, below {min_level.name}.")
        return Check(CheckResult.UNVERIFIED, row.level, notes + why, row, observed)
    return Check(CheckResult.GENUINE, row.level, notes, row, observed)


def _ended(row: BindingRow, *, held_by_other: bool) -> Check:
    if row.state is BindingState.EXPIRED and held_by_other:
        why = _why("NUMBER_HELD_BY_ANOTHER_ACCOUNT", "The binding expired, and another account holds the number.")
        return Check(CheckResult.SUPERSEDED, Level.NONE, why, row, row.observed_time)
    why = _why(f"BINDING_{row.state}", f"The account's binding is {row.state}.")
    return Check(_ENDED[row.state], Level.NONE, why, row, row.observed_time)


def _why(code: str, sentence: str) -> tuple[Finding, ...]:
    return (Finding(code, Severity.NOTE, sentence),)
