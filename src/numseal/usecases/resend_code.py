"""Send a further code for a verification that waits for one."""

from numseal.domain.errors import invalid
from numseal.domain.evidence import Method
from numseal.domain.verification import State, Verification
from numseal.ports.store import Store
from numseal.usecases.find_verification import find_verification
from numseal.usecases.flights import Flights
from numseal.usecases.send_code import SendCode
from numseal.usecases.start_verification import check_request_id

_WAITING = frozenset({State.CODE_SENT, State.NETWORK_PENDING})


class ResendCode:
    """Sends further codes, on the ladder and within the budgets."""

    def __init__(self, *, store: Store, send_code: SendCode, flights: Flights) -> None:
        """Take what it needs by name."""
        self._store = store
        self._send_code = send_code
        self._flights = flights

    async def __call__(
        self, relying_party: str, verification_id: str, method: Method | None, request_id: str
    ) -> Verification:
        """Return the verification after a further code; `method` None keeps that of the last code.

        The same `request_id` again sends nothing more. Raises Refusal before its time and for a used-up ladder.
        """
        check_request_id(request_id)
        if method is Method.NETWORK:
            raise invalid("method", "METHOD_NOT_SERVED", "method: a code goes by SMS, VOICE or OPERATOR_CODE")
        found = await find_verification(self._store, relying_party, verification_id)
        flight = f"resend {verification_id} {request_id}"
        if request_id and request_id in found.resend_requests:
            if found.state not in _WAITING or found.settled_sends >= found.sends:
                return found
            # Counted, and cut off before its outcome was written down.
            return await self._flights.join(flight, lambda: self._send_code.resume(found))
        return await self._flights.join(flight, lambda: self._send_code.resend(found, method, request_id))
