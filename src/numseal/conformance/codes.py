"""Codes of the operator's own, as the kit gets hold of them: ordered, and read from a handset that can be seen."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from numseal.api.operator.v1 import operator_pb2
from numseal.conformance.kit import Kit
from numseal.conformance.results import Broken, CannotCheck, expect
from numseal.conformance.words import word

POLL = 0.1
"""Seconds between two looks at a handset."""

ACCEPTED = operator_pb2.SEND_OUTCOME_ACCEPTED


@dataclass(frozen=True, slots=True)
class Sent:
    """A code on its way: the number, the operator's answer, and the code itself, empty where nobody can read it."""

    number: str
    answer: operator_pb2.SendCodeResponse
    code: str


async def order(kit: Kit, number: str, *, read: bool = True, **fields: Any) -> Sent:
    """Have the operator send a code of its own.

    Raises `DoesNotApply` where it makes none, `Broken` unless it accepts, and `CannotCheck` where the code is to be
    read and cannot be.
    """
    kit.need_method(operator_pb2.METHOD_OPERATOR_CODE)
    fixed = kit.profile.fixed_code
    if read and not fixed and not kit.profile.messages:
        raise CannotCheck("the profile names no way to learn a code ([messages] fixed_code, command, url or file)")
    before = await kit.messages(number) if read and not fixed else ""
    wanted = operator_code(kit, fields.pop("length", 0))
    answer = await kit.send(kit.order(number, operator_code=wanted, **fields))
    expect_accepted(answer, number)
    if not read or fixed:
        return Sent(number, answer, fixed if read else "")
    text = await arrived(kit, number, before)
    length = str(answer.length) if answer.length else "4,10"
    lead = wanted.text.partition("{{code}}")[0]
    found = re.search(
        rf"(?<![0-9])[0-9]{{{length}}}(?![0-9])", text.partition(lead)[2] if lead and lead in text else text
    )
    if found is None:
        raise Broken(f"the message that came to {number} has no code of {answer.length or '4 to 10'} digits")
    return Sent(number, answer, found[0])


def operator_code(kit: Kit, length: int = 0) -> operator_pb2.OperatorCode:
    """Return what to ask for: a template where some are announced, else a text."""
    for offer in kit.told.methods:
        if offer.method == operator_pb2.METHOD_OPERATOR_CODE and offer.templates:
            return operator_pb2.OperatorCode(template=offer.templates[0], length=length)
    return operator_pb2.OperatorCode(text=f"Numseal {kit.mark()}: {{{{code}}}}", length=length)


async def arrived(kit: Kit, number: str, before: str) -> str:
    """Return what the number received since its messages were `before`; raise `Broken` where nothing comes."""
    try:
        async with asyncio.timeout(kit.pace.arrival):
            while (after := await kit.messages(number)) == before:  # noqa: ASYNC110 - a handset sets no event
                await asyncio.sleep(POLL)
    except TimeoutError:
        raise Broken(
            f"SendCode was ACCEPTED and {number} received nothing within {kit.pace.arrival:g} s "
            f"(or the profile's [messages] does not show it)"
        ) from None
    return after.removeprefix(before)


def expect_accepted(answer: operator_pb2.SendCodeResponse, number: str) -> None:
    """Raise `Broken` unless a code was accepted."""
    said = word(operator_pb2.SendOutcome, answer.outcome)
    expect(answer.outcome == ACCEPTED, f"SendCode for {number} is {said}, ACCEPTED is expected")


async def check(kit: Kit, sent: Sent, code: str, **fields: Any) -> operator_pb2.CheckCodeResponse:
    """Offer a code for one that was sent."""
    request = operator_pb2.CheckCodeRequest(
        request_id=fields.get("request_id") or kit.new_id(),
        phone_number=fields.get("number") or sent.number,
        challenge=sent.answer.challenge if fields.get("challenge") is None else fields["challenge"],
        code=code,
    )
    answer: operator_pb2.CheckCodeResponse = await kit.call("CheckCode", request)
    return answer


def outcome(answer: operator_pb2.CheckCodeResponse) -> str:
    """Return what a code was found to be, as the contract writes it."""
    return word(operator_pb2.CheckOutcome, answer.outcome)


def wrong(sent: Sent, step: int = 1) -> str:
    """Return a code that is not the one that was sent; a guess where that cannot be read."""
    length = len(sent.code) or sent.answer.length or 6
    return str((int(sent.code or "0") + step) % 10**length).zfill(length)
