"""Checks of the operator's own codes: made, checked, used once, worn out, left to expire, sent again."""

from numseal.api.operator.v1 import operator_pb2
from numseal.conformance.check import check
from numseal.conformance.clause import operator
from numseal.conformance.codes import check as offer
from numseal.conformance.codes import order, outcome, wrong
from numseal.conformance.kit import Kit
from numseal.conformance.results import CannotCheck, DoesNotApply, expect, expect_all

MAX_CHALLENGE = 1_024
SHORTEST, LONGEST = 4, 10
MOST_ATTEMPTS = 20


@check(
    "code.sent",
    "An operator's code comes with challenge, length and expiry",
    operator("SendCodeResponse.challenge", "Required when the operator makes the code."),
)
async def sent(kit: Kit) -> str:
    """Look at the answer to an order."""
    kit.need_method(operator_pb2.METHOD_OPERATOR_CODE)
    async with kit.borrowed() as number:
        wanted = kit.time(300)
        answer = (await order(kit, number, read=False, expire_time=wanted)).answer
    problems = []
    if not 1 <= len(answer.challenge) <= MAX_CHALLENGE:
        problems.append(f"challenge has {len(answer.challenge)} bytes, 1 to {MAX_CHALLENGE} are expected")
    if not SHORTEST <= answer.length <= LONGEST:
        problems.append(f"length is {answer.length}, {SHORTEST} to {LONGEST} are expected")
    if not answer.HasField("expire_time"):
        problems.append("expire_time is absent")
    elif not kit.now() < answer.expire_time.seconds <= wanted.seconds:
        problems.append(
            f"expire_time is {answer.expire_time.seconds - kit.now()} s from now, "
            f"at most {wanted.seconds - kit.now()} s were ordered"
        )
    expect_all(problems)
    return f"{answer.length} digits"


@check(
    "code.length",
    "A code has as many digits as were ordered",
    operator("OperatorCode.length", "Digits, 4 to 10; by default the operator's own choice."),
)
async def length(kit: Kit) -> str:
    """Order eight digits."""
    wanted = 8
    kit.need_method(operator_pb2.METHOD_OPERATOR_CODE)
    if kit.profile.fixed_code:
        raise CannotCheck("every test number has one fixed code")
    async with kit.borrowed() as number:
        made = await order(kit, number, read=bool(kit.profile.messages), length=wanted)
    expect(made.answer.length == wanted, f"{wanted} digits were ordered, the answer's length is {made.answer.length}")
    return ""


@check(
    "code.match",
    "The right code matches",
    operator("CheckOutcome.CHECK_OUTCOME_MATCH", "The right one; it is used now."),
)
async def match(kit: Kit) -> str:
    """Offer the right code."""
    kit.need_method(operator_pb2.METHOD_OPERATOR_CODE)
    async with kit.borrowed() as number:
        made = await order(kit, number)
        found = outcome(await offer(kit, made, made.code))
    expect(found == "MATCH", f"the right code is {found}, MATCH is expected")
    return ""


@check(
    "code.used",
    "A code is used once",
    operator("CheckOutcome.CHECK_OUTCOME_USED", "The right one was used already, by another request."),
)
async def used(kit: Kit) -> str:
    """Offer the right code twice."""
    kit.need_method(operator_pb2.METHOD_OPERATOR_CODE)
    async with kit.borrowed() as number:
        made = await order(kit, number)
        await offer(kit, made, made.code)
        found = outcome(await offer(kit, made, made.code))
    expect(found == "USED", f"the right code offered again is {found}, USED is expected")
    return ""


@check(
    "code.mismatch",
    "A wrong code spends an attempt, and the answer counts those that remain",
    operator("CheckCodeResponse.attempts_remaining", "Attempts left, at least 0; required in MISMATCH."),
)
async def mismatch(kit: Kit) -> str:
    """Offer two wrong codes, then a right one where it is known."""
    kit.need_method(operator_pb2.METHOD_OPERATOR_CODE)
    async with kit.borrowed() as number:
        made = await order(kit, number, read=bool(kit.profile.messages or kit.profile.fixed_code))
        remaining = []
        for step in (1, 2):
            answer = await offer(kit, made, wrong(made, step))
            found = outcome(answer)
            expect(found == "MISMATCH", f"a wrong code is {found}, MISMATCH is expected")
            remaining.append(answer.attempts_remaining)
        first, second = remaining
        expect(
            first >= 0 and second == first - 1, f"attempts_remaining is {first}, then {second}: one less is expected"
        )
    return f"{first} remain after the first"


@check(
    "code.exhausted",
    "Wrong codes use up the attempts, and then the right one is refused too",
    operator("CheckOutcome.CHECK_OUTCOME_EXHAUSTED", "No attempts remain."),
)
async def exhausted(kit: Kit) -> str:
    """Offer wrong codes until no attempt remains, then the right one where it is known."""
    kit.need_method(operator_pb2.METHOD_OPERATOR_CODE)
    async with kit.borrowed() as number:
        made = await order(kit, number, read=bool(kit.profile.messages or kit.profile.fixed_code))
        attempts = 0
        while (found := outcome(await offer(kit, made, wrong(made, attempts + 1)))) == "MISMATCH":
            attempts += 1
            expect(attempts < MOST_ATTEMPTS, f"{attempts} wrong codes were compared, and there are attempts still")
        expect(found == "EXHAUSTED", f"after {attempts} wrong codes another is {found}, EXHAUSTED is expected")
        if made.code:
            found = outcome(await offer(kit, made, made.code))
            expect(
                found == "EXHAUSTED", f"after {attempts} wrong codes the right one is {found}, EXHAUSTED is expected"
            )
    return f"{attempts} attempts"


