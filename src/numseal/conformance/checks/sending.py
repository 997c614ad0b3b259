"""Checks of SendCode with Numseal's own text: taken, refused by the right outcome, and sent once."""

import asyncio

from numseal.api.operator.v1 import operator_pb2
from numseal.conformance.check import check
from numseal.conformance.clause import operator
from numseal.conformance.codes import arrived, expect_accepted, operator_code
from numseal.conformance.kit import NOWHERE, Kit, Refused
from numseal.conformance.results import Broken, CannotCheck, DoesNotApply, expect, expect_all
from numseal.conformance.words import word

MAX_DELIVERY_ID = 128
_SMS = operator_pb2.METHOD_SMS


async def _refused(kit: Kit, number: str, *wanted: str) -> str:
    """Send a text to a number that takes none; raise `Broken` unless the outcome is one of those wanted."""
    kit.need_method(_SMS)
    answer = await kit.call("SendCode", kit.order(number))
    found = word(operator_pb2.SendOutcome, answer.outcome)
    expect(found in wanted, f"SendCode for {number} is {found}, {' or '.join(wanted)} is expected")
    return found


@check(
    "send.text",
    "Numseal's text is accepted under a name for its delivery, and arrives",
    operator("SendCodeResponse.delivery_id", "at most 128 characters; required in ACCEPTED."),
)
async def text(kit: Kit) -> str:
    """Send a text."""
    kit.need_method(_SMS)
    async with kit.borrowed() as number:
        before = await kit.messages(number) if kit.profile.messages else ""
        order = kit.order(number)
        answer = await kit.send(order)
        expect_accepted(answer, number)
        size = len(answer.delivery_id)
        expect(1 <= size <= MAX_DELIVERY_ID, f"delivery_id has {size} characters, 1 to {MAX_DELIVERY_ID} are expected")
        if not kit.profile.messages:
            return "accepted; whether it arrives cannot be seen"
        shown = await arrived(kit, number, before)
        expect(order.text in shown, f"what came to {number} is another text than was sent")
    return "it arrived word for word"


@check(
    "send.prior_codes",
    "The answer says whether codes that were sent before stay good, as announced",
    operator("SendCodeResponse.prior_codes_valid", "Whether codes sent to the number before stay good."),
)
async def prior_codes(kit: Kit) -> str:
    """Send a text; codes of Numseal's own stay good whatever the operator does with its."""
    kit.need_method(_SMS)
    async with kit.borrowed() as number:
        answer = await kit.send(kit.order(number))
    expect_accepted(answer, number)
    expect(
        answer.prior_codes_valid or not kit.told.prior_codes_valid,
        "prior_codes_valid of the answer is false, GetCapabilities announces true",
    )
    return ""


@check(
    "send.content",
    "A text that is longer than announced is refused as content",
    operator("SendOutcome.SEND_OUTCOME_CONTENT", "Text, sender or template is not allowed."),
)
async def content(kit: Kit) -> str:
    """Send one character more than max_text_length."""
    kit.need_method(_SMS)
    (most,) = [offer.max_text_length for offer in kit.told.methods if offer.method == _SMS][:1]
    if not most:
        raise DoesNotApply("GetCapabilities announces no max_text_length for SMS")
    async with kit.borrowed() as number:
        answer = await kit.call("SendCode", kit.order(number, text="x" * (most + 1)))
    name = word(operator_pb2.SendOutcome, answer.outcome)
    expect(name == "CONTENT", f"a text of {most + 1} characters is {name}, CONTENT is expected")
    return f"{most} characters"


@check(
    "send.sender",
    "A sender that is announced is taken",
    operator("SendCodeRequest.sender_id", "Sender that the handset shows, one of those in the capabilities"),
)
async def sender(kit: Kit) -> str:
    """Send under the first sender that is announced, by each method that announces any."""
    named = {
        offer.method: offer.sender_ids[0]
        for offer in kit.told.methods
        if offer.method in {_SMS, operator_pb2.METHOD_OPERATOR_CODE} and offer.sender_ids
    }
    if not named:
        raise DoesNotApply("GetCapabilities announces no sender_ids")
    problems: list[str] = []
    for method, sender_id in named.items():
        content = {} if method == _SMS else {"operator_code": operator_code(kit)}
        async with kit.borrowed() as number:
            answer = await kit.send(kit.order(number, sender_id=sender_id, **content))
        found = word(operator_pb2.SendOutcome, answer.outcome)
        if found != "ACCEPTED":
            name = word(operator_pb2.Method, method)
            problems.append(f"{name} to {number} from the sender {sender_id!r} is {found}, ACCEPTED is expected")
    expect_all(problems)
    return ", ".join(named.values())


