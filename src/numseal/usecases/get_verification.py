"""Read a verification; one that a crash left ASSESSING or PENDING is taken up again."""

from numseal.attestation.bundle import Bundle
from numseal.domain.errors import Kind, Refusal
from numseal.domain.verification import State, Verification
from numseal.ports.clock import Clock
from numseal.ports.store import Store
from numseal.usecases.assess import Assess
from numseal.usecases.find_verification import find_verification
from numseal.usecases.flights import Flights
from numseal.usecases.send_code import SendCode

_NOT_AGREED = frozenset({Kind.PERMISSION_DENIED, Kind.INVALID_ARGUMENT})
"""What an agreement that does not permit the next question is refused as."""


class GetVerification:
    """Reads verifications of their relying party."""

    def __init__(self, *, store: Store, assess: Assess, send_code: SendCode, clock: Clock, flights: Flights) -> None:
        """Take what it needs by name."""
        self._store = store
        self._assess = assess
        self._send_code = send_code
        self._clock = clock
        self._flights = flights

    async def __call__(self, relying_party: str, verification_id: str) -> tuple[Verification, Bundle | None]:
        """Return the verification as time has made it, with its bundle once VERIFIED.

        One whose operator may not be asked now is returned as it stands: it can be read in any case.
        """
        found = (await find_verification(self._store, relying_party, verification_id)).at(self._clock.now())
        if found.state is State.PENDING:
            found = await self._flights.join(f"send {verification_id}", lambda: self._send_code.first(found))
        try:
            return await self._assess(found)
        except Refusal as refusal:
            if refusal.reasoning.kind not in _NOT_AGREED:
                raise
            return found, None
