"""What is counted against an agreement in a day: verifications, and cost by the prices that its operator announces.

A charge is counted durably before the operator is asked. Only what has a limit is counted. Costs are an upper bound:
what was counted for a challenge that certainly did not go out is given back, nothing else is.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from numseal.domain.agreement import Agreement
from numseal.domain.errors import Refusal, exhausted
from numseal.domain.evidence import Method
from numseal.domain.limits import DAY, Budget
from numseal.domain.operator import Operation, Price

VERIFICATIONS, COST, CALLS = "AGREEMENT_VERIFICATIONS", "AGREEMENT_COST", "AGREEMENT_CALLS"
"""What a QUOTA_EXCEEDED names as the quota."""


@dataclass(frozen=True, slots=True)
class Charge:
    """Count `amount` against a budget whose limit must hold with it."""

    budget: Budget
    amount: int

    def fits(self, spent: int) -> bool:
        """Tell whether the budget has room for it."""
        return spent + self.amount <= self.budget.limit

    def refuse(self, now: int) -> Refusal:
        """Return the refusal for when it has not."""
        return exceeded(self.budget.name, self.budget.end(now) - now)


@dataclass(frozen=True, slots=True)
class Hold:
    """What was counted, and when, for a challenge that has not gone out yet; given back where it certainly did not."""

    agreement_id: str
    currency: str
    micros: int
    time: int

    @property
    def budget(self) -> Budget:
        """Where it was counted; the limit is not looked at when something is given back."""
        return _cost_budget(self.agreement_id, self.currency, 0)

    def returns(self, now: int) -> bool:
        """Tell whether it may be given back: a day's room is not made out of another's."""
        return self.budget.row(self.time) == self.budget.row(now)


def exceeded(quota: str, retry_delay: int) -> Refusal:
    """Return the refusal for an agreement's quota that is used up, and frees in so many seconds."""
    return exhausted(
        "QUOTA_EXCEEDED",
        f"the agreement's quota {quota} is used up; it frees in {retry_delay} s",
        quota=quota,
        retry_delay=retry_delay,
    )


def verification_charge(agreement: Agreement) -> tuple[Charge, ...]:
    """Return what one more verification counts against; nothing where there is no limit."""
    limit = agreement.quota.daily_verifications
    return (Charge(Budget(VERIFICATIONS, agreement.agreement_id, limit, DAY), 1),) if limit else ()


def cost_charge(agreement: Agreement, micros: int) -> tuple[Charge, ...]:
    """Return what a cost counts against; nothing where there is no cap."""
    quota = agreement.quota
    if not quota.daily_cost_cap_micros or not micros:
        return ()
    return (Charge(_cost_budget(agreement.agreement_id, quota.currency, quota.daily_cost_cap_micros), micros),)


def _cost_budget(agreement_id: str, currency: str, cap: int) -> Budget:
    return Budget(COST, f"{agreement_id}|{currency}", cap, DAY)


class PriceList:
    """An operator's prices in one currency. A price that is not announced is not known, and not zero."""

    def __init__(self, prices: Iterable[Price], currency: str, supported: Collection[str]) -> None:
        """Take the prices, the currency that counts, and the signals that the operator gives at all."""
        self._prices = [price for price in prices if price.currency == currency]
        self._supported = frozenset(supported)

    def lookup(self, signals: Iterable[str]) -> int | None:
        """Return what a lookup of signals costs: the price of one, and of each signal that has its own."""
        own = {price.signal: price.price_micros for price in self._of(Operation.LOOK_UP_SUBSCRIBER)}
        asked = [name for name in signals if name in self._supported]
        if "" not in own and (not own or any(name not in own for name in asked)):
            return None
        return own.get("", 0) + sum(own.get(name, 0) for name in asked)

    def challenge(self, method: Method) -> int | None:
        """Return what a challenge costs: a code with the comparing of it where the operator does that, or a page."""
        if method is Method.NETWORK:
            return self._one(Operation.NETWORK_CHECK)
        sent = self._one(Operation.SEND_CODE, method)
        checked = self.check() if method is Method.OPERATOR_CODE else 0
        return None if sent is None or checked is None else sent + checked

    def check(self) -> int | None:
        """Return what comparing a code of the operator's costs."""
        return self._one(Operation.CHECK_CODE)

    def watch(self) -> int | None:
        """Return what watching a number costs."""
        return self._one(Operation.WATCH_SUBSCRIBER)

    def _one(self, operation: Operation, method: Method | None = None) -> int | None:
        prices = {price.method: price.price_micros for price in self._of(operation)}
        return prices[method] if method in prices else prices.get(None)

    def _of(self, operation: Operation) -> list[Price]:
        return [price for price in self._prices if price.operation is operation]