@check(
    "send.expired",
    "A code whose time is over is not delivered",
    operator("SendCodeRequest.expire_time", "later the message must not be delivered."),
)
async def expired(kit: Kit) -> str:
    """Send a text whose expire_time was a minute ago."""
    kit.need_method(_SMS)
    async with kit.borrowed() as number:
        before = await kit.messages(number) if kit.profile.messages else ""
        order = kit.order(number, expire_time=kit.time(-60))
        try:
            answer = await kit.call("SendCode", order)
        except Refused as error:
            expect(error.code.name == "INVALID_ARGUMENT", f"{error}; INVALID_ARGUMENT is expected")
            return "INVALID_ARGUMENT"
        if answer.outcome != operator_pb2.SEND_OUTCOME_ACCEPTED:
            return word(operator_pb2.SendOutcome, answer.outcome)
        if not kit.profile.messages:
            raise CannotCheck("it was ACCEPTED, and the profile names no way to see whether it arrives ([messages])")
        await asyncio.sleep(kit.pace.quiet)
        shown = (await kit.messages(number)).removeprefix(before)
        expect(order.text not in shown, f"a text whose expire_time was a minute ago came to {number}")
    return "accepted and not delivered"


@check(
    "send.not_ours",
    "A number that is not the operator's gets nothing",
    operator("SendOutcome.SEND_OUTCOME_NOT_OURS", "The number is not the operator's."),
)
async def not_ours(kit: Kit) -> str:
    """Send to what is not the operator's: a number that nobody has, and those of the profile."""
    kit.need_method(_SMS)
    problems: list[str] = []
    numbers = [NOWHERE, kit.profile.ported, kit.profile.unassigned, kit.profile.foreign]
    for number in filter(None, numbers):
        try:
            await _refused(kit, number, "NOT_OURS")
        except Broken as error:
            problems += error.sentences
    expect_all(problems)
    return f"{len([number for number in numbers if number])} numbers"


@check(
    "send.barred",
    "A number whose SMS service is barred gets nothing",
    operator("SendOutcome.SEND_OUTCOME_BARRED", "The subscriber or the service is barred."),
)
async def barred(kit: Kit) -> str:
    """Send to the barred number."""
    kit.need_method(_SMS)
    return await _refused(kit, kit.number("barred"), "BARRED")


@check(
    "send.landline",
    "A landline takes no SMS",
    operator("SendOutcome.SEND_OUTCOME_LINE_TYPE", "The line cannot receive it."),
)
async def landline(kit: Kit) -> str:
    """Send to the landline."""
    kit.need_method(_SMS)
    return await _refused(kit, kit.number("landline"), "LINE_TYPE")


@check(
    "send.idempotent",
    "The same order has the same answer",
    operator("OperatorBackend", "The same request_id within the idempotency window answers the same"),
)
async def idempotent(kit: Kit) -> str:
    """Put one order twice."""
    kit.need_idempotency()
    kit.need_method(_SMS)
    async with kit.borrowed() as number:
        order = kit.order(number)
        first = await kit.send(order)
        again = await kit.call("SendCode", order)
    expect_accepted(first, number)
    changed = [
        field.name for field in first.DESCRIPTOR.fields if getattr(first, field.name) != getattr(again, field.name)
    ]
    expect(not changed, f"the second answer to one request_id differs in {', '.join(changed)}")
    return ""


@check(
    "send.once",
    "The same order sends one message",
    operator("SendCodeRequest.request_id", "Key of idempotency, at most 128 printable characters."),
)
async def once(kit: Kit) -> str:
    """Put one order three times, two of them at once, and count the messages."""
    kit.need_idempotency()
    kit.need_method(_SMS)
    kit.own()
    if not kit.profile.every_message:
        raise CannotCheck("the profile names no way to see every message of a number ([messages] every = true)")
    async with kit.borrowed() as number:
        before = await kit.messages(number)
        order = kit.order(number)
        await kit.send(order)
        await asyncio.gather(*(kit.call("SendCode", order) for _ in range(2)))
        shown = await arrived(kit, number, before)
        await asyncio.sleep(min(1.0, kit.pace.quiet))
        shown = (await kit.messages(number)).removeprefix(before)
    count = shown.count(order.text)
    expect(count == 1, f"one order put three times sent {count} messages to {number}")
    return ""


CHECKS = (
    text,
    prior_codes,
    content,
    sender,
    expired,
    not_ours,
    barred,
    landline,
    idempotent,
    once,
)
