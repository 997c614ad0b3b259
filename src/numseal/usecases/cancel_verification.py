"""Cancel a verification that has not come to its end."""

from dataclasses import dataclass

from numseal.domain.binding import uncontested
from numseal.domain.verification import Event, State, Verification
from numseal.ports.store import Needs, Rows, Store
from numseal.usecases.find_verification import find_verification


@dataclass(frozen=True, slots=True)
class _Cancel:
    verification_id: str
    contested_binding: str

    @property
    def needs(self) -> Needs:
        bindings = (self.contested_binding,) if self.contested_binding else ()
        return Needs(verifications=(self.verification_id,), bindings=bindings)

    def decide(self, rows: Rows) -> Verification:
        current = rows.verification(self.verification_id)
        if current is None:
            raise LookupError("the verification vanished while it was being canceled")
        current = current.at(rows.now)
        if current.state is State.CANCELED:
            return current
        canceled = current.on(Event.CANCELED, rows.now)
        rows.put_verification(canceled)
        contested = rows.binding(self.contested_binding) if self.contested_binding else None
        if contested is not None and (after := uncontested(contested, self.verification_id, rows.now)) is not contested:
            rows.put_binding(after)
        return canceled


class CancelVerification:
    """Cancels verifications of their relying party."""

    def __init__(self, *, store: Store) -> None:
        """Take the store."""
        self._store = store

    async def __call__(self, relying_party: str, verification_id: str) -> Verification:
        """Return the canceled verification, again for one canceled before; raises Refusal for one that has ended."""
        found = await find_verification(self._store, relying_party, verification_id)
        return (await self._store.apply(_Cancel(verification_id, found.contested_binding))).value
