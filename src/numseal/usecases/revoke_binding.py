"""Revoke a binding on its relying party's word; never undone."""

from dataclasses import dataclass, replace

from numseal.domain.binding import LIVE, Binding, BindingState
from numseal.domain.errors import precondition
from numseal.ports.store import Needs, Rows, Store
from numseal.usecases.find_binding import find_binding


@dataclass(frozen=True, slots=True)
class _Revoke:
    binding: Binding
    reason: str

    @property
    def needs(self) -> Needs:
        return Needs(bindings=(self.binding.binding_id,))

    def decide(self, rows: Rows) -> Binding:
        current = rows.binding(self.binding.binding_id)
        if current is None:
            raise LookupError("the binding vanished while it was being revoked")
        if current.state is BindingState.REVOKED:
            return current
        if current.state not in LIVE:
            raise precondition(
                f"BINDING_{current.state}", f"the binding is {current.state}; only a live one can be revoked"
            )
        revoked = replace(
            current,
            state=BindingState.REVOKED,
            end_time=rows.now,
            end_reason=self.reason,
            contested_time=None,
        )
        rows.put_binding(revoked)
        return revoked


class RevokeBinding:
    """Revokes bindings."""

    def __init__(self, *, store: Store) -> None:
        """Take the store."""
        self._store = store

    async def __call__(self, relying_party: str, binding_id: str, reason: str) -> Binding:
        """Return the revoked binding, the same for one revoked before; raises Refusal for one that ended otherwise."""
        found = await find_binding(self._store, relying_party, binding_id)
        return (await self._store.apply(_Revoke(found, reason))).value
