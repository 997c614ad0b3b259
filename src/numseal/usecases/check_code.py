"""Take a code: count the guess durably, compare, and have the right one assessed."""

from dataclasses import dataclass, replace
from enum import StrEnum

from numseal.domain import otp
from numseal.domain.agreement_quota import Charge
from numseal.domain.conversion import Conversion
from numseal.domain.errors import Refusal, invalid, unavailable
from numseal.domain.evidence import Method, Possession
from numseal.domain.limits import MAX_GUESSES, Budget, Limits, guess_budget, guess_delay
from numseal.domain.operator import CodeCheck, CodeOutcome
from numseal.domain.verification import Code, Event, State, Verification, wrong_state
from numseal.ports.store import Needs, Rows, Store
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.deliveries import Deliveries
from numseal.usecases.device_key import check_key_proof
from numseal.usecases.find_verification import find_verification
from numseal.usecases.flights import Flights
from numseal.usecases.operator_access import OperatorAccess, count_charges
from numseal.usecases.operator_failures import NOT_ASKED

CHECK_TIMEOUT = 3.0
"""Seconds an operator has to compare a code that it made."""


_DEAD = frozenset({CodeOutcome.EXPIRED, CodeOutcome.EXHAUSTED, CodeOutcome.USED, CodeOutcome.UNKNOWN})
"""What an operator says of a code that no further guess can match."""


class CodeResult(StrEnum):
    """What a code was found to be."""

    MATCH = "MATCH"
    MISMATCH = "MISMATCH"
    EXPIRED = "EXPIRED"
    EXHAUSTED = "EXHAUSTED"
    TOO_EARLY = "TOO_EARLY"


@dataclass(frozen=True, slots=True)
class _Taken:
    """What came of one guess; `ask` is the operator's code to be compared by the operator."""

    result: CodeResult
    verification: Verification
    ask: Code | None = None


@dataclass(frozen=True, slots=True)
class _Guess:
    """Count a guess and compare it with the codes that Numseal made.

    Count and comparison commit together, and nothing is answered before: no comparison escapes uncounted.
    """

    verification_id: str
    digest: str
    key_proven: bool
    budget: Budget
    successes: Budget
    deliveries: Deliveries
    charges: tuple[Charge, ...] = ()

    @property
    def needs(self) -> Needs:
        charged = (charge.budget for charge in self.charges)
        return Needs(verifications=(self.verification_id,), budgets=(self.budget, self.successes, *charged))

    def decide(self, rows: Rows) -> _Taken:
        current = _present(rows, self.verification_id)
        if current.accepted_digest:
            return self._again(rows, current)
        unfit = _unfit(current, rows.now)
        if unfit is not None:
            return _Taken(unfit, current)
        if rows.spent(self.budget) >= self.budget.limit:
            raise self.budget.refuse(rows.now)
        live = current.live_codes(rows.now)
        for code in live:
            if code.digest and otp.same(code.digest, self.digest):
                return _Taken(CodeResult.MATCH, self.accept(rows, current, code))
        ask = next((code for code in live if not code.digest), None)
        if ask is not None and current.guesses:
            # The first comparing by the operator was counted with its code.
            count_charges(rows, self.charges)
        rows.spend(self.budget)
        counted = _count(current, rows.now, final=ask is None)
        rows.put_verification(counted)
        return _Taken(CodeResult.MISMATCH, counted, ask)

    def accept(self, rows: Rows, current: Verification, code: Code) -> Verification:
        """Stage the acceptance of a code, with what its operator has said of its delivery."""
        delivery = self.deliveries.known(current.opening.operator_id, code)
        shown = Possession(code.method, code.send_time, rows.now, delivery)
        rows.spend(self.successes)
        accepted = current.on(
            Event.POSSESSION_SHOWN,
            rows.now,
            accepted_digest=self.digest,
            shown=(*current.shown, shown),
            key_proven=current.key_proven or self.key_proven,
        )
        rows.put_verification(accepted)
        return accepted

    def _again(self, rows: Rows, current: Verification) -> _Taken:
        """Answer a code that comes after the right one: the same again gets the same answer, another is refused."""
        if current.guesses < MAX_GUESSES:
            if otp.same(current.accepted_digest, self.digest):
                return _Taken(CodeResult.MATCH, current)
            rows.put_verification(replace(current, guesses=current.guesses + 1))
        return _Taken(CodeResult.MISMATCH, current)


@dataclass(frozen=True, slots=True)
class _Conclude:
    """Write down what the operator said of its code; the guess was counted before it was asked."""

    guess: _Guess
    code: Code
    outcome: CodeOutcome

    @property
    def needs(self) -> Needs:
        return self.guess.needs

    def decide(self, rows: Rows) -> _Taken:
        current = _present(rows, self.guess.verification_id)
        if current.accepted_digest:
            same = otp.same(current.accepted_digest, self.guess.digest)
            return _Taken(CodeResult.MATCH if same else CodeResult.MISMATCH, current)
        if current.state is not State.CODE_SENT:
            raise wrong_state(current, "check a code")
        if self.code not in current.codes:
            # It died while its operator was asked.
            return _Taken(CodeResult.EXPIRED, current)
        if self.outcome is CodeOutcome.MATCH:
            rows.spend(self.guess.budget, -1)
            given_back = replace(current, guesses=current.guesses - 1, next_check_time=0)
            return _Taken(CodeResult.MATCH, self.guess.accept(rows, given_back, self.code))
        concluded = current
        if self.outcome in _DEAD:
            # The operator compares this code no more; the person needs another.
            concluded = replace(current, codes=tuple(code for code in current.codes if code != self.code))
        concluded = _end_if_exhausted(concluded, rows.now)
        if concluded is not current:
            rows.put_verification(concluded)
        result = CodeResult.EXPIRED if self.outcome is CodeOutcome.EXPIRED else CodeResult.MISMATCH
        return _Taken(result, concluded)


