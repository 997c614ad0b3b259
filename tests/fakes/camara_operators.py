"""CAMARA adapters of one platform, made and closed by tests, and what tests of them ask again and again."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fakes.camara_stub import CamaraStub
from fakes.orders import lookup_request
from numseal.adapters.operators.camara.backend import CamaraOperator
from numseal.domain.evidence import LookupOutcome, Subscriber

NUMBER, OTHER, NOBODY = "+79161234567", "+79161234568", "+79160001234"
KEY = bytes(range(32))
DAY = 86_400
GIVEN = frozenset(
    {
        "sim_change", "recycled", "forwarding", "activate_time", "contract_type", "sms_service", "voice_service",
        "data_service", "reachability", "serving",
    }
)  # fmt: skip
"""The signals that all APIs together give."""


class Operators:
    """Makes adapters, of all APIs or of some; each is a process of its own as far as it can tell."""

    def __init__(self, stub: CamaraStub) -> None:
        self.stub = stub
        self.made: list[CamaraOperator] = []

    def __call__(self, *apis: str, plmns: tuple[str, ...] = ("250-01",), **changes: Any) -> CamaraOperator:
        made = CamaraOperator(
            self.stub.settings(*apis, **changes),
            operator_id="mts",
            plmns=plmns,
            clock=self.stub.clock,
            private_key=self.stub.private_key,
            key=KEY,
        )
        self.made.append(made)
        return made

    async def close(self) -> None:
        for operator in self.made:
            await operator.close()


async def looked_up(operator: CamaraOperator, number: str = NUMBER, **changes: Any) -> Subscriber:
    """Return what a lookup of everything shows of a subscriber that is there."""
    answer = await operator.look_up(replace(lookup_request(number), **changes))
    assert answer.outcome is LookupOutcome.SUBSCRIBER
    assert answer.subscriber is not None
    return answer.subscriber


async def until(happened: Callable[[], bool]) -> None:
    """Wait for a condition of another task, two seconds at most."""
    async with asyncio.timeout(2):
        while not happened():  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.005)
