"""What putting a challenge out writes down: further codes and pages are counted before, what came of one after."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from numseal.domain.agreement_quota import Hold
from numseal.domain.conversion import Conversion
from numseal.domain.errors import exhausted
from numseal.domain.evidence import Method
from numseal.domain.limits import MAX_SENDS, Budget, send_delay
from numseal.domain.verification import State, Verification, wrong_state
from numseal.ports.store import Needs, Rows
from numseal.usecases.operator_access import Permit, count_charges

MAX_PAGES = 5
"""Network pages of one verification."""


@dataclass(frozen=True, slots=True)
class Settle:
    """Write down what came of sending; gives the send budgets and what is held back where nothing was sent."""

    verification: Verification
    change: Callable[[Verification, int], Verification]
    refund: tuple[Budget, ...]
    holds: tuple[Hold, ...]

    @property
    def needs(self) -> Needs:
        """The verification and what is counted."""
        held = (hold.budget for hold in self.holds)
        return Needs(verifications=(self.verification.verification_id,), budgets=(*self.refund, *held))

    def decide(self, rows: Rows) -> Verification:
        """Write down, unless something else has happened since."""
        asked = self.verification
        current = _found(rows.verification(asked.verification_id)).at(rows.now)
        self._give_back(rows, current)
        settled = replace(current, settled_sends=max(current.settled_sends, asked.sends), held=())
        if (current.state, len(current.shown)) == (asked.state, len(asked.shown)):
            settled = self.change(settled, rows.now)
        # Else something else happened while the operator was asked, and stands.
        rows.put_verification(settled)
        return settled

    def _give_back(self, rows: Rows, current: Verification) -> None:
        """Give back what is owed: once it is written down what came of an order, nothing is any more."""
        owed = current.settled_sends < self.verification.sends
        if owed:
            for budget in self.refund:
                rows.spend(budget, -1)
        if owed or set(self.holds) & set(current.held):
            for hold in self.holds:
                if hold.returns(rows.now):
                    rows.spend(hold.budget, -hold.micros)


@dataclass(frozen=True, slots=True)
class ChargeResend:
    """Count a further code before it is sent."""

    verification_id: str
    request_id: str
    method: Method | None
    budgets: tuple[Budget, ...]
    conversion: Conversion
    states: frozenset[State]
    permit: Permit

    @property
    def needs(self) -> Needs:
        """The verification and what is counted."""
        charged = (charge.budget for charge in self.permit.charges)
        return Needs(
            verifications=(self.verification_id,), budgets=(*self.budgets, self.conversion.successes, *charged)
        )

    def decide(self, rows: Rows) -> Verification:
        """Count, or raise Refusal where state, ladder, budgets or conversion do not allow another code."""
        current = _found(rows.verification(self.verification_id)).at(rows.now)
        if current.state not in self.states:
            raise wrong_state(current, "send another code")
        if current.codes_counted >= MAX_SENDS:
            raise exhausted(
                "SENDS_EXHAUSTED",
                "this verification has had all its codes; start another when it has ended",
                quota="VERIFICATION_SENDS",
                retry_delay=current.expire_time - rows.now,
            )
        if rows.now < current.next_send_time:
            wait = current.next_send_time - rows.now
            raise exhausted(
                "RESEND_TOO_EARLY",
                f"the next code may be sent in {wait} s",
                quota="VERIFICATION_SENDS",
                retry_delay=wait,
            )
        for budget in self.budgets:
            if rows.spent(budget) >= budget.limit:
                raise budget.refuse(rows.now)
        self.conversion.check(rows.spent(self.conversion.sends), rows.spent(self.conversion.successes), rows.now)
        count_charges(rows, self.permit.charges)
        for budget in self.budgets:
            rows.spend(budget)
        following = send_delay(current.codes_counted + 1)
        method = self.method or (Method.SMS if current.opening.method is Method.NETWORK else current.opening.method)
        charged = replace(
            current,
            sends=current.sends + 1,
            next_send_time=rows.now + (following if following is not None else 0),
            resend_requests=(*current.resend_requests, self.request_id),
            held=self.permit.holds(rows.now),
            opening=current.opening if method is current.opening.method else replace(current.opening, method=method),
            update_time=rows.now,
        )
        rows.put_verification(charged)
        return charged


@dataclass(frozen=True, slots=True)
class ChargePage:
    """Count a network page before it is ordered."""

    verification_id: str
    budgets: tuple[Budget, ...]
    permit: Permit

    @property
    def needs(self) -> Needs:
        """The verification and what is counted."""
        charged = (charge.budget for charge in self.permit.charges)
        return Needs(verifications=(self.verification_id,), budgets=(*self.budgets, *charged))

    def decide(self, rows: Rows) -> Verification:
        """Count, or raise Refusal where no page may be opened."""
        current = _found(rows.verification(self.verification_id)).at(rows.now)
        if current.state is not State.STEP_UP_REQUIRED:
            raise wrong_state(current, "open a network page")
        if current.pages >= MAX_PAGES:
            raise exhausted(
                "PAGES_EXHAUSTED",
                "this verification has had all its network pages; start another when it has ended",
                quota="VERIFICATION_PAGES",
                retry_delay=current.expire_time - rows.now,
            )
        for budget in self.budgets:
            if rows.spent(budget) >= budget.limit:
                raise budget.refuse(rows.now)
        count_charges(rows, self.permit.charges)
        for budget in self.budgets:
            rows.spend(budget)
        charged = replace(current, pages=current.pages + 1, held=self.permit.holds(rows.now), update_time=rows.now)
        rows.put_verification(charged)
        return charged


def _found(verification: Verification | None) -> Verification:
    if verification is None:
        raise LookupError("the verification vanished while a code was being sent")
    return verification