@dataclass(frozen=True, slots=True)
class _GiveBack:
    """Take a guess back that certainly was not compared, since nobody was asked."""

    guess: _Guess

    @property
    def needs(self) -> Needs:
        return self.guess.needs

    def decide(self, rows: Rows) -> None:
        current = _present(rows, self.guess.verification_id)
        rows.spend(self.guess.budget, -1)
        if current.state is State.CODE_SENT:
            rows.put_verification(replace(current, guesses=current.guesses - 1, next_check_time=0))


class CheckCode:
    """Compares codes and has right ones assessed."""

    def __init__(
        self,
        *,
        store: Store,
        ask: AskOperator,
        access: OperatorAccess,
        limits: Limits,
        code_key: bytes,
        deliveries: Deliveries,
        flights: Flights,
    ) -> None:
        """Take what it needs by name; `code_key` has 32 bytes and is never stored."""
        self._deliveries = deliveries
        self._store = store
        self._ask = ask
        self._access = access
        self._limits = limits
        self._code_key = code_key
        self._flights = flights

    async def __call__(
        self, relying_party: str, verification_id: str, code: str, key_proof: bytes = b""
    ) -> tuple[CodeResult, Verification]:
        """Return what the code was found to be and the verification after it, ASSESSING for the right one.

        A wrong code is an answer, not an error. Raises Refusal for what is no code, for a verification that takes
        none, for a used-up budget of the number, and, where the operator made the code, without an agreement in force.
        """
        digits = code.replace(" ", "").replace("-", "") if len(code) <= 64 else ""  # noqa: PLR2004 - before any work
        if not otp.is_code(digits):
            raise invalid("code", "CODE_MALFORMED", "code: 4 to 10 digits are expected; no attempt was counted")
        found = await find_verification(self._store, relying_party, verification_id)
        opening = found.opening
        if key_proof:
            check_key_proof(opening.client.device_public_key_jwk, verification_id, key_proof)
        guess = _Guess(
            verification_id,
            otp.digest(self._code_key, verification_id, digits),
            bool(key_proof),
            guess_budget(self._limits, relying_party, opening.phone_number),
            Conversion.of(self._limits, relying_party, opening.phone_number).successes,
            self._deliveries,
            await self._permit(found),
        )
        flight = f"guess {verification_id} {guess.digest} {guess.key_proven}"
        taken = await self._flights.join(flight, lambda: self._take(guess, digits))
        if taken.verification.accepted_digest and taken.result is CodeResult.MISMATCH:
            raise wrong_state(taken.verification, "check another code")
        return taken.result, taken.verification

    async def _permit(self, found: Verification) -> tuple[Charge, ...]:
        """Return what one more comparing by the operator costs; nothing where none of its codes is waited for."""
        if found.state is not State.CODE_SENT or all(code.digest for code in found.codes):
            return ()
        return await self._access.check(self._access.of_opening(found.opening, Method.OPERATOR_CODE))

    async def _take(self, guess: _Guess, digits: str) -> _Taken:
        taken = (await self._store.apply(guess)).value
        if taken.ask is None:
            return taken
        opening = taken.verification.opening
        try:
            # It may have been suspended since it was asked for.
            agreement = self._access.of_opening(opening, Method.OPERATOR_CODE)
        except Refusal:
            await self._store.apply(_GiveBack(guess))
            raise
        check = CodeCheck(
            request_id=f"{guess.verification_id}-check-{taken.ask.send_time}-{guess.digest[:16]}",
            phone_number=opening.phone_number,
            challenge=taken.ask.challenge,
            code=digits,
        )
        outcome, failure = await self._ask.check_code(
            opening.operator_id, check, CHECK_TIMEOUT, agreement_id=agreement.agreement_id
        )
        if outcome is not None:
            return (await self._store.apply(_Conclude(guess, taken.ask, outcome))).value
        if failure not in NOT_ASKED:
            # It may have been compared, so it stays counted.
            raise unavailable(failure, "the operator that made the code did not answer; the attempt stays counted")
        await self._store.apply(_GiveBack(guess))
        raise unavailable(failure, "the operator that made the code was not asked; no attempt was counted")


def _present(rows: Rows, verification_id: str) -> Verification:
    current = rows.verification(verification_id)
    if current is None:
        raise LookupError("the verification vanished while a code was being checked")
    return current.at(rows.now)


def _unfit(current: Verification, now: int) -> CodeResult | None:
    """Return what a code is without being compared, None where it is to be; raises Refusal in a state without codes."""
    if current.state is not State.CODE_SENT and current.failure != "ATTEMPTS_EXHAUSTED":
        raise wrong_state(current, "check a code")
    if current.guesses >= MAX_GUESSES:
        # Also while the operator still compares the last guess: none runs beside it.
        return CodeResult.EXHAUSTED
    if now < current.next_check_time:
        return CodeResult.TOO_EARLY
    return None if current.live_codes(now) else CodeResult.EXPIRED


def _count(current: Verification, now: int, *, final: bool) -> Verification:
    guesses = current.guesses + 1
    delay = guess_delay(guesses) if guesses < MAX_GUESSES else 0
    counted = replace(current, guesses=guesses, next_check_time=now + delay if delay else 0, update_time=now)
    return _end_if_exhausted(counted, now) if final else counted


def _end_if_exhausted(current: Verification, now: int) -> Verification:
    if current.guesses < MAX_GUESSES:
        return current
    return current.on(Event.FAILED, now, failure="ATTEMPTS_EXHAUSTED")
