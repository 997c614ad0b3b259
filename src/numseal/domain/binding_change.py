"""What became of a binding, as its relying party is told it: derived from the binding before and after."""

from dataclasses import dataclass
from enum import StrEnum

from numseal.domain.binding import LIVE, Binding, BindingState
from numseal.domain.verdict import Finding


class ChangeKind(StrEnum):
    """What happened to a binding."""

    CREATED = "CREATED"
    RENEWED = "RENEWED"
    LEVEL_CHANGED = "LEVEL_CHANGED"
    CONTESTED = "CONTESTED"
    CONTEST_ENDED = "CONTEST_ENDED"
    SUSPENDED = "SUSPENDED"
    RESUMED = "RESUMED"
    REVOKED = "REVOKED"
    SUPERSEDED = "SUPERSEDED"
    EXPIRED = "EXPIRED"
    MONITORING_CHANGED = "MONITORING_CHANGED"


_ENDED = {
    BindingState.REVOKED: ChangeKind.REVOKED,
    BindingState.SUPERSEDED: ChangeKind.SUPERSEDED,
    BindingState.EXPIRED: ChangeKind.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class BindingChange:
    """One change; `sequence` is its place among all changes of the store, in the order of commit, from 1.

    `binding` is the binding after it, `findings` what was found with it, `commit_time` Unix seconds.
    """

    sequence: int
    kind: ChangeKind
    binding: Binding
    findings: tuple[Finding, ...]
    commit_time: int


def changes_between(before: Binding | None, after: Binding) -> tuple[ChangeKind, ...]:
    """Return what happened between two states of a binding, nothing where a relying party would see no difference.

    A binding that takes the place of its own account's earlier one of the same number is RENEWED, not CREATED: the
    caller marks it by `renews`.
    """
    if before is None:
        return (ChangeKind.RENEWED if after.renews else ChangeKind.CREATED,)
    if after.state is not before.state and after.state not in LIVE:
        return (_ENDED[after.state],)
    kinds = []
    if (after.contested_time is None) != (before.contested_time is None) or set(after.contests) - set(before.contests):
        kinds.append(ChangeKind.CONTEST_ENDED if after.contested_time is None else ChangeKind.CONTESTED)
    if after.state is not before.state:
        kinds.append(ChangeKind.SUSPENDED if after.state is BindingState.SUSPENDED else ChangeKind.RESUMED)
    if (after.level, after.reverify_by) != (before.level, before.reverify_by):
        kinds.append(ChangeKind.LEVEL_CHANGED)
    if (after.operator_id, after.monitoring) != (before.operator_id, before.monitoring):
        kinds.append(ChangeKind.MONITORING_CHANGED)
    return tuple(kinds)
