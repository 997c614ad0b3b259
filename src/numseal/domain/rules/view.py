"""What rules look at: evidence as one evaluation sees it, each value read once. No rule lives here.

A value is there only where its signal is OK, so a rule that needs it cannot mistake what is missing for a pass. What
one answered lookup shows, another that says less or better does not undo: rules look at all, the newest first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from numseal.domain.evidence import (
    SIGNAL_NAMES,
    Basis,
    ContractType,
    DeviceRef,
    Evidence,
    Forwarding,
    LineType,
    Lookup,
    LookupOutcome,
    Meta,
    Method,
    Port,
    Possession,
    PreviousBinding,
    Reachability,
    ServiceState,
    Serving,
    Signal,
    SignalState,
    SimChange,
    SimRef,
    Subscriber,
    SubscriberRef,
)
from numseal.domain.mobile_country import country_of_plmn
from numseal.domain.policy import RuleSetting
from numseal.domain.verdict import Finding

MINUTE, HOUR, DAY = 60, 3_600, 86_400

# Named once: to look up a member of an enumeration costs ten times what comparing it does.
_OK, _ERROR, _UNANSWERED, _NETWORK = (
    SignalState.OK,
    SignalState.ERROR,
    LookupOutcome.UNANSWERED,
    Method.NETWORK,
)


class Seen(NamedTuple):
    """What one lookup showed of the subscriber; None for what it did not. `where` is its name in evidence paths.

    The other fields are the signals, in the order of the contract.
    """

    where: str
    operator_id: str
    time: int
    subscriber_ref: SubscriberRef | None
    sim_ref: SimRef | None
    device_ref: DeviceRef | None
    line_type: LineType | None
    contract_type: ContractType | None
    identity_on_file: bool | None
    activate_time: int | None
    sim_change: SimChange | None
    port: Port | None
    recycled: bool | None
    forwarding: tuple[Forwarding, ...] | None
    sms_service: ServiceState | None
    voice_service: ServiceState | None
    data_service: ServiceState | None
    reachability: Reachability | None
    last_seen: int | None
    serving: tuple[Serving, ...] | None
    sims_on_device: int | None

    @property
    def home_routed(self) -> bool:
        """Whether a home-routing node answered for the HLR (TS 23.840); such an answer says little of the handset."""
        if self.sim_ref is not None and self.sim_ref.basis is Basis.HOME_ROUTED:
            return True
        return any(node.basis is Basis.HOME_ROUTED for node in self.serving or ())


@dataclass(frozen=True, slots=True)
class View:
    """One evaluation's view.

    `lookups` are those answered, `seen` those of them that found a subscriber, `unanswered` the names of those that
    failed; `since` what was seen since the earlier binding: an older answer tells of whoever had the number before;
    `marked` every signal that failed or carries a code of its source; `codes` the possessions by a code; all
    the newest first. `home` are the countries of the number and of its operator's networks, empty where not known.
    """

    evidence: Evidence
    previous: PreviousBinding | None
    lookups: tuple[tuple[str, Lookup], ...]
    seen: tuple[Seen, ...]
    since: tuple[Seen, ...]
    unanswered: tuple[str, ...]
    marked: tuple[tuple[str, Meta], ...]
    possessions: tuple[Possession, ...]
    codes: tuple[Possession, ...]
    home: frozenset[str]

    @property
    def network_shown(self) -> bool:
        """Whether possession was shown through the network."""
        return len(self.codes) < len(self.possessions)


Rule = Callable[[View, RuleSetting], Finding | None]


def view_of(evidence: Evidence) -> View:
    """Read the evidence once for all rules."""
    after = (("after", evidence.after),) if evidence.after is not None else ()
    further = (("before_resend", lookup) for lookup in reversed(evidence.before_resend))
    lookups, seen, unanswered = [], [], []
    marked: list[tuple[str, Meta]] = []
    for where, lookup in (*after, *further, ("before", evidence.before)):
        if lookup.outcome is _UNANSWERED:
            unanswered.append(where)
            continue
        lookups.append((where, lookup))
        if lookup.subscriber is not None:
            seen.append(_read(where, lookup, lookup.subscriber, marked))
    possessions, previous = evidence.possessions(), evidence.previous
    return View(
        evidence=evidence,
        previous=previous,
        lookups=tuple(lookups),
        seen=tuple(seen),
        since=tuple([shown for shown in seen if shown.time >= previous.verified_time]) if previous else (),
        unanswered=tuple(unanswered),
        marked=tuple(marked),
        possessions=possessions,
        codes=tuple(shown for shown in possessions if shown.method is not _NETWORK),
        home=_home(evidence.country, evidence.home_plmns),
    )


_signals = attrgetter(*SIGNAL_NAMES)


def _read(where: str, lookup: Lookup, found: Subscriber, marked: list[tuple[str, Meta]]) -> Seen:
    signals: tuple[Signal[Any], ...] = _signals(found)
    for name, signal in zip(SIGNAL_NAMES, signals, strict=True):
        meta = signal.meta
        if meta.code or meta.state is _ERROR:
            marked.append((f"{where}.{name}", meta))
    known = [signal.value if signal.meta.state is _OK else None for signal in signals]
    return Seen(where, lookup.operator_id, lookup.time, *known)


@lru_cache(maxsize=1_024)
def _home(country: str, plmns: tuple[str, ...]) -> frozenset[str]:
    countries = {country_of_plmn(plmn) for plmn in plmns}
    # "001" stands for the world, which is nobody's home (UN M.49).
    countries.add(country if country.isalpha() else None)
    return frozenset(found for found in countries if found is not None)


def found(code: str, setting: RuleSetting, sentence: str, *evidence: str) -> Finding:
    """Make a rule's finding under its setting; `evidence` are the paths it rests on."""
    return Finding(code, setting.severity, sentence, evidence, setting.cap)
