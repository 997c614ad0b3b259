"""What the storm blows over: a server's parts in this process, and bindings that simulated operators watch.

Bindings are written as a verification leaves them; to sign all of them up is `scripts/bench`'s to measure.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from benchmark.subjects import Subject, subjects

from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.apps.wiring import Parts
from numseal.domain.binding import LIFETIME, Binding, BindingState, Monitoring
from numseal.domain.evidence import Facts, Method
from numseal.domain.verdict import Level
from numseal.ports.clock import Clock
from numseal.ports.store import Needs, Rows

PARTY = "demo-messenger"
STORMY = ("beeline", "megafon", "mts", "t2")
"""Operators whose events come all at once."""

CALM = ("telekom-de",)
"""Those whose events come one by one meanwhile."""

AGE = 2 * 86_400
"""Seconds since the bindings were made."""

_BATCH = 256


class StormError(Exception):
    """The storm could not be measured."""


@dataclass(frozen=True, slots=True)
class _Bind:
    bindings: tuple[Binding, ...]

    @property
    def needs(self) -> Needs:
        return Needs(subjects=tuple((made.relying_party, made.phone_number) for made in self.bindings))

    def decide(self, rows: Rows) -> None:
        for made in self.bindings:
            rows.put_binding(made)


class Ground:
    """Gives out subjects and binds them; `network` is the simulated one behind the parts."""

    def __init__(self, parts: Parts, clock: Clock, seed: int) -> None:
        """Take a server's parts, whose simulator draws from `seed`."""
        if not isinstance(parts.served.network, SimulatedNetwork):
            raise StormError("the server has no simulated operators")
        self.parts = parts
        self.clock = clock
        self.network = parts.served.network
        self._subjects: dict[tuple[str, ...], Iterator[Subject]] = {
            names: self._of(names, seed) for names in (STORMY, CALM)
        }
        self._bound = 0

    def _of(self, operators: Sequence[str], seed: int) -> Iterator[Subject]:
        for subject in subjects(seed):
            if self.network.plan.owner(subject.phone_number) in operators:
                yield subject

    async def bind(self, operators: tuple[str, ...], count: int) -> list[Subject]:
        """Bind so many more subjects of these operators, and return them."""
        chosen = list(islice(self._subjects[operators], count))
        if len(chosen) < count:
            raise StormError(f"there are only {len(chosen)} ordinary numbers left, expected {count}")
        made = [self._binding(subject) for subject in chosen]
        batches = [_Bind(tuple(made[start : start + _BATCH])) for start in range(0, count, _BATCH)]
        for batch in batches:
            await self.parts.store.apply(batch)
        return chosen

    def _binding(self, subject: Subject) -> Binding:
        self._bound += 1
        time = self.clock.now() - AGE
        operator = self.network.plan.owner(subject.phone_number) or ""
        return Binding(
            binding_id=f"{self._bound:032x}",
            relying_party=PARTY,
            account_id=subject.account_id,
            phone_number=subject.phone_number,
            state=BindingState.ACTIVE,
            level=Level.SUBSTANTIAL,
            method=Method.NETWORK,
            operator_id=operator,
            verification_id=f"{self._bound:032x}",
            jti=f"{self._bound:032x}",
            leaf_index=0,
            verified_time=time,
            observed_time=time,
            expire_time=time + LIFETIME,
            facts=Facts(operator, time),
            recheck_time=time + LIFETIME,
        )

    async def watched(self) -> None:
        """Wait until every binding is watched."""
        after = ""
        while True:
            page = await self.parts.store.list_bindings(PARTY, "", _BATCH, after)
            if not page:
                return
            if all(found.monitoring is Monitoring.WATCHED for found in page):
                after = page[-1].binding_id
            else:
                await asyncio.sleep(0.05)
