"""The attackers who want a number's code: what each does first, how he then claims, and what could have shown it.

An attack is one attempt on one number; the attempts of a run come from one place, one after another. What needs no
claim at all (numbers shown, presentations, guessing, flooding) is in `nuisances`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from numseal.api.operator.v1 import subscriber_pb2 as sub
from numseal.api.verification.v1 import assurance_pb2 as asr
from numseal.api.verification.v1 import verification_pb2 as pb
from numseal.apps.simulate import changes
from numseal.apps.simulate.changes import Change
from numseal.apps.simulate.claim import CODES, Claim, Claimant, DeviceKey, Result
from numseal.apps.simulate.desk import Desk
from numseal.apps.simulate.mix import Section
from numseal.apps.simulate.people import UNWATCHED, People, Person
from numseal.apps.simulate.timeline import HOUR, TICK, Timeline, slot, tick

DAY = 86_400
_RUN_GAP = TICK
_LONGEST_HISTORY = 29 * DAY


@dataclass(frozen=True, slots=True)
class Kind:
    """How an attack is made.

    `seen_by` are the operator's signals that could show it, `holds_sim` whether the attacker's handset has the number's
    SIM. `reads` and `overhears` are as a claim has them. `unseen` says why evidence cannot show it, empty
    where it can; `victim` whether somebody's account is attacked.
    """

    prepare: Callable[["Attempt"], list[Change]]
    seen_by: tuple[int, ...] = ()
    holds_sim: bool = False
    reads: tuple[int, ...] = CODES
    overhears: tuple[int, ...] = ()
    method: int = asr.METHOD_UNSPECIFIED
    victim: bool = True
    unseen: str = ""


@dataclass(slots=True)
class Attempt:
    """One planned attempt; `time` is that of the claim, `crime_time` that of what he did before."""

    attack: str
    kind: Kind
    person: Person
    people: People
    section: Section
    time: int
    crime_time: int
    bind_time: int | None
    claim: Claim
    victim: Claim | None
    made: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Attacked:
    """An attempt as it went; `unseen` says why the evidence did not show it, empty where it could have."""

    attack: str
    result: Result
    victim: Result | None
    crime_time: int
    unseen: str


def _nothing(_attempt: Attempt) -> list[Change]:
    return []


def _swap(attempt: Attempt) -> list[Change]:
    dice, people = attempt.person.dice, attempt.people
    kind = dice.one((sub.SIM_CHANGE_KIND_REPLACED, sub.SIM_CHANGE_KIND_ESIM))
    return [
        changes.swapped(kind, people.skewed(dice, attempt.crime_time), people.report_delay(dice)),
        changes.device(),
    ]


def _port(attempt: Attempt) -> list[Change]:
    person, people = attempt.person, attempt.people
    time, delay = people.skewed(person.dice, attempt.crime_time), people.report_delay(person.dice)
    target = people.rival(person)
    if target == person.operator_id:  # the only operator of its country here: to another brand on the same network
        return [changes.swapped(sub.SIM_CHANGE_KIND_PORT_IN, time, delay), changes.device()]
    return [changes.ported(target, time, delay), changes.device()]


def _recycle(attempt: Attempt) -> list[Change]:
    return [changes.recycled(attempt.people.skewed(attempt.person.dice, attempt.crime_time))]


def _forward(_attempt: Attempt) -> list[Change]:
    return [changes.forwarded(sub.FORWARDING_KIND_UNCONDITIONAL)]


def _voicemail(_attempt: Attempt) -> list[Change]:
    return [
        changes.forwarded(sub.FORWARDING_KIND_NOT_REACHABLE),
        changes.reachability(sub.REACHABILITY_NOT_REACHABLE),
    ]


def _foreign_node(attempt: Attempt) -> list[Change]:
    return [changes.roamed(attempt.people.abroad(attempt.person)[1])]


def _home_node(attempt: Attempt) -> list[Change]:
    return [changes.roamed(attempt.person.plmn)]


def _sms_off(attempt: Attempt) -> list[Change]:
    if attempt.person.dice.chance(0.5):
        return [changes.sms_service(sub.SERVICE_STATE_OFF)]
    return [changes.reachability(sub.REACHABILITY_NOT_REACHABLE)]


def _bank(attempt: Attempt) -> list[Change]:
    return [changes.device(int(attempt.person.dice.between(attempt.section.span("sims_on_device"))))]


def _line(kind: int) -> Callable[[Attempt], list[Change]]:
    return lambda _attempt: [changes.line_type(kind)]


_SIM = (sub.SIGNAL_KIND_SIM_REF, sub.SIGNAL_KIND_SIM_CHANGE)
_MESSAGES = (asr.METHOD_SMS, asr.METHOD_OPERATOR_CODE)
_SWAP = Kind(_swap, _SIM, holds_sim=True)
_PORT = Kind(_port, (*_SIM, sub.SIGNAL_KIND_PORT), holds_sim=True)

KINDS: Mapping[str, Kind] = {
    "sim_swap_at_once": _SWAP,
    "sim_swap_waited": _SWAP,
    "sim_swap_aged": _SWAP,
    "port_out_at_once": _PORT,
    "port_out_waited": _PORT,
    "recycled_takeover": Kind(
        _recycle,
        (sub.SIGNAL_KIND_SUBSCRIBER_REF, sub.SIGNAL_KIND_RECYCLED, sub.SIGNAL_KIND_ACTIVATE_TIME, *_SIM),
        holds_sim=True,
    ),
    "call_forwarding": Kind(
        _forward, (sub.SIGNAL_KIND_FORWARDING,), reads=(), overhears=(asr.METHOD_VOICE,), method=asr.METHOD_VOICE
    ),
    "voicemail": Kind(
        _voicemail, (sub.SIGNAL_KIND_FORWARDING,), reads=(), overhears=(asr.METHOD_VOICE,), method=asr.METHOD_VOICE
    ),
    "ss7_foreign_node": Kind(_foreign_node, (sub.SIGNAL_KIND_SERVING,), reads=_MESSAGES, method=asr.METHOD_SMS),
    "ss7_home_node": Kind(
        _home_node,
        reads=_MESSAGES,
        method=asr.METHOD_SMS,
        unseen="a handset that moves changes nodes of the home network too",
    ),
    "sms_off_takeover": Kind(
        _sms_off,
        (sub.SIGNAL_KIND_SMS_SERVICE, sub.SIGNAL_KIND_REACHABILITY, sub.SIGNAL_KIND_LAST_SEEN),
        reads=(),
        overhears=(asr.METHOD_SMS,),
        method=asr.METHOD_SMS,
    ),
    "relayed_code": Kind(_nothing, unseen="the person received the code on their own SIM and handed it over"),
    "handset_malware": Kind(_nothing, reads=_MESSAGES, unseen="the code was read on the person's own handset"),
    "rented_sim": Kind(_nothing, victim=False, unseen="an ordinary SIM whose owner takes part"),
    "sim_bank": Kind(_bank, (sub.SIGNAL_KIND_SIMS_ON_DEVICE,), victim=False),
    "sim_farm_burst": Kind(
        _recycle,
        (sub.SIGNAL_KIND_ACTIVATE_TIME,),
        victim=False,
        unseen="a young subscription is what a new customer has, until enough of its block are seen",
    ),
    "sim_farm_aged": Kind(_nothing, victim=False, unseen="SIMs months old in separate phones are what people have"),
    "voip_number": Kind(_line(sub.LINE_TYPE_VOIP), (sub.SIGNAL_KIND_LINE_TYPE,), victim=False),
    "landline_number": Kind(_nothing, (sub.SIGNAL_KIND_LINE_TYPE,), victim=False, method=asr.METHOD_VOICE),
    "premium_number": Kind(_line(sub.LINE_TYPE_SPECIAL), (sub.SIGNAL_KIND_LINE_TYPE,), victim=False),
    "unallocated_number": Kind(_nothing, victim=False),
    "other_operator_number": Kind(_nothing, victim=False),
}


def plan_attempt(people: People, name: str, attack: str, time: int, number: str = "", address: str = "") -> Attempt:
    """Plan one attempt whose claim is made at about that time; a run gives number and address."""
    kind, section, attackers = KINDS[attack], people.mix.attacks[attack], people.mix["attackers"]
    person = people.person(name, number)
    dice = person.dice
    after = dice.between(section.span("after_hours")) * HOUR if "after_hours" in section.values else 0
    wants_own = dice.chance(section.share("new_account"))
    bind_time = None
    # Who hands a code over for a new account is mostly somebody who does not use the messenger.
    if kind.victim and not (wants_own and attack in {"relayed_code", "handset_malware"}):
        history = max(dice.between(people.mix["time"].span("history_days")) * DAY, after + DAY / 2)
        bind_time = slot(time - min(history, _LONGEST_HISTORY))
    claim = Claim(
        number=person.number,
        party=person.party,
        account=f"{name}-attacker" if wants_own or bind_time is None else person.account,
        address=address or people.attacker_address(person, dice),
        method=_method(kind, person, dice.chance(attackers.share("method_network"))),
        purpose=pb.PURPOSE_SIGN_UP if wants_own or bind_time is None else pb.PURPOSE_RE_REGISTER,
        key=DeviceKey() if person.key is not None else None,
        page_from=person.number if kind.holds_sim else people.number(dice, dice.pick(people.mix.operators)),
        reads=kind.reads,
        overhears=kind.overhears,
        waits=dice.chance(attackers.share("waits")),
        lock=dice.chance(attackers.share("registration_lock")),
        objected=dice.chance(attackers.share("victim_objects")),
    )
    victim = None
    if bind_time is not None:
        victim = replace(
            claim,
            account=person.account,
            address=people.at_home(person),
            method=asr.METHOD_SMS,
            purpose=pb.PURPOSE_SIGN_UP,
            key=person.key,
            reads=CODES,
            overhears=(),
            page_from=person.number,
        )
    if attack == "handset_malware" and dice.chance(section.share("proxied")):
        address = people.addresses.mobile(person.operator_id, dice)
        claim = replace(claim, address=address, page_from=person.number)
    if attack == "other_operator_number":
        other = people.number(dice, UNWATCHED) if dice.chance(0.5) else f"+336{dice.whole(10_000_000, 99_999_999)}"
        claim = replace(claim, number=other, party="beta", page_from="")
    attempt = Attempt(attack, kind, person, people, section, time, tick(time - after), bind_time, claim, victim)
    attempt.made = kind.prepare(attempt)
    return attempt


def _method(kind: Kind, person: Person, network: bool) -> int:
    if kind.method:
        return kind.method
    if kind.holds_sim and network:
        return asr.METHOD_NETWORK
    return person.method if person.method in kind.reads else asr.METHOD_SMS


def plan_run(people: People, name: str, attack: str, time: int) -> list[Attempt]:
    """Plan the attempts that come together: numbers of one kind, from one place, minutes apart; most are one."""
    section = people.mix.attacks[attack]
    lead = people.person(f"{name}-lead")
    numbers = _numbers(
        people, lead, attack, section.count("numbers_at_once") if "numbers_at_once" in section.values else 1
    )
    address = people.attacker_address(lead, lead.dice)
    attempts = []
    for index, number in enumerate(numbers):
        single = len(numbers) == 1
        attempts.append(
            plan_attempt(people, f"{name}-{index}", attack, time + index * _RUN_GAP, number, "" if single else address)
        )
    return attempts


def _numbers(people: People, lead: Person, attack: str, count: int) -> list[str]:
    dice = lead.dice
    if attack == "landline_number":
        return [people.landline(dice)]
    if attack == "unallocated_number":
        return [people.unallocated(dice)]
    if attack == "sim_farm_burst":
        operator_id, block = people.block(dice)
        return [people.number(dice, operator_id, block) for _ in range(count)]
    return [lead.number] + [people.number(dice, dice.pick(people.mix.operators)) for _ in range(count - 1)]


def begins(attempt: Attempt) -> int:
    """Return when an attempt's first call is made."""
    return min(attempt.crime_time, attempt.time, attempt.bind_time or attempt.time)


