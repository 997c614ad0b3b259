"""Take what the operator's page returned to the client: ask whether the SIM that opened it has the number."""

from dataclasses import dataclass, replace
from enum import StrEnum

from numseal.domain import otp
from numseal.domain.errors import Refusal, invalid, unavailable
from numseal.domain.evidence import Method, Possession
from numseal.domain.limits import MAX_GUESSES
from numseal.domain.operator import CLOCK_SKEW, NetworkChecked, NetworkOffer, NetworkOutcome
from numseal.domain.verification import Event, NetworkPage, State, Verification, wrong_state
from numseal.ports.clock import Clock
from numseal.ports.store import Needs, Rows, Store
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.device_key import check_key_proof
from numseal.usecases.find_verification import find_verification
from numseal.usecases.flights import Flights
from numseal.usecases.operator_access import OperatorAccess
from numseal.usecases.operator_failures import NOT_ASKED

FINISH_TIMEOUT = 3.0
"""Seconds an operator has to say what its network found."""

MAX_AUTHORIZATION_CODE = 2_048
MAX_STATE = 128


class NetworkResult(StrEnum):
    """What the network said about the client's SIM."""

    MATCH = "MATCH"
    MISMATCH = "MISMATCH"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"


_RESULTS = {
    NetworkOutcome.MATCH: NetworkResult.MATCH,
    NetworkOutcome.MISMATCH: NetworkResult.MISMATCH,
    NetworkOutcome.EXPIRED: NetworkResult.EXPIRED,
    # A proof that another request has used proves nothing for this one.
    NetworkOutcome.USED: NetworkResult.EXPIRED,
    NetworkOutcome.UNKNOWN: NetworkResult.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class _Offered:
    """What came of an offer; `page` is set where the operator is to be asked."""

    result: NetworkResult
    verification: Verification
    page: NetworkPage | None = None


@dataclass(frozen=True, slots=True)
class _Offer:
    """Count an offer before the operator is asked, so that none escapes uncounted."""

    verification_id: str
    digest: str
    key_proven: bool

    @property
    def needs(self) -> Needs:
        return Needs(verifications=(self.verification_id,))

    def decide(self, rows: Rows) -> _Offered:
        current = _present(rows, self.verification_id)
        if current.accepted_digest:
            if otp.same(current.accepted_digest, self.digest):
                return _Offered(NetworkResult.MATCH, current)
            raise wrong_state(current, "check another network proof")
        if current.state is not State.NETWORK_PENDING or current.page is None:
            raise wrong_state(current, "check a network proof")
        if rows.now >= current.page.expire_time:
            return _Offered(NetworkResult.EXPIRED, current)
        counted = replace(current, guesses=current.guesses + 1, update_time=rows.now)
        if counted.guesses > MAX_GUESSES:
            counted = current.on(Event.FAILED, rows.now, failure="ATTEMPTS_EXHAUSTED")
            rows.put_verification(counted)
            return _Offered(NetworkResult.UNKNOWN, counted)
        rows.put_verification(counted)
        return _Offered(NetworkResult.UNKNOWN, counted, current.page)


@dataclass(frozen=True, slots=True)
class _Conclude:
    """Write down what the network found."""

    offer: _Offer
    page: NetworkPage
    checked: NetworkChecked

    @property
    def needs(self) -> Needs:
        return self.offer.needs

    def decide(self, rows: Rows) -> _Offered:
        current = _present(rows, self.offer.verification_id)
        if current.state is not State.NETWORK_PENDING or current.page != self.page:
            raise wrong_state(current, "check a network proof")
        result = _RESULTS[self.checked.outcome]
        if result is NetworkResult.MATCH and not self._of_this_page():
            # What the network saw before the page was there shows where the SIM was then.
            result = NetworkResult.EXPIRED
        if result is NetworkResult.MATCH:
            shown = Possession(
                Method.NETWORK,
                self.page.start_time,
                rows.now,
                statement_hash=self.checked.statement_hash,
                statement=self.checked.statement,
            )
            accepted = current.on(
                Event.POSSESSION_SHOWN,
                rows.now,
                accepted_digest=self.offer.digest,
                shown=(*current.shown, shown),
                guesses=current.guesses - 1,
                key_proven=current.key_proven or self.offer.key_proven,
            )
            rows.put_verification(accepted)
            return _Offered(result, accepted)
        if result is NetworkResult.MISMATCH:
            current = replace(current, network_mismatches=current.network_mismatches + 1, update_time=rows.now)
            rows.put_verification(current)
        return _Offered(result, current)

    def _of_this_page(self) -> bool:
        seen = self.checked.observe_time
        return seen is not None and seen >= self.page.start_time - CLOCK_SKEW


@dataclass(frozen=True, slots=True)
class _GiveBack:
    """Take an attempt back that certainly was not made, since nobody was asked."""

    offer: _Offer

    @property
    def needs(self) -> Needs:
        return self.offer.needs

    def decide(self, rows: Rows) -> None:
        current = _present(rows, self.offer.verification_id)
        if current.state is State.NETWORK_PENDING:
            rows.put_verification(replace(current, guesses=current.guesses - 1, update_time=rows.now))


class CheckNetworkProof:
    """Has network proofs checked by the operator that opened their page."""

    def __init__(
        self,
        *,
        store: Store,
        ask: AskOperator,
        access: OperatorAccess,
        code_key: bytes,
        clock: Clock,
        flights: Flights,
    ) -> None:
        """Take what it needs by name; `code_key` has 32 bytes and is never stored."""
        self._store = store
        self._ask = ask
        self._access = access
        self._code_key = code_key
        self._clock = clock
        self._flights = flights

    async def __call__(
        self, relying_party: str, verification_id: str, authorization_code: str, state: str, key_proof: bytes = b""
    ) -> tuple[NetworkResult, Verification]:
        """Return what the network said and the verification after it, ASSESSING for a match.

        The same proof again gets the same answer. Another SIM is an answer, not an error. Raises Refusal for a proof
        that is not of this verification's page, for a verification that takes none, and without an agreement in force.
        """
        if not 0 < len(authorization_code.encode()) <= MAX_AUTHORIZATION_CODE:
            raise invalid(
                "authorization_code",
                "AUTHORIZATION_CODE_MALFORMED",
                f"authorization_code: 1 to {MAX_AUTHORIZATION_CODE} bytes are expected, as the page returned them",
            )
        found = (await find_verification(self._store, relying_party, verification_id)).at(self._clock.now())
        if found.page is None:
            raise wrong_state(found, "check a network proof")
        if len(state) > MAX_STATE or not otp.same(found.page.state, state.encode("ascii", "replace").decode()):
            raise invalid(
                "state", "STATE_MISMATCH", "state: not that of this verification's page; no attempt was counted"
            )
        if key_proof:
            check_key_proof(found.opening.client.device_public_key_jwk, verification_id, key_proof)
        if found.state is State.NETWORK_PENDING:
            self._access.called(self._access.of_opening(found.opening, Method.NETWORK))
        digest = otp.proof_digest(self._code_key, verification_id, authorization_code)
        offer = _Offer(verification_id, digest, bool(key_proof))
        offered = await self._flights.join(
            f"proof {verification_id} {digest} {bool(key_proof)}", lambda: self._take(offer, authorization_code)
        )
        return offered.result, offered.verification

    async def _take(self, offer: _Offer, authorization_code: str) -> _Offered:
        offered = (await self._store.apply(offer)).value
        if offered.page is None:
            return offered
        opening, page = offered.verification.opening, offered.page
        try:
            # Counted with its page; the agreement may have been suspended since.
            agreement = self._access.of_opening(opening, Method.NETWORK)
        except Refusal:
            await self._store.apply(_GiveBack(offer))
            raise
        question = NetworkOffer(
            request_id=f"{offer.verification_id}-proof-{offer.digest[:32]}",
            phone_number=opening.phone_number,
            challenge=page.challenge,
            authorization_code=authorization_code,
            state=page.state,
        )
        checked, reason = await self._ask.finish_network_check(
            opening.operator_id, question, FINISH_TIMEOUT, agreement_id=agreement.agreement_id
        )
        if checked is None:
            if reason in NOT_ASKED:
                await self._store.apply(_GiveBack(offer))
            raise unavailable(reason, "the operator that opened the page did not answer; offer the same proof again")
        return (await self._store.apply(_Conclude(offer, page, checked))).value


def _present(rows: Rows, verification_id: str) -> Verification:
    current = rows.verification(verification_id)
    if current is None:
        raise LookupError("the verification vanished while a network proof was being checked")
    return current.at(rows.now)
