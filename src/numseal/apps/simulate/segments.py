"""The legitimate people: what happened to each before they verify, and how they then claim their number.

One function a segment, in the words of the mix file. Nobody here attacks anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from numseal.api.operator.v1 import subscriber_pb2 as sub
from numseal.api.verification.v1 import assurance_pb2 as asr
from numseal.api.verification.v1 import verification_pb2 as pb
from numseal.apps.simulate import changes
from numseal.apps.simulate.changes import Change
from numseal.apps.simulate.claim import Claim, Claimant, DeviceKey, Result
from numseal.apps.simulate.desk import Desk
from numseal.apps.simulate.mix import Section
from numseal.apps.simulate.people import People, Person
from numseal.apps.simulate.timeline import Timeline, slot, tick

DAY, MINUTE = 86_400, 60


@dataclass(slots=True)
class Life:
    """A person's plan; times in Unix seconds.

    `earlier_time` is that of an earlier verification, None without one. `happenings` come in between, by their times.
    `phone_kept` tells whether the handset with the old key is still there. `page_from` is the number whose SIM opens
    network pages.
    """

    person: Person
    segment: str
    time: int
    earlier_time: int | None
    claim: Claim
    earlier: Claim | None
    happenings: list[tuple[int, list[Change]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lived:
    """A person's verification as it went; `earlier` is the one before, where there was one."""

    segment: str
    result: Result
    earlier: Result | None
    missing: int


def plan_life(people: People, name: str, segment: str, time: int) -> Life:
    """Plan a person of a segment who verifies at about that time."""
    mix, section = people.mix, people.mix.segments[segment]
    person = people.person(name)
    dice, habits, messenger = person.dice, mix["habits"], mix.messengers[person.party]
    first = dice.chance(section.share("first_time")) and segment != "recycled_owner"
    earlier_time = None if first else slot(time - dice.between(mix["time"].span("history_days")) * DAY)
    base = Claim(
        number=person.number,
        party=person.party,
        account=person.account,
        address=people.at_home(person),
        method=person.method,
        key=person.key,
        page_from=person.number if dice.chance(habits.share("mobile_data")) else "",
        mistypes=dice.chance(habits.share("wrong_code")),
        resends=dice.chance(habits.share("resend")),
        waits=not dice.chance(habits.share("gives_up_waiting")),
        lock=not first and dice.chance(messenger.share("registration_lock")),
    )
    claim, earlier = base, None
    if earlier_time is not None:
        earlier = replace(base, address=people.at_home(person), method=asr.METHOD_SMS, mistypes=False, resends=False)
        kept = dice.chance(section.share("key_kept"))
        another = dice.chance(messenger.share("another_account_id"))
        claim = replace(
            base,
            purpose=pb.PURPOSE_SIGN_UP if another else pb.PURPOSE_RE_REGISTER,
            account=f"{person.account}-2" if another else person.account,
            key=person.key if kept or person.key is None else DeviceKey(),
            old_key=person.key if kept and another else None,
        )
    life = Life(person, segment, time, earlier_time, claim, earlier)
    _SEGMENTS[segment](people, life, section)
    if dice.chance(mix["noise"].share("lost_messages")):
        life.claim = replace(life.claim, loses_message=True, mistypes=False, resends=False)
    life.happenings.sort(key=lambda happening: happening[0])
    return life


async def live(life: Life, desk: Desk, timeline: Timeline, claimant: Claimant) -> Lived:
    """Play a planned life; it begins at its earlier verification, or at the first thing that happens."""
    await desk.update(life.person.number, life.person.setup)
    earlier = await claimant.play(life.earlier) if life.earlier is not None else None
    for time, made in life.happenings:
        await timeline.sleep_until(time)
        await desk.update(life.person.number, made)
    await timeline.sleep_until(life.time)
    result = await claimant.play(life.claim)
    return Lived(life.segment, result, earlier, len(life.person.missing))


def begins(life: Life) -> int:
    """Return when a life's first call is made."""
    first = life.happenings[0][0] if life.happenings else life.time
    return min(first if life.earlier_time is None else life.earlier_time, first, life.time)


def _changed(life: Life, section: Section, key: str = "changed_days") -> int:
    """Draw when something changed: so many days ago, and after the earlier verification."""
    ago = life.person.dice.between(section.span(key)) * DAY
    if life.earlier_time is not None:
        ago = min(ago, (life.time - life.earlier_time) * 0.95)
    return tick(life.time - ago)


def _happens(life: Life, time: int, *made: Change) -> None:
    life.happenings.append((time, list(made)))


def _stayed_home(_people: People, _life: Life, _section: Section) -> None:
    """Nothing happens."""


