"""Whether an operator may be asked: under an agreement in force now, for what it covers, within its quota.

Every use case that asks an operator comes here first, and again after whatever it waited for in between. A verification
that was begun has its whole course counted when it begins: what ends it is not refused for a quota, though it is where
the agreement is not in force any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from numseal.domain.agreement import Agreement, Agreements
from numseal.domain.agreement_quota import Charge, Hold, PriceList, cost_charge, verification_charge
from numseal.domain.errors import Refusal, precondition, unavailable
from numseal.domain.evidence import Method
from numseal.domain.verification import Opening
from numseal.ports.clock import Clock
from numseal.ports.store import Needs, Rows, Store
from numseal.usecases.agreement_rates import AgreementRates
from numseal.usecases.ask_operator import AskOperator

RETRY_DELAY = 10
"""Seconds after which an operator that did not tell its prices is asked for them again."""


@dataclass(frozen=True, slots=True)
class Permit:
    """What must be counted with the wish, before the operator is asked; `held` of it is the challenge's cost."""

    agreement: Agreement
    charges: tuple[Charge, ...] = ()
    held: int = 0

    def holds(self, now: int) -> tuple[Hold, ...]:
        """Return what is given back if the challenge certainly does not go out."""
        if not self.held:
            return ()
        return (Hold(self.agreement.agreement_id, self.agreement.quota.currency, self.held, now),)


def count_charges(rows: Rows, charges: Sequence[Charge]) -> None:
    """Count all of the charges, or none: raises Refusal QUOTA_EXCEEDED."""
    for charge in charges:
        if not charge.fits(rows.spent(charge.budget)):
            raise charge.refuse(rows.now)
    for charge in charges:
        rows.spend(charge.budget, charge.amount)


@dataclass(frozen=True, slots=True)
class _Count:
    """Count charges that no other command counts."""

    charges: tuple[Charge, ...]

    @property
    def needs(self) -> Needs:
        return Needs(budgets=tuple(charge.budget for charge in self.charges))

    def decide(self, rows: Rows) -> None:
        count_charges(rows, self.charges)


class OperatorAccess:
    """Grants access to operators."""

    def __init__(self, *, agreements: Agreements, ask: AskOperator, store: Store, clock: Clock) -> None:
        """Take what it needs by name."""
        self._agreements = agreements
        self._ask = ask
        self._store = store
        self._clock = clock
        self._rates = AgreementRates(clock)

    def agreement(
        self, relying_party: str, operator_id: str, method: Method | None = None, consent: str | None = None
    ) -> Agreement:
        """Return the agreement in force now; raises Refusal, as `Agreements.in_force` does."""
        now = self._clock.now()
        return self._agreements.in_force(relying_party, operator_id, now, method=method, consent=consent)

    def of_opening(self, opening: Opening, method: Method | None = None) -> Agreement:
        """Return the agreement in force for what a verification does next; by default for its present method."""
        return self.agreement(
            opening.relying_party, opening.operator_id, method or opening.method, opening.consent_reference
        )

    def methods(self, opening: Opening) -> tuple[Method, ...]:
        """Return the methods that a verification may go on by: covered, and not known to be none of the operator's."""
        told = self._ask.known_capabilities(opening.operator_id)
        return tuple(
            method for method in Method if (told is None or method in told.methods) and self._covers(opening, method)
        )

    async def begin(self, agreement: Agreement, method: Method) -> Permit:
        """Permit a verification: a lookup, a challenge and another lookup; raises Refusal QUOTA_EXCEEDED, COST_UNKNOWN.

        The last of these calls counts for the rate when it is made.
        """
        looked, challenge = await self._costs(agreement, lookups=2, method=method)
        self._rates.take(agreement, 2)
        charges = (*verification_charge(agreement), *cost_charge(agreement, looked + challenge))
        return Permit(agreement, charges, challenge)

    async def challenge(self, agreement: Agreement, method: Method, lookups: int) -> Permit:
        """Permit one more challenge of a verification, with so many lookups that it brings."""
        looked, challenge = await self._costs(agreement, lookups=lookups, method=method)
        self._rates.take(agreement, 1)
        return Permit(agreement, cost_charge(agreement, looked + challenge), challenge)

    async def lookups(self, agreement: Agreement, count: int = 1) -> tuple[Charge, ...]:
        """Permit lookups: return what must be counted before they are made."""
        looked, _ = await self._costs(agreement, lookups=count)
        self._rates.take(agreement, 1)
        return cost_charge(agreement, looked)

    async def check(self, agreement: Agreement) -> tuple[Charge, ...]:
        """Permit the operator's comparing of a code; the first of a code was counted with the code."""
        self._rates.take(agreement, 1)
        if not agreement.quota.daily_cost_cap_micros:
            return ()
        return cost_charge(agreement, _known((await self._prices(agreement)).check(), agreement, "CHECK_CODE"))

    async def watch(self, agreement: Agreement) -> None:
        """Permit and count a watch."""
        cost = 0
        if agreement.quota.daily_cost_cap_micros:
            cost = _known((await self._prices(agreement)).watch(), agreement, "WATCH_SUBSCRIBER")
        self._rates.take(agreement, 1)
        await self.count(cost_charge(agreement, cost))

    async def count(self, charges: tuple[Charge, ...]) -> None:
        """Count charges durably that are counted with nothing else."""
        if charges:
            await self._store.apply(_Count(charges))

    def called(self, agreement: Agreement) -> None:
        """Count a call for the rate that ends what was permitted before."""
        self._rates.count(agreement)

    def _covers(self, opening: Opening, method: Method) -> bool:
        try:
            self.of_opening(opening, method)
        except Refusal:
            return False
        return True

    async def _costs(self, agreement: Agreement, *, lookups: int, method: Method | None = None) -> tuple[int, int]:
        """Return the cost of so many lookups, and of a challenge; not worked out where there is no cap."""
        if not agreement.quota.daily_cost_cap_micros:
            return 0, 0
        prices = await self._prices(agreement)
        looked = _known(prices.lookup(agreement.signals), agreement, "LOOK_UP_SUBSCRIBER") if lookups else 0
        challenge = 0 if method is None else _known(prices.challenge(method), agreement, f"a {method} challenge")
        return lookups * looked, challenge

    async def _prices(self, agreement: Agreement) -> PriceList:
        told = await self._ask.capabilities(agreement.operator_id)
        if told is None:
            raise unavailable(
                "COST_UNKNOWN",
                f"operator {agreement.operator_id} does not tell its prices now, and the agreement caps the cost",
                retry_delay=RETRY_DELAY,
            )
        return PriceList(told.prices, agreement.quota.currency, told.signals)


def _known(cost: int | None, agreement: Agreement, what: str) -> int:
    if cost is None:
        raise _unpriced(agreement, what)
    return cost


def _unpriced(agreement: Agreement, what: str) -> Refusal:
    return precondition(
        "COST_UNKNOWN",
        f"operator {agreement.operator_id} announces no price in {agreement.quota.currency} for {what}, and the "
        "agreement caps the cost",
    )
