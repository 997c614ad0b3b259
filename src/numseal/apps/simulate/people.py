"""The people: who has which number at which operator and messenger, and what their operator leaves unsaid.

Draws from the seed and makes no call. A number is drawn once and belongs to one person or one attack.
"""

from dataclasses import dataclass

from numseal.adapters.clock import SimulatedClock
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.adapters.operators.simulator.operators import OPERATORS, UNASSIGNED, OperatorProfile
from numseal.api.simulator.v1 import simulator_pb2 as sim
from numseal.api.verification.v1 import assurance_pb2 as asr
from numseal.apps.simulate import changes
from numseal.apps.simulate.addresses import Addresses
from numseal.apps.simulate.changes import SIGNALS, Change
from numseal.apps.simulate.claim import DeviceKey
from numseal.apps.simulate.dice import Dice
from numseal.apps.simulate.mix import Mix
from numseal.domain.evidence import LineType
from numseal.domain.number_plan import Range  # noqa: TC001 - as everywhere here, imports stand in one place
from numseal.domain.simulation import SubscriptionState

METHODS = {
    "SMS": asr.METHOD_SMS,
    "VOICE": asr.METHOD_VOICE,
    "OPERATOR_CODE": asr.METHOD_OPERATOR_CODE,
    "NETWORK": asr.METHOD_NETWORK,
}
UNWATCHED = "kcell"
"""The operator that only the messenger alpha has an agreement with."""

_HOUR = 3_600
_MOST_CHANGES = 10


@dataclass(slots=True)
class Person:
    """A subscriber and how they use a messenger; `missing` are signals (SignalKind) without a value."""

    name: str
    dice: Dice
    number: str
    operator_id: str
    country: str
    plmn: str
    party: str
    account: str
    key: DeviceKey | None
    method: int
    missing: tuple[int, ...] = ()
    silent: bool = False
    setup: tuple[Change, ...] = ()


