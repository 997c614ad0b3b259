"""Rules that hold against every answered lookup: what one shows, another that says less or better does not undo."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from fakes.evidence import DAY, DEVICE, NODE, NOW, OWNER, SIM, answer, known, previous
from fakes.rules import no_answer, own, rests_on, says_nothing, shown
from numseal.domain.evidence import (
    Forwarding,
    ForwardingKind,
    LineType,
    Lookup,
    LookupOutcome,
    Meta,
    Method,
    Port,
    Signal,
    SignalState,
    SimChange,
    SimChangeKind,
)
from numseal.domain.operator import CLOCK_SKEW
from numseal.domain.rules import RULES

OTHER_SIM = replace(SIM, ref="6" * 32)
BOUND: dict[str, Any] = {"previous": previous()}
OWN: dict[str, Any] = {"previous": own()}
SPOKEN: dict[str, Any] = {"possession": shown(Method.VOICE)}


def sim_changed(age: int) -> Lookup:
    return answer(sim_change=known(SimChange(NOW - age, SimChangeKind.REPLACED)))


def ported(age: int) -> Lookup:
    return answer(port=known(Port(NOW - age, "beeline")))


def forwards(kind: ForwardingKind, *, active: bool = True) -> Lookup:
    return answer(forwarding=known((Forwarding(kind, active),)))


def served(**changes: Any) -> Lookup:
    return answer(serving=known((replace(NODE, **changes),)))


def failed(state: SignalState, code_space: str = "", code: str = "") -> Lookup:
    return answer(recycled=Signal(Meta(state, NOW, code_space=code_space, code=code)))


@dataclass(frozen=True, slots=True)
class Shows:
    """An answer just inside of what a rule finds, one just outside, and what the finding names.

    `paths` are within the lookup, `beside` elsewhere in the evidence, `context` what both need around them.
    """

    code: str
    inside: Lookup
    outside: Lookup
    paths: tuple[str, ...]
    beside: tuple[str, ...] = ()
    context: dict[str, Any] = field(default_factory=dict)

    def rests_on(self, where: str) -> tuple[str, ...]:
        return (*(f"{where}.{path}" for path in self.paths), *self.beside)

    def find(self, before: Lookup, after: Lookup | None, further: Lookup | None = None) -> tuple[str, ...] | None:
        resent = () if further is None else (further,)
        return rests_on(self.code, before=before, before_resend=resent, after=after, **self.context)


GIVEN_ANEW: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "subscriber_ref",
        {"subscriber_ref": known(replace(OWNER, ref="b" * 32))},
        {"subscriber_ref": known(replace(OWNER, ref="b" * 32)), "recycled": known(True)},
    ),
    (
        "activate_time",
        {"activate_time": known(NOW - 30 * DAY + 1)},
        {"activate_time": known(NOW - 30 * DAY)},
    ),
    (
        "sim_change",
        {"sim_change": known(SimChange(NOW - 30 * DAY + 1, SimChangeKind.NEW))},
        {"sim_change": known(SimChange(NOW - 30 * DAY + 1, SimChangeKind.REPLACED))},
    ),
]

EITHER = [
    Shows("NUMBER_UNALLOCATED", answer(LookupOutcome.NOT_ASSIGNED), answer(LookupOutcome.NOT_SERVED), ("outcome",)),
    Shows("NUMBER_NOT_SERVED", answer(LookupOutcome.NOT_SERVED), answer(LookupOutcome.NOT_ASSIGNED), ("outcome",)),
    Shows("NUMBER_NOT_SERVED", answer(LookupOutcome.PORTED), answer(), ("outcome",)),
    *[
        Shows("LINE_NOT_MOBILE", answer(line_type=known(line)), answer(), ("line_type",))
        for line in LineType
        if line is not LineType.MOBILE
    ],
    Shows("OPERATOR_MISMATCH", answer(operator="beeline"), answer(), ("operator_id",), ("routed_operator",)),
    Shows("SIGNAL_FAILED", failed(SignalState.ERROR), failed(SignalState.UNKNOWN, "map", "34"), ("recycled",)),
    *[
        Shows("ACTIVE_YET_UNKNOWN", failed(state, "map", code), failed(state, space, other), ("recycled",))
        for state, code, space, other in [
            (SignalState.ERROR, "1", "map", "27"),
            (SignalState.OK, "5", "vendor", "5"),
            (SignalState.UNKNOWN, "9", "map", "8"),
            (SignalState.STALE, "12", "", "12"),
            (SignalState.NO_COVERAGE, "44", "MAP", "44"),
        ]
    ],
    Shows(
        "SIM_CHANGED_SINCE_BINDING",
        answer(sim_ref=known(OTHER_SIM)),
        answer(sim_ref=known(replace(OTHER_SIM, key_epoch="2"))),
        ("sim_ref",),
        ("previous.facts.sim_ref",),
        BOUND,
    ),
    Shows(
        "SIM_CHANGED_SINCE_BINDING",
        sim_changed(DAY - 1),
        sim_changed(30 * DAY),
        ("sim_change",),
        ("previous.verified_time",),
        BOUND,
    ),
    Shows(
        "SIM_CHANGED_EARLIER",
        sim_changed(30 * DAY - CLOCK_SKEW - 1),
        sim_changed(30 * DAY - CLOCK_SKEW),
        ("sim_change",),
        ("previous.verified_time",),
        BOUND,
    ),
    Shows(
        "PORTED_SINCE_BINDING",
        ported(DAY - 1),
        ported(30 * DAY),
        ("port",),
        ("previous.verified_time",),
        BOUND,
    ),
    Shows("PORTED_EARLIER", ported(30 * DAY - 1), ported(30 * DAY), ("port",), ("previous.verified_time",), BOUND),
    Shows(
        "PORTED_SINCE_BINDING",
        answer(operator="beeline"),
        answer(),
        ("operator_id",),
        ("previous.facts.operator_id",),
        BOUND,
    ),
    *[
        Shows(
            code,
            answer(subscriber_ref=known(replace(OWNER, ref="b" * 32))),
            answer(subscriber_ref=known(replace(OWNER, ref="b" * 32, key_epoch="2"))),
            ("subscriber_ref",),
            ("previous.facts.subscriber_ref",),
            context,
        )
        for code, context in [("REASSIGNED_SINCE_BINDING", OWN), ("NEW_SUBSCRIBER", BOUND)]
    ],
    *[
        Shows(
            code,
            answer(recycled=known(True)),
            answer(recycled=known(True), operator="beeline"),
            ("recycled",),
            ("previous.verified_time",),
            context,
        )
        for code, context in [("REASSIGNED_SINCE_BINDING", OWN), ("NEW_SUBSCRIBER", BOUND)]
    ],
    Shows(
        "DEVICE_CHANGED_SINCE_BINDING",
        answer(device_ref=known(replace(DEVICE, ref="e" * 32))),
        answer(device_ref=known(replace(DEVICE, ref="e" * 32, key_epoch="2"))),
        ("device_ref",),
        ("previous.facts.device_ref",),
        {"previous": previous(device_ref=DEVICE)},
    ),
    Shows("SIM_RECENT", sim_changed(3 * DAY - 1), sim_changed(3 * DAY), ("sim_change",)),
    Shows("PORT_RECENT", ported(3 * DAY - 1), ported(3 * DAY), ("port",)),
    Shows(
        "SUBSCRIPTION_RECENT",
        answer(activate_time=known(NOW - 3 * DAY + 1)),
        answer(activate_time=known(NOW - 3 * DAY)),
        ("activate_time",),
    ),
    Shows("MANY_SIMS_IN_DEVICE", answer(sims_on_device=known(5)), answer(sims_on_device=known(4)), ("sims_on_device",)),
    Shows(
        "FORWARDING_ACTIVE",
        forwards(ForwardingKind.UNCONDITIONAL),
        forwards(ForwardingKind.UNCONDITIONAL, active=False),
        ("forwarding",),
    ),
    *[
        Shows(
            "VOICE_CODE_FORWARDED",
            forwards(kind),
            forwards(kind, active=False),
            ("forwarding",),
            ("possession.method",),
            SPOKEN,
        )
        for kind in ForwardingKind
        if kind is not ForwardingKind.NOT_REACHABLE
    ],
    Shows(
        "FOREIGN_LOCATION_FRESH",
        served(plmn="262-01", update_time=NOW - 30 - 1800 + 1),
        served(plmn="262-01", update_time=NOW - 30 - 1800),
        ("serving",),
        ("client.country",),
    ),
    Shows(
        "OTHER_NETWORK_FRESH",
        served(plmn="250-02", update_time=NOW - 30 - 1800 + 1),
        served(plmn="250-02", update_time=NOW - 30 - 1800),
        ("serving",),
        ("home_plmns",),
    ),
    Shows("ROAMING", served(plmn="262-01"), served(plmn="250-02"), ("serving",)),
    Shows(
        "SIM_OLDER_THAN_SUBSCRIPTION",
        answer(activate_time=known(NOW - 9 * DAY), sim_change=known(SimChange(NOW - 11 * DAY - 1, SimChangeKind.NEW))),
        answer(activate_time=known(NOW - 9 * DAY), sim_change=known(SimChange(NOW - 11 * DAY, SimChangeKind.NEW))),
        ("sim_change", "activate_time"),
    ),
    *[
        Shows("SWAP_CONTRADICTS_RECYCLING", answer(**inside), answer(**outside), ("recycled", name), (), OWN)
        for name, inside, outside in GIVEN_ANEW
    ],
]

COMPARING = {
    "SIM_CHANGED_SAME_DEVICE",
    "SIM_CHANGED_DURING_VERIFICATION",
    "SERVING_CHANGED_DURING_VERIFICATION",
    "NODE_CHANGED",
    "FORWARDING_CHANGED_DURING_VERIFICATION",
    "CODE_COULD_NOT_ARRIVE",
}
APART_FROM_SIGNALS = {
    "LOOKUP_UNANSWERED",
    "ACCOUNT_KEY_CHANGED",
    "CODE_ANSWERED_UNDELIVERED",
    "CLIENT_HOSTING",
    "CLIENT_ELSEWHERE",
    "NETWORK_MISMATCH",
    "MANY_ACCOUNTS_OF_NUMBER",
    "MANY_NUMBERS_OF_ACCOUNT",
    "MANY_NUMBERS_OF_DEVICE_KEY",
    "MANY_NUMBERS_IN_DEVICE",
    "MANY_NUMBERS_OF_CLIENT_NETWORK",
    "MANY_NUMBERS_OF_SHARED_NETWORK",
    "FRESH_BURST_IN_RANGE",
    "REPORTED_BEFORE",
    "MANY_RELYING_PARTIES_OF_NUMBER",
    "FRAUD_SUSPECTED_SINCE_BINDING",
}

either = pytest.mark.parametrize("shows", EITHER, ids=lambda shows: f"{shows.code}-{'-'.join(shows.paths)}")


def test_every_rule_about_signals_but_those_that_compare_lookups_holds_against_either() -> None:
    assert {shows.code for shows in EITHER} == RULES.keys() - COMPARING - APART_FROM_SIGNALS


@either
def test_what_the_lookup_before_the_code_shows_counts_before_there_is_another(shows: Shows) -> None:
    assert shows.find(shows.inside, None) == shows.rests_on("before")
    assert shows.find(shows.outside, None) is None


@either
def test_what_the_lookup_before_the_code_shows_is_not_undone_by_a_better_answer(shows: Shows) -> None:
    assert shows.find(shows.inside, shows.outside) == shows.rests_on("before")
    assert shows.find(shows.inside, answer()) == shows.rests_on("before")


@either
def test_what_the_lookup_before_the_code_shows_is_not_undone_by_an_answer_that_says_less(shows: Shows) -> None:
    for after in (says_nothing(), no_answer()):
        assert shows.find(shows.inside, after) == shows.rests_on("before")
        assert shows.find(shows.outside, after) is None


@either
def test_what_the_lookup_after_the_code_shows_counts_whatever_the_one_before_said(shows: Shows) -> None:
    for before in (shows.outside, answer(), says_nothing(), no_answer()):
        assert shows.find(before, shows.inside) == shows.rests_on("after")


@either
def test_what_the_lookup_before_a_further_code_shows_counts_too(shows: Shows) -> None:
    for before in (shows.outside, says_nothing(), no_answer()):
        for after in (None, shows.outside, says_nothing(), no_answer()):
            assert shows.find(before, after, shows.inside) == shows.rests_on("before_resend")
            assert shows.find(before, after, shows.outside) is None


@either
def test_a_further_lookup_does_not_undo_what_the_first_one_shows(shows: Shows) -> None:
    for further in (shows.outside, says_nothing(), no_answer()):
        assert shows.find(shows.inside, says_nothing(), further) == shows.rests_on("before")


@either
def test_where_neither_lookup_shows_it_there_is_no_finding(shows: Shows) -> None:
    assert shows.find(shows.outside, shows.outside) is None
    assert shows.find(says_nothing(), says_nothing()) is None
    assert shows.find(no_answer(), no_answer()) is None


@either
def test_where_both_lookups_show_it_the_later_one_is_named_first(shows: Shows) -> None:
    found = shows.find(shows.inside, shows.inside)
    assert found is not None
    assert found[: len(shows.paths)] == shows.rests_on("after")[: len(shows.paths)]