def _new_phone(_people: People, life: Life, section: Section) -> None:
    _happens(life, _changed(life, section), changes.device(2 if life.person.dice.chance(0.15) else 1))


def _traveller(people: People, life: Life, section: Section) -> None:
    dice, person = life.person.dice, life.person
    country, plmn = people.abroad(person)
    if dice.chance(section.share("just_landed")):
        time = tick(life.time - dice.between(section.span("landed_minutes")) * MINUTE)
    else:
        time = tick(life.time - dice.between((0.2, 7)) * DAY)
    if life.earlier_time is not None:
        time = max(time, life.earlier_time + MINUTE)
    _happens(life, time, changes.roamed(plmn))
    if dice.chance(section.share("roaming_data")):
        address = people.addresses.mobile(person.operator_id, dice)
    else:
        address = people.addresses.fixed(country, dice)
    life.claim = replace(life.claim, address=address)


def _behind_sms_router(_people: People, life: Life, section: Section) -> None:
    dice, made = life.person.dice, [changes.home_routed()]
    if dice.chance(section.share("looks_absent")):
        absent = dice.one((sub.REACHABILITY_DATA_ONLY, sub.REACHABILITY_NOT_REACHABLE))
        made.append(changes.reachability(absent))
        sms = asr.METHOD_SMS
        life.claim = replace(life.claim, overhears=(sms,), method=sms)
        if life.earlier is not None:
            life.earlier = replace(life.earlier, overhears=(sms,), method=sms)
    life.person.setup += tuple(made)


def _new_sim(people: People, life: Life, section: Section) -> None:
    dice, time = life.person.dice, _changed(life, section)
    kind = dice.one((sub.SIM_CHANGE_KIND_REPLACED, sub.SIM_CHANGE_KIND_REPLACED, sub.SIM_CHANGE_KIND_ESIM))
    made = [changes.swapped(kind, people.skewed(dice, time), people.report_delay(dice))]
    if dice.chance(section.share("phone_lost")):
        made.append(changes.device())
        life.claim = replace(life.claim, key=DeviceKey() if life.claim.key else None, old_key=None)
    _happens(life, time, *made)


def _dual_sim(people: People, life: Life, section: Section) -> None:
    life.person.setup += (changes.device(2),)
    if life.claim.page_from and life.person.dice.chance(section.share("data_over_other_sim")):
        other = people.number(life.person.dice, life.person.dice.pick(people.mix.operators))
        life.claim = replace(life.claim, page_from=other)


def _new_customer(people: People, life: Life, section: Section) -> None:
    time = _changed(life, section)
    _happens(life, time, changes.recycled(people.skewed(life.person.dice, time)))


def _ported(people: People, life: Life, section: Section) -> None:
    dice, person, time = life.person.dice, life.person, _changed(life, section)
    target = people.rival(person)
    if target == person.operator_id:  # the only operator of its country here: a SIM of another brand
        made = changes.swapped(sub.SIM_CHANGE_KIND_PORT_IN, people.skewed(dice, time), people.report_delay(dice))
    else:
        made = changes.ported(target, people.skewed(dice, time), people.report_delay(dice))
    _happens(life, time, made)


def _prepaid_lapse(_people: People, life: Life, section: Section) -> None:
    dice = life.person.dice
    paid = tick(life.time - dice.between(section.span("paid_minutes_ago")) * MINUTE)
    barred = min(_changed(life, section, "barred_days"), paid - MINUTE)
    if life.earlier_time is not None:
        barred, paid = max(barred, life.earlier_time + MINUTE), max(paid, life.earlier_time + 2 * MINUTE)
    _happens(life, barred, changes.services(sub.SERVICE_STATE_BARRED))
    _happens(life, paid, changes.services(sub.SERVICE_STATE_ON))


def _recycled_owner(people: People, life: Life, section: Section) -> None:
    """Let the last owner have a live binding, and the number be given to this person."""
    time, person = _changed(life, section), life.person
    _happens(life, time, changes.recycled(people.skewed(person.dice, time)))
    own = replace(
        life.claim,
        account=f"{person.account}-new",
        purpose=pb.PURPOSE_SIGN_UP,
        key=DeviceKey() if person.key else None,
        old_key=None,
        lock=False,
        new_subscriber=True,
    )
    life.claim = own


_SEGMENTS: Mapping[str, Callable[[People, Life, Section], None]] = {
    "stayed_home": _stayed_home,
    "new_phone": _new_phone,
    "traveller": _traveller,
    "behind_sms_router": _behind_sms_router,
    "new_sim": _new_sim,
    "dual_sim": _dual_sim,
    "new_customer": _new_customer,
    "ported": _ported,
    "prepaid_lapse": _prepaid_lapse,
    "recycled_owner": _recycled_owner,
}
