"""An operator whose answers a test writes, one kind of call at a time.

operator = FakeOperator("mts")                     # everything ordinary: a subscriber, ACCEPTED, MATCH
operator.sent = OperatorError("DOWN", "no route")  # raised
operator.checked = HANG                            # never answered
operator.found = [ported, answer()]                # one after the other, the last for ever
"""

import asyncio
from collections.abc import Sized
from dataclasses import dataclass, field
from typing import TypeVar

from fakes.evidence import answer
from numseal.domain.evidence import SIGNAL_NAMES, Lookup, Method
from numseal.domain.operator import (
    Capabilities,
    CodeCheck,
    CodeChecked,
    CodeOrder,
    CodeOutcome,
    CodeSent,
    LookupRequest,
    SendOutcome,
)

T = TypeVar("T")


class Hang(Exception):  # noqa: N818 - it stands for silence, it is never raised
    """In place of an answer: none comes."""


HANG = Hang()


@dataclass
class FakeOperator:
    """Implements `ports.operator_backend`; keeps what it was asked."""

    operator_id: str
    found: "list[Lookup | Exception]" = field(default_factory=lambda: [answer()])
    sent: CodeSent | Exception = field(default_factory=lambda: CodeSent(SendOutcome.ACCEPTED, b"challenge", "d1"))
    checked: CodeChecked | Exception = field(default_factory=lambda: CodeChecked(CodeOutcome.MATCH))
    lookups: list[LookupRequest] = field(default_factory=list)
    orders: list[CodeOrder] = field(default_factory=list)
    checks: list[CodeCheck] = field(default_factory=list)

    async def capabilities(self) -> Capabilities:
        return Capabilities(
            contract_version="1",
            operator_id=self.operator_id,
            plmns=("250-01",),
            signals=SIGNAL_NAMES,
            methods=(Method.SMS, Method.VOICE, Method.OPERATOR_CODE),
            idempotent=True,
            prior_codes_valid=True,
            server_time=0,
        )

    async def look_up(self, request: LookupRequest) -> Lookup:
        self.lookups.append(request)
        return await _given(self.found.pop(0) if len(self.found) > 1 else self.found[0])

    async def send_code(self, order: CodeOrder) -> CodeSent:
        self.orders.append(order)
        return await _given(self.sent)

    async def check_code(self, check: CodeCheck) -> CodeChecked:
        self.checks.append(check)
        return await _given(self.checked)


async def reached(calls: Sized, count: int = 1) -> None:
    """Wait until so many calls of a kind came."""
    async with asyncio.timeout(5):
        while len(calls) < count:  # noqa: ASYNC110 - the fake has no event for every kind of call
            await asyncio.sleep(0)


async def _given(scripted: T | Exception) -> T:
    if isinstance(scripted, Hang):
        await asyncio.Event().wait()
    if isinstance(scripted, Exception):
        raise scripted
    return scripted