async def attack(attempt: Attempt, desk: Desk, timeline: Timeline, claimant: Claimant) -> Attacked:
    """Play an attempt; it begins at the victim's own verification, or at the crime."""
    number = attempt.person.number
    await desk.update(number, attempt.person.setup)
    victim = await claimant.play(attempt.victim) if attempt.victim is not None else None
    await timeline.sleep_until(attempt.crime_time)
    await desk.update(number, attempt.made)
    await timeline.sleep_until(attempt.time)
    result = await claimant.play(attempt.claim)
    return Attacked(attempt.attack, result, victim, attempt.crime_time, _unseen(attempt, victim))


def _unseen(attempt: Attempt, victim: Result | None) -> str:
    """Say why this attempt could not be seen: always for its kind, or for what this operator did not tell."""
    kind, person = attempt.kind, attempt.person
    told = [signal for signal in kind.seen_by if signal not in person.missing and _told(attempt, signal)]
    late = max((made.report_delay.seconds for made in attempt.made), default=0)
    home = attempt.people.addresses.is_home(attempt.claim.address, person.country)
    reasons = (
        (bool(kind.unseen), kind.unseen),
        (person.silent, "the operator answers no lookup of this number"),
        (
            attempt.attack == "ss7_foreign_node" and not home,
            "his client is not at home either, as a traveller's is not",
        ),
        (
            attempt.attack == "ss7_foreign_node" and attempt.people.addresses.is_mobile(attempt.claim.address),
            "his client is on the operator's mobile data, as a roaming traveller's is",
        ),
        (
            attempt.attack == "sms_off_takeover" and len(told) < len(kind.seen_by),
            "this operator does not tell the signals that would show it",
        ),
        (bool(kind.seen_by) and not told, "this operator does not tell the signals that would show it"),
        (
            attempt.crime_time + late > attempt.time + DAY,
            "the operator's records showed the change more than a day after it was used",
        ),
        (
            victim is not None and not victim.bound,
            "the number was not bound before, so that nothing is known to compare with",
        ),
    )
    return next((reason for holds, reason in reasons if holds), "")


def _told(attempt: Attempt, signal: int) -> bool:
    name = sub.SignalKind.Name(signal).removeprefix("SIGNAL_KIND_").lower()  # type: ignore[arg-type]
    profile = attempt.people.network.profiles[attempt.person.operator_id]
    return name not in profile.unsupported