@check(
    "code.expired",
    "A code stops being good when it was ordered to",
    operator("SendCodeRequest.expire_time", "When the code stops being good"),
)
async def expired(kit: Kit) -> str:
    """Order a code of a short life, and offer it when that is over."""
    kit.need_method(operator_pb2.METHOD_OPERATOR_CODE)
    async with kit.borrowed() as number:
        life = kit.time(kit.pace.code_life)
        made = await order(kit, number, read=bool(kit.profile.messages or kit.profile.fixed_code), expire_time=life)
    await kit.sleep_until(life.seconds + kit.pace.late)
    found = outcome(await offer(kit, made, made.code or wrong(made)))
    expect(found == "EXPIRED", f"a code is {found} {kit.pace.late} s after its expire_time, EXPIRED is expected")
    return ""


@check(
    "code.resend",
    "A code that follows another is a code of its own, and the older is as good as announced",
    operator("GetCapabilitiesResponse.prior_codes_valid", "Whether earlier codes of a number stay good"),
)
async def resend(kit: Kit) -> str:
    """Order a code, another that follows it, and offer both."""
    kit.need_method(operator_pb2.METHOD_OPERATOR_CODE)
    stays = kit.told.prior_codes_valid
    async with kit.borrowed() as number:
        first = await order(kit, number)
        second = await order(kit, number, previous_challenge=first.answer.challenge)
        expect(second.answer.challenge != first.answer.challenge, "both codes have the same challenge")
        expect(
            second.answer.prior_codes_valid == stays,
            f"prior_codes_valid of the answer is {second.answer.prior_codes_valid}, GetCapabilities announces {stays}",
        )
        found = outcome(await offer(kit, second, second.code))
        expect(found == "MATCH", f"the second code is {found}, MATCH is expected")
        found = outcome(await offer(kit, first, first.code))
    if stays:
        expect(found == "MATCH", f"the first code is {found}, MATCH is expected: prior_codes_valid is announced")
    else:
        expect(found != "MATCH", "the first code is MATCH, and prior_codes_valid is not announced")
    return "older codes stay good" if stays else "older codes die"


@check(
    "code.other_number",
    "A challenge is good for its number only",
    operator("CheckOutcome.CHECK_OUTCOME_UNKNOWN", "The challenge is not known."),
)
async def other_number(kit: Kit) -> str:
    """Offer the right code for another own number."""
    kit.need_method(operator_pb2.METHOD_OPERATOR_CODE)
    kit.own()
    if len(kit.profile.own) == 1:
        raise CannotCheck("one own number only: name a second")
    async with kit.borrowed() as number:
        made = await order(kit, number)
        other = next(one for one in kit.profile.own if one != number)
        found = outcome(await offer(kit, made, made.code, number=other))
    expect(found == "UNKNOWN", f"the code of {number} offered for {other} is {found}, UNKNOWN is expected")
    return ""


@check(
    "code.idempotent",
    "The same check has the same answer, and spends one attempt",
    operator("OperatorBackend", "The same request_id within the idempotency window answers the same"),
)
async def idempotent(kit: Kit) -> str:
    """Offer one wrong code twice under one request_id, then another."""
    kit.need_idempotency()
    kit.need_method(operator_pb2.METHOD_OPERATOR_CODE)
    async with kit.borrowed() as number:
        made = await order(kit, number, read=bool(kit.profile.messages or kit.profile.fixed_code))
        request_id = kit.new_id()
        first = await offer(kit, made, wrong(made), request_id=request_id)
        again = await offer(kit, made, wrong(made), request_id=request_id)
        expect(
            first == again,
            f"the same request_id is {outcome(first)} with {first.attempts_remaining} attempts remaining, "
            f"then {outcome(again)} with {again.attempts_remaining}",
        )
    return ""


@check(
    "code.unknown",
    "A challenge that was never given is unknown",
    operator("CheckOutcome.CHECK_OUTCOME_UNKNOWN", "The challenge is not known."),
)
async def unknown(kit: Kit) -> str:
    """Offer a code for a challenge made up."""
    kit.need_method(operator_pb2.METHOD_OPERATOR_CODE)
    request = operator_pb2.CheckCodeRequest(
        request_id=kit.new_id(),
        phone_number=kit.profile.own[0] if kit.profile.own else "+9991234567890",
        challenge=kit.mark().encode(),
        code="123456",
    )
    found = outcome(await kit.call("CheckCode", request))
    expect(found == "UNKNOWN", f"a code for a challenge that nobody gave is {found}, UNKNOWN is expected")
    return ""


@check(
    "code.template",
    "Every template that is announced can be ordered",
    operator("MethodCapability.templates", "Template names that may be used, for OPERATOR_CODE."),
)
async def template(kit: Kit) -> str:
    """Order a code by the last template, the others being ordered by the other checks."""
    kit.need_method(operator_pb2.METHOD_OPERATOR_CODE)
    names = [
        name
        for offered in kit.told.methods
        if offered.method == operator_pb2.METHOD_OPERATOR_CODE
        for name in offered.templates
    ]
    if not names:
        raise DoesNotApply("GetCapabilities announces no templates")
    async with kit.borrowed() as number:
        for name in names:
            answer = await kit.send(kit.order(number, operator_code=operator_pb2.OperatorCode(template=name)))
            expect(
                answer.outcome != operator_pb2.SEND_OUTCOME_CONTENT, f"the template {name!r} is announced and refused"
            )
    return f"{len(names)} templates"


CHECKS = (
    sent,
    length,
    match,
    used,
    mismatch,
    exhausted,
    expired,
    resend,
    other_number,
    idempotent,
    unknown,
    template,
)
