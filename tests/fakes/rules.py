"""One rule over evidence to begin a test with, under the packaged policy.

find("SIM_RECENT", after=answer(sim_change=known(...)))     # its finding, or None
rests_on("SIM_RECENT", after=...)                           # the paths the finding names, or None
"""

from dataclasses import replace
from typing import Any

from fakes.evidence import NOW, answer, evidence, packaged_policy, previous
from numseal.domain.evidence import Lookup, LookupOutcome, Method, Possession, PreviousBinding, Subscriber
from numseal.domain.rules import RULES
from numseal.domain.rules.view import view_of
from numseal.domain.verdict import Finding

POLICY = packaged_policy()


def find(code: str, **changes: Any) -> Finding | None:
    """Apply one rule to evidence with these changes."""
    rule, _ = RULES[code]
    finding = rule(view_of(evidence(**changes)), POLICY.rules[code])
    assert finding is None or finding.code == code
    return finding


def rests_on(code: str, **changes: Any) -> tuple[str, ...] | None:
    """Return what the finding of one rule rests on, None where it finds nothing."""
    finding = find(code, **changes)
    return None if finding is None else finding.evidence


def no_answer() -> Lookup:
    """Make a lookup that was not answered."""
    return Lookup(LookupOutcome.UNANSWERED, "mts", NOW, failure="TIMEOUT")


def says_nothing() -> Lookup:
    """Make an answer whose signals are all UNKNOWN."""
    return replace(answer(), subscriber=Subscriber())


def shown(method: Method, **changes: Any) -> Possession:
    """Make a possession shown just now."""
    return replace(Possession(method, NOW - 30, NOW), **changes)


def own(**changes: Any) -> PreviousBinding:
    """Make an earlier binding of the same account."""
    return replace(previous(), same_account=True, **changes)
