"""How many calls a second an agreement allows: a token bucket each, within this process.

A worker that shares the store with others would have its share of the rate; one process owns the store, so this is all
of it. Whatever is counted here is lost with the process, a second of calls.
"""

import math
from dataclasses import dataclass

from numseal.domain.agreement import Agreement
from numseal.domain.agreement_quota import CALLS, exceeded
from numseal.ports.clock import Clock


@dataclass(slots=True)
class _Bucket:
    tokens: float
    time: float


class AgreementRates:
    """Counts calls to operators. Owns a bucket an agreement that has a rate; each holds a second's calls."""

    def __init__(self, clock: Clock) -> None:
        """Take the clock."""
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, agreement: Agreement, calls: int) -> None:
        """Count calls that begin something; raises Refusal QUOTA_EXCEEDED while the bucket is empty.

        What begins may take more than is left, or a rate of 1 would never let a verification begin that takes two: the
        next then waits the longer.
        """
        bucket = self._filled(agreement)
        if bucket is None:
            return
        if bucket.tokens < 1:
            wait = (1 - bucket.tokens) / agreement.quota.calls_per_second
            raise exceeded(CALLS, max(1, math.ceil(wait)))
        bucket.tokens -= calls

    def count(self, agreement: Agreement, calls: int = 1) -> None:
        """Count calls that end what was begun: they are not refused, and what begins next waits for them."""
        bucket = self._filled(agreement)
        if bucket is not None:
            bucket.tokens -= calls

    def _filled(self, agreement: Agreement) -> _Bucket | None:
        rate, name = agreement.quota.calls_per_second, agreement.agreement_id
        if not rate:
            self._buckets.pop(name, None)
            return None
        now = self._clock.monotonic()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(rate, now)
        bucket.tokens = min(rate, bucket.tokens + (now - bucket.time) * rate)
        bucket.time = now
        return bucket
