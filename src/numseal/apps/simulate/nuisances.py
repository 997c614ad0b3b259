"""The attackers who need no stolen code: numbers shown, attestations presented, guessing, flooding, pumping, asking.

Each function plays one attempt and judges it by the server's answers; a run of calls is one attempt.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from numseal.api.verification.v1 import assurance_pb2 as asr
from numseal.api.verification.v1 import binding_pb2
from numseal.api.verification.v1 import verification_pb2 as pb
from numseal.apps.simulate.claim import CODES, Claim, Claimant, Result, state_name
from numseal.apps.simulate.desk import Desk, RefusedError, Verification
from numseal.apps.simulate.mix import Section
from numseal.apps.simulate.outcomes import Outcome, Stage
from numseal.apps.simulate.people import People, Person
from numseal.apps.simulate.timeline import HOUR, TICK, Timeline

DAY = 86_400
LIFETIME = 30 * DAY
"""Seconds that an attestation lives."""

_GUESSES_A_SESSION = 5
_SENDS_A_SESSION = 5
_SENDS_A_DAY = 10
_PUMPED_AT_ONCE = 10
_GENUINE = binding_pb2.NUMBER_CHECK_RESULT_GENUINE


@dataclass(frozen=True, slots=True)
class Nuisance:
    """One planned attempt; `before` is how long ahead of `time` its victim verifies, in seconds, 0 for no victim."""

    attack: str
    name: str
    people: People
    section: Section
    person: Person
    address: str
    time: int
    before: int


@dataclass(frozen=True, slots=True)
class Hands:
    """What a nuisance is played with."""

    desk: Desk
    timeline: Timeline
    claimant: Claimant


def plan_nuisance(people: People, name: str, attack: str, time: int) -> Nuisance:
    """Plan one attempt at about that time."""
    person = people.person(name)
    address = people.attacker_address(person, person.dice)
    before = _BEFORE.get(attack, 0)
    return Nuisance(attack, name, people, people.mix.attacks[attack], person, address, time, before)


async def annoy(nuisance: Nuisance, desk: Desk, timeline: Timeline, claimant: Claimant) -> Outcome:
    """Play an attempt; it begins at the victim's verification, where it has a victim."""
    stage = Hands(desk, timeline, claimant)
    return await _PLAYS[nuisance.attack](nuisance, stage)


async def _bind(nuisance: Nuisance, stage: Hands, person: Person, *, keyed: bool = True) -> Result:
    """Let a person verify at home, and wait for the attack's time."""
    await stage.desk.update(person.number, person.setup)
    claim = Claim(
        number=person.number,
        party=person.party,
        account=person.account,
        address=nuisance.people.at_home(person),
        key=person.key if keyed else None,
    )
    result = await stage.claimant.play(claim)
    await stage.timeline.sleep_until(nuisance.time)
    return result


def _shown(nuisance: Nuisance, answer: binding_pb2.CheckNumberResponse) -> Outcome:
    result = binding_pb2.NumberCheckResult.Name(answer.result).removeprefix("NUMBER_CHECK_RESULT_")
    codes = tuple(item.code for item in answer.findings) or (result,)
    return Outcome(nuisance.attack, Stage.MISSED if answer.result == _GENUINE else Stage.BEFORE, codes)


async def _not_bound(nuisance: Nuisance, stage: Hands) -> Outcome:
    request = binding_pb2.CheckNumberRequest(
        account_id=f"{nuisance.name}-attacker", phone_number=nuisance.person.number
    )
    return _shown(nuisance, await stage.desk.shown(nuisance.person.party, request))


async def _of_other(nuisance: Nuisance, stage: Hands) -> Outcome:
    await _bind(nuisance, stage, nuisance.person)
    return await _not_bound(nuisance, stage)


def _presented(account: str, presentation: str) -> binding_pb2.CheckNumberRequest:
    return binding_pb2.CheckNumberRequest(account_id=account, presentation=presentation)


async def _present(
    nuisance: Nuisance, stage: Hands, account: str, party: str, change: Callable[[str], str] = lambda text: text
) -> Outcome:
    victim = await _bind(nuisance, stage, nuisance.person, keyed=False)
    if not victim.bound:
        return Outcome(nuisance.attack, Stage.BEFORE, ("NOTHING_TO_PRESENT",))
    try:
        presentation = change(victim.verification.bundle.sd_jwt)
        return _shown(nuisance, await stage.desk.shown(party, _presented(account, presentation)))
    except RefusedError as error:
        return Outcome(nuisance.attack, Stage.BEFORE, (error.reason,))