class People:
    """Draws people and numbers; owns the numbers that were given out."""

    def __init__(self, mix: Mix, seed: int, profiles: tuple[OperatorProfile, ...] = OPERATORS) -> None:
        """Take the mix, the seed, which is the simulated network's too, and the operators' ways."""
        self.mix = mix
        self.seed = seed
        self.addresses = Addresses()
        self.network = SimulatedNetwork(seed, SimulatedClock(0), profiles=profiles)
        self._ranges: dict[str, list[Range]] = {}
        for item in self.network.plan.ranges():
            self._ranges.setdefault(item.operator_id, []).append(item)
        self._given: set[str] = set()
        self.countries = {profile.info.operator_id: profile.info.country for profile in OPERATORS}
        self.plmns = {
            profile.info.operator_id: str(profile.info.plmns[0]) for profile in OPERATORS if profile.info.plmns
        }

    def person(self, name: str, number: str = "") -> Person:
        """Draw a person with a number of their own, or with this one; the same for the same seed and name."""
        dice = Dice(self.seed, name)
        number = number or self.number(dice, dice.pick(self.mix.operators))
        subscriber = self.network.subscriber(number)
        party = dice.pick({key: section.share("share") for key, section in self.mix.messengers.items()})
        if subscriber.operator_id == UNWATCHED:
            party = "alpha"
        messenger = self.mix.messengers[party]
        made = Person(
            name=name,
            dice=dice,
            number=number,
            operator_id=subscriber.operator_id,
            country=self.countries[subscriber.operator_id],
            plmn=subscriber.plmn,
            party=party,
            account=f"{name}-account",
            key=DeviceKey() if dice.chance(messenger.share("device_keys")) else None,
            method=METHODS[dice.pick({key: self.mix["methods"].share(key) for key in METHODS})],
        )
        self._noise(made)
        return made

    def number(self, dice: Dice, operator_id: str, block: str = "") -> str:
        """Draw an ordinary mobile number of an operator, in a block of 10,000 where one is given."""
        while True:
            found = dice.one(self._ranges[operator_id])
            prefix = block or found.prefix
            digits = found.length + 1 - len(prefix)
            number = f"{prefix}{dice.bits(64) % 10**digits:0{digits}d}"
            subscriber = self.network.find(number)
            if (
                number not in self._given
                and subscriber is not None
                and subscriber.state is SubscriptionState.ACTIVE
                and subscriber.line_type is LineType.MOBILE
                and subscriber.serving_plmn == subscriber.plmn
                and not subscriber.home_routed
            ):
                self._given.add(number)
                return number

    def block(self, dice: Dice) -> tuple[str, str]:
        """Draw a block of 10,000 numbers of one operator: operator and prefix."""
        operator_id = dice.pick(self.mix.operators)
        number = self.number(dice, operator_id)
        return operator_id, number[:-4]

    def unallocated(self, dice: Dice) -> str:
        """Draw a number in an operator's range that nobody has."""
        found = dice.one(self._ranges[dice.pick(self.mix.operators)])
        digits = found.length + 1 - len(found.prefix) - len(UNASSIGNED)
        return f"{found.prefix}{UNASSIGNED}{dice.bits(64) % 10**digits:0{digits}d}"

    def landline(self, dice: Dice) -> str:
        """Draw a number of a fixed network."""
        fixed = [name for name in self._ranges if name not in self.plmns]
        found = dice.one(self._ranges[dice.one(sorted(fixed))])
        digits = found.length + 1 - len(found.prefix)
        return f"{found.prefix}{1 + dice.bits(64) % (10**digits - 1):0{digits}d}"

    def rival(self, person: Person) -> str:
        """Draw another mobile operator of the person's country; their own where there is none."""
        others = [
            name
            for name in sorted(self.plmns)
            if self.countries[name] == person.country and name not in {person.operator_id, UNWATCHED}
        ]
        return person.dice.one(others) if others else person.operator_id

    def abroad(self, person: Person) -> tuple[str, str]:
        """Draw a country other than the person's and a network there as "MCC-MNC"."""
        others = [name for name in sorted(self.plmns) if self.countries[name] != person.country]
        chosen = person.dice.one(others)
        return self.countries[chosen], self.plmns[chosen]

    def at_home(self, person: Person) -> str:
        """Draw the client's address of somebody at home."""
        where = person.dice.pick({key: self.mix["client"].share(key) for key in ("mobile", "fixed", "hosting")})
        if where == "mobile":
            return self.addresses.mobile(person.operator_id, person.dice)
        return (
            self.addresses.hosting(person.dice)
            if where == "hosting"
            else self.addresses.fixed(person.country, person.dice)
        )

    def attacker_address(self, victim: Person, dice: Dice) -> str:
        """Draw the client's address of somebody who attacks this person's number."""
        where = dice.pick(self.mix["attackers"].weights("client"))
        if where == "mobile":
            return self.addresses.mobile(victim.operator_id, dice)
        if where == "fixed_home":
            return self.addresses.fixed(victim.country, dice)
        return self.addresses.hosting(dice) if where == "hosting" else self.addresses.abroad(victim.country, dice)

    def report_delay(self, dice: Dice) -> int:
        """Draw how late an operator shows a SIM change or port, seconds."""
        noise = self.mix["noise"]
        if not dice.chance(noise.share("report_delayed")):
            return 0
        return int(dice.between(noise.span("report_delay_hours")) * _HOUR)

    def skewed(self, dice: Dice, time: int) -> int:
        """Return a time as an operator's clock has it: up to the skew too early."""
        return time - dice.whole(0, self.mix["noise"].count("clock_skew_seconds"))

    def _noise(self, person: Person) -> None:
        noise, dice = self.mix["noise"], person.dice
        made: list[Change] = []
        missing = tuple(signal for signal in SIGNALS if dice.chance(noise.share("missing_signals")))[:_MOST_CHANGES]
        made += [changes.missing(signal, error=dice.chance(noise.share("missing_as_error"))) for signal in missing]
        if dice.chance(noise.share("failed_lookups")):
            person.silent = True
            made.append(changes.silent_lookups())
        if dice.chance(noise.share("no_receipt")):
            made.append(changes.delivery(sim.DELIVERY_BEHAVIOR_NO_RECEIPT))
        person.missing, person.setup = missing, tuple(made)
