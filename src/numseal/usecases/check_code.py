"""Take a code: count the guess durably, compare, and have the right one assessed."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from numseal.domain import otp
from numseal.domain.errors import invalid, unavailable
from numseal.domain.limits import MAX_GUESSES, Budget, Limits, guess_budgets, guess_delay
from numseal.domain.operator import CodeCheck, CodeOutcome
from numseal.domain.verification import Code, Event, State, Verification, wrong_state
from numseal.ports.operator_backend import OperatorBackend, OperatorError
from numseal.ports.store import Needs, Rows, Store
from numseal.usecases.device_key import check_key_proof
from numseal.usecases.find_verification import find_verification
from numseal.usecases.flights import Flights

CHECK_TIMEOUT = 3.0
"""Seconds an operator has to compare a code that it made."""

_log = logging.getLogger(__name__)


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
    budgets: tuple[Budget, Budget]

    @property
    def needs(self) -> Needs:
        return Needs(verifications=(self.verification_id,), budgets=self.budgets)

    def decide(self, rows: Rows) -> _Taken:
        current = _present(rows, self.verification_id)
        if current.accepted_digest:
            return self._again(rows, current)
        unfit = _unfit(current, rows.now)
        if unfit is not None:
            return _Taken(unfit, current)
        shared, reserved = self.budgets
        if rows.spent(shared) >= shared.limit and rows.spent(reserved) >= reserved.limit:
            raise shared.refuse(rows.now)
        live = current.live_codes(rows.now)
        for code in live:
            if code.digest and otp.same(code.digest, self.digest):
                accepted = _accept(current, code, self.digest, key_proven=self.key_proven, now=rows.now)
                rows.put_verification(accepted)
                return _Taken(CodeResult.MATCH, accepted)
        ask = next((code for code in live if not code.digest), None)
        for budget in self.budgets:
            rows.spend(budget)
        counted = _count(current, rows.now, final=ask is None)
        rows.put_verification(counted)
        return _Taken(CodeResult.MISMATCH, counted, ask)

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
    outcome: CodeOutcome | None

    @property
    def needs(self) -> Needs:
        return self.guess.needs

    def decide(self, rows: Rows) -> _Taken:
        current = _present(rows, self.guess.verification_id)
        if current.accepted_digest or current.state is not State.CODE_SENT:
            return _Taken(CodeResult.MATCH if self.outcome is CodeOutcome.MATCH else CodeResult.MISMATCH, current)
        if self.outcome is CodeOutcome.MATCH:
            given_back = self._give_back(rows, current)
            accepted = _accept(given_back, self.code, self.guess.digest, key_proven=self.guess.key_proven, now=rows.now)
            rows.put_verification(accepted)
            return _Taken(CodeResult.MATCH, accepted)
        if self.outcome in {None, CodeOutcome.EXPIRED}:
            given_back = self._give_back(rows, current)
            rows.put_verification(given_back)
            return _Taken(CodeResult.EXPIRED, given_back)
        ended = _end_if_exhausted(current, rows.now)
        if ended is not current:
            rows.put_verification(ended)
        return _Taken(CodeResult.MISMATCH, ended)

    def _give_back(self, rows: Rows, current: Verification) -> Verification:
        for budget in self.guess.budgets:
            rows.spend(budget, -1)
        return replace(current, guesses=current.guesses - 1, next_check_time=0)


class CheckCode:
    """Compares codes and has right ones assessed."""

    def __init__(
        self,
        *,
        store: Store,
        operators: Mapping[str, OperatorBackend],
        limits: Limits,
        code_key: bytes,
        flights: Flights,
    ) -> None:
        """Take what it needs by name; `code_key` has 32 bytes and is never stored."""
        self._store = store
        self._operators = operators
        self._limits = limits
        self._code_key = code_key
        self._flights = flights

    async def __call__(
        self, relying_party: str, verification_id: str, code: str, key_proof: bytes = b""
    ) -> tuple[CodeResult, Verification]:
        """Return what the code was found to be and the verification after it, ASSESSING for the right one.

        A wrong code is an answer, not an error. Raises Refusal for what is no code, for a verification that takes
        none, and for a used-up budget of the number.
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
            guess_budgets(self._limits, relying_party, opening.phone_number),
        )
        taken = await self._flights.join(f"guess {verification_id} {guess.digest}", lambda: self._take(guess, digits))
        if taken.verification.accepted_digest and taken.result is CodeResult.MISMATCH:
            raise wrong_state(taken.verification, "check another code")
        return taken.result, taken.verification

    async def _take(self, guess: _Guess, digits: str) -> _Taken:
        taken = (await self._store.apply(guess)).value
        if taken.ask is None:
            return taken
        opening = taken.verification.opening
        check = CodeCheck(
            request_id=f"{guess.verification_id}-check-{taken.verification.guesses}-{guess.digest[:16]}",
            phone_number=opening.phone_number,
            challenge=taken.ask.challenge,
            code=digits,
        )
        outcome, failure = await self._compare(opening.operator_id, check)
        taken = (await self._store.apply(_Conclude(guess, taken.ask, outcome))).value
        if outcome is None:
            raise unavailable(failure, "the operator that made the code did not compare it; no attempt was counted")
        return taken

    async def _compare(self, operator_id: str, check: CodeCheck) -> tuple[CodeOutcome | None, str]:
        """Return what the operator says of its code, or None and why it did not say."""
        backend = self._operators.get(operator_id)
        if backend is None:
            return None, "OPERATOR_NOT_CONNECTED"
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                return CodeOutcome((await backend.check_code(check)).outcome), ""
        except TimeoutError:
            return None, "TIMEOUT"
        except OperatorError as error:
            return None, error.reason
        except Exception:  # noqa: BLE001 - a backend is a plugin: whatever escapes it is no answer
            _log.exception("operator %s broke its contract in check_code", operator_id)
            return None, "BROKEN_CONTRACT"


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


def _accept(current: Verification, code: Code, digest: str, *, key_proven: bool, now: int) -> Verification:
    return current.on(
        Event.POSSESSION_SHOWN,
        now,
        accepted_digest=digest,
        accepted_method=code.method,
        accepted_sent_time=code.send_time,
        accepted_time=now,
        key_proven=key_proven,
    )


def _count(current: Verification, now: int, *, final: bool) -> Verification:
    guesses = current.guesses + 1
    delay = guess_delay(guesses) if guesses < MAX_GUESSES else 0
    counted = replace(current, guesses=guesses, next_check_time=now + delay if delay else 0, update_time=now)
    return _end_if_exhausted(counted, now) if final else counted


def _end_if_exhausted(current: Verification, now: int) -> Verification:
    if current.guesses < MAX_GUESSES:
        return current
    return current.on(Event.FAILED, now, failure="ATTEMPTS_EXHAUSTED")