async def _by_account(nuisance: Nuisance, stage: Hands) -> Outcome:
    return await _present(nuisance, stage, f"{nuisance.name}-attacker", nuisance.person.party)


async def _at_messenger(nuisance: Nuisance, stage: Hands) -> Outcome:
    other = "beta" if nuisance.person.party == "alpha" else "alpha"
    return await _present(nuisance, stage, nuisance.person.account, other)


async def _expired(nuisance: Nuisance, stage: Hands) -> Outcome:
    return await _present(nuisance, stage, nuisance.person.account, nuisance.person.party)


async def _altered(nuisance: Nuisance, stage: Hands) -> Outcome:
    return await _present(nuisance, stage, nuisance.person.account, nuisance.person.party, alter)


def alter(sd_jwt: str) -> str:
    """Change one character of the first disclosure (RFC 9901 section 4)."""
    token, first, *rest = sd_jwt.split("~")
    middle = len(first) // 2
    other = "A" if first[middle] != "A" else "B"
    return "~".join((token, first[:middle] + other + first[middle + 1 :], *rest))


def _wish(nuisance: Nuisance, account: str, number: str = "") -> pb.StartVerificationRequest:
    request = pb.StartVerificationRequest(
        account_id=account,
        phone_number=number or nuisance.person.number,
        purpose=pb.PURPOSE_SIGN_UP,
        method=asr.METHOD_SMS,
    )
    request.client.ip_address = nuisance.address
    return request


async def _guess(stage: Hands, party: str, verification_id: str, code: str) -> tuple[bool, str]:
    request = pb.CheckCodeRequest(verification_id=verification_id, code=code)
    try:
        answer = await stage.desk.check(party, request)
    except RefusedError as error:
        return False, error.reason
    return answer.code_result == pb.CODE_RESULT_MATCH, answer.verification.failure_reason


async def _parallel(nuisance: Nuisance, stage: Hands) -> Outcome:
    """Offer many codes at once; one in flight for each guess."""
    await stage.desk.update(nuisance.person.number, nuisance.person.setup)
    party = nuisance.person.party
    try:
        opened = await stage.desk.start(party, _wish(nuisance, f"{nuisance.name}-attacker"))
    except RefusedError as error:
        return Outcome(nuisance.attack, Stage.BEFORE, (error.reason,))
    codes = [f"{nuisance.person.dice.whole(0, 999_999):06d}" for _ in range(nuisance.section.count("guesses"))]
    answers = await asyncio.gather(*(_guess(stage, party, opened.verification_id, code) for code in codes))
    return _guessed(nuisance, list(answers))


