"""The check of a sustained rate: so many lookups a second for so long, and how long the slowest took."""

import asyncio
import math
from collections import Counter
from itertools import cycle

from numseal.api.operator.v1 import operator_pb2
from numseal.conformance.check import Lane, check
from numseal.conformance.clause import operator
from numseal.conformance.kit import NOWHERE, Kit, Refused
from numseal.conformance.results import Broken, expect_all

_LOOK_UP = operator_pb2.OPERATION_LOOK_UP_SUBSCRIBER


@check(
    "rate.lookups",
    "Lookups are answered in time at a sustained rate",
    operator("Rate.per_second", "Calls a second, at least 1."),
    Lane.LAST,
)
async def lookups(kit: Kit) -> str:
    """Send lookups at even intervals, whether the ones before were answered or not."""
    kit.need_signals()
    announced = [rate.per_second for rate in kit.told.rates if rate.operation == _LOOK_UP]
    per_second = min([kit.profile.per_second, *(rate for rate in announced if rate > 0)])
    count = per_second * kit.profile.seconds
    numbers = cycle(kit.profile.own or (NOWHERE,))
    took: list[float] = []
    failed: Counter[str] = Counter()

    async def one(at: float, number: str) -> None:
        await asyncio.sleep(at - kit.clock.monotonic())
        begun = kit.clock.monotonic()
        try:
            await kit.look_up(number)
        except Refused as error:
            failed[error.code.name] += 1
        else:
            took.append(kit.clock.monotonic() - begun)

    start = kit.clock.monotonic()
    await asyncio.gather(*(one(start + place / per_second, next(numbers)) for place in range(count)))
    if not took:
        raise Broken(f"none of {count} lookups at {per_second} a second was answered: {_shown(failed)}")
    took.sort()
    p50, p99 = (took[math.ceil(len(took) * share) - 1] * 1_000 for share in (0.5, 0.99))
    seen = f"{per_second}/s for {kit.profile.seconds} s: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {failed.total()} errors"
    problems = []
    if failed:
        hint = "; announce the rate that is accepted (GetCapabilitiesResponse.rates)" if not announced else ""
        problems.append(f"{seen} ({_shown(failed)}): every lookup is expected to be answered{hint}")
    elif p99 > kit.profile.p99_ms:
        problems.append(f"{seen}: a p99 of {kit.profile.p99_ms} ms at most is expected")
    expect_all(problems)
    return seen


def _shown(failed: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in failed.most_common())


CHECKS = (lookups,)