async def _sessions(nuisance: Nuisance, stage: Hands) -> Outcome:
    """Offer a few codes in each of many verifications, an hour apart, under other accounts."""
    await stage.desk.update(nuisance.person.number, nuisance.person.setup)
    party, dice = nuisance.person.party, nuisance.person.dice
    answers: list[tuple[bool, str]] = []
    for number in range(nuisance.section.count("guesses") // _GUESSES_A_SESSION):
        try:
            opened = await stage.desk.start(party, _wish(nuisance, f"{nuisance.name}-attacker-{number}"))
        except RefusedError as error:
            answers.append((False, error.reason))
            continue
        for _ in range(_GUESSES_A_SESSION):
            answers.append(await _guess(stage, party, opened.verification_id, f"{dice.whole(0, 999_999):06d}"))
            await stage.timeline.sleep_until(stage.timeline.now() + TICK)
        await stage.timeline.sleep_until(stage.timeline.now() + HOUR)
    return _guessed(nuisance, answers)


def _guessed(nuisance: Nuisance, answers: list[tuple[bool, str]]) -> Outcome:
    reasons = tuple(sorted({reason for _, reason in answers if reason})) or ("TOO_EARLY",)
    return Outcome(nuisance.attack, Stage.MISSED if any(right for right, _ in answers) else Stage.REJECTED, reasons)


async def _flood(nuisance: Nuisance, stage: Hands) -> Outcome:
    """Ask for codes as fast as the ladder lets; stopped where the number got no more than a day's budget."""
    party, number = nuisance.person.party, nuisance.person.number
    await stage.desk.update(number, nuisance.person.setup)
    refused, sent = "", 0
    first_day = stage.timeline.now() // DAY
    opened: Verification | None = None
    for turn in range(nuisance.section.count("sends")):
        try:
            if opened is None or turn % _SENDS_A_SESSION == 0:
                opened = await stage.desk.start(party, _wish(nuisance, f"{nuisance.name}-attacker-{turn}"))
            else:
                await stage.timeline.sleep_until(
                    min((item.available_time.seconds for item in opened.methods), default=0)
                )
                request = pb.ResendCodeRequest(verification_id=opened.verification_id)
                opened = await stage.desk.resend(party, request)
            sent += 1
        except RefusedError as error:
            refused = error.reason
            await stage.timeline.sleep_until(stage.timeline.now() + TICK)
    # Budgets count calendar days (UTC): a flood over midnight gets those of two.
    days = stage.timeline.now() // DAY - first_day + 1
    if not refused or sent > days * _SENDS_A_DAY:
        return Outcome(nuisance.attack, Stage.MISSED, (f"{sent}_CODES_SENT",))
    return Outcome(nuisance.attack, Stage.REJECTED if sent else Stage.BEFORE, (refused,))


async def _pump(nuisance: Nuisance, stage: Hands, *, completes: bool) -> Outcome:
    """Cause codes to one block of numbers; stopped where the server no longer sends before the run is over."""
    people, party, dice = nuisance.people, nuisance.person.party, nuisance.person.dice
    operator_id, block = people.block(dice)
    refusals: list[str] = []
    for turn in range(nuisance.section.count("numbers_at_once")):
        number = people.number(dice, operator_id, block)
        account = f"{nuisance.name}-pumped-{turn}"
        claim = Claim(
            number=number, party=party, account=account, address=nuisance.address, reads=CODES if completes else ()
        )
        result = await stage.claimant.play(claim)
        if not result.challenged or (completes and not result.bound):
            refusals.extend(result.codes())
        if refusals:
            return Outcome(nuisance.attack, Stage.REJECTED if turn else Stage.BEFORE, tuple(dict.fromkeys(refusals)))
        if turn % _PUMPED_AT_ONCE == 0:
            await stage.timeline.sleep_until(stage.timeline.now() + TICK)
    return Outcome(nuisance.attack, Stage.MISSED, (), "LOW" if completes else "NONE")


async def _enumerate(nuisance: Nuisance, stage: Hands) -> Outcome:
    """Ask for the same numbers before and after their owners verified, and compare all that the answers show."""
    people, person = nuisance.people, nuisance.person
    others = [people.person(f"{nuisance.name}-{turn}") for turn in range(nuisance.section.count("numbers_at_once"))]
    asked = [await _ask(nuisance, stage, other, "before") for other in others]
    for other in others:
        await stage.claimant.play(Claim(other.number, person.party, other.account, people.at_home(other)))
    await stage.timeline.sleep_until(nuisance.time)
    same = asked == [await _ask(nuisance, stage, other, "after") for other in others]
    code = "EQUAL_ANSWERS" if same else "ANSWERS_DIFFER"
    return Outcome(nuisance.attack, Stage.BEFORE if same else Stage.MISSED, (code,))


async def _ask(nuisance: Nuisance, stage: Hands, other: Person, when: str) -> tuple[object, ...]:
    try:
        wish = _wish(nuisance, f"{other.name}-asked-{when}", other.number)
        return _shape(await stage.desk.start(nuisance.person.party, wish))
    except RefusedError as error:
        return (error.reason,)


def _shape(opened: pb.Verification) -> tuple[object, ...]:
    """Return what an answer shows that could differ between numbers of any operator."""
    findings = tuple(item.code for item in opened.findings)
    return (
        state_name(opened),
        findings,
        opened.attempts_remaining,
        opened.sends_remaining,
        bool(opened.contest.binding_id),
    )


_PLAYS: Mapping[str, Callable[[Nuisance, Hands], Awaitable[Outcome]]] = {
    "shown_number_not_bound": _not_bound,
    "shown_number_of_other": _of_other,
    "replayed_by_account": _by_account,
    "replayed_at_messenger": _at_messenger,
    "replayed_expired": _expired,
    "replayed_altered": _altered,
    "brute_force_parallel": _parallel,
    "brute_force_sessions": _sessions,
    "resend_flooding": _flood,
    "pumper_incomplete": lambda nuisance, stage: _pump(nuisance, stage, completes=False),
    "pumper_completes": lambda nuisance, stage: _pump(nuisance, stage, completes=True),
    "enumeration": _enumerate,
}
NUISANCES = frozenset(_PLAYS)
"""The attacks that are played here; all others are in `attacks`."""

_BEFORE = {
    "shown_number_of_other": 2 * DAY,
    "replayed_by_account": 2 * DAY,
    "replayed_at_messenger": 2 * DAY,
    "replayed_expired": LIFETIME + DAY,
    "replayed_altered": 2 * DAY,
    "enumeration": DAY,
}
