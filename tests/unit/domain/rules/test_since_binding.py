"""The present against an earlier binding, where `test_either_lookup` does not say it already."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.evidence import DAY, DEVICE, NOW, OWNER, SIM, answer, known, previous, unknown
from fakes.rules import no_answer, own, rests_on
from numseal.domain.evidence import Basis, Lookup, Port, PreviousBinding, SimChange, SimChangeKind
from numseal.domain.operator import CLOCK_SKEW

OTHER_SIM = replace(SIM, ref="6" * 32)
OTHER_OWNER = replace(OWNER, ref="b" * 32)
OTHER_DEVICE = replace(DEVICE, ref="9" * 32)
BOUND_AT = NOW - 30 * DAY


def changed(age: int, kind: SimChangeKind = SimChangeKind.REPLACED, **more: Any) -> Lookup:
    return answer(sim_change=known(SimChange(NOW - age, kind)), **more)


def ported(age: int, **more: Any) -> Lookup:
    return answer(port=known(Port(NOW - age, "beeline")), **more)


def told(age: int) -> PreviousBinding:
    """Make a binding whose SIM changed since, as an event told."""
    return replace(previous(), sim_changed_time=NOW - age)


KNOWN_THEN = 30 * DAY - 120 - CLOCK_SKEW
BY_REF = ("after.sim_ref", "previous.facts.sim_ref")
BY_DATE = ("after.sim_change", "previous.verified_time")


@pytest.mark.parametrize(
    ("changes", "lately", "earlier"),
    [
        # by date
        ({"previous": previous(), "after": changed(DAY - 1)}, BY_DATE, None),
        ({"previous": previous(), "after": changed(DAY)}, None, BY_DATE),
        ({"previous": previous(), "after": changed(30 * DAY - CLOCK_SKEW - 1)}, None, BY_DATE),
        ({"previous": previous(), "after": changed(30 * DAY - CLOCK_SKEW)}, None, None),
        ({"previous": previous(), "after": changed(30 * DAY - 1, sim_ref=known(OTHER_SIM))}, None, BY_DATE),
        ({"previous": previous(), "after": changed(-60)}, BY_DATE, None),
        ({"previous": previous(), "after": answer(sim_change=known(None))}, None, None),
        ({"after": changed(1)}, None, None),
        # the change that was known when the binding was made, by a clock ahead of ours
        (
            {"previous": previous(sim_change_time=BOUND_AT + 120), "after": changed(KNOWN_THEN)},
            None,
            None,
        ),
        (
            {"previous": previous(sim_change_time=BOUND_AT + 120), "after": changed(KNOWN_THEN - 1)},
            None,
            BY_DATE,
        ),
        # by reference, without a date that fits
        ({"previous": previous(), "after": answer(sim_ref=known(OTHER_SIM))}, BY_REF, None),
        ({"previous": previous(), "after": answer(sim_ref=known(OTHER_SIM), sim_change=unknown())}, BY_REF, None),
        ({"after": answer(sim_ref=known(OTHER_SIM))}, None, None),
        ({"previous": previous(sim_ref=None), "after": answer(sim_ref=known(OTHER_SIM))}, None, None),
        ({"previous": previous(), "after": answer(sim_ref=unknown())}, None, None),
        (
            {"previous": previous(), "after": answer(sim_ref=known(replace(OTHER_SIM, basis=Basis.HOME_ROUTED)))},
            None,
            None,
        ),
        (
            {
                "previous": previous(sim_ref=replace(SIM, basis=Basis.HOME_ROUTED)),
                "after": answer(sim_ref=known(OTHER_SIM)),
            },
            None,
            None,
        ),
        # another operator's references are its own
        ({"previous": previous(), "after": answer(operator="beeline", sim_ref=known(OTHER_SIM))}, None, None),
        # by both: the date says how long ago
        ({"previous": previous(), "after": changed(8 * DAY, sim_ref=known(OTHER_SIM))}, None, BY_DATE),
        (
            {"previous": previous(), "before": answer(sim_ref=known(OTHER_SIM)), "after": changed(8 * DAY)},
            None,
            BY_DATE,
        ),
        # two dates: the later one
        ({"previous": previous(), "before": changed(DAY - 1), "after": changed(8 * DAY)}, ("before.sim_change",), None),
        # a second SIM beside the one that was bound
        ({"previous": previous(), "after": changed(DAY, SimChangeKind.MULTISIM)}, None, None),
        (
            {"previous": previous(), "after": changed(DAY - 1, SimChangeKind.MULTISIM, sim_ref=unknown())},
            BY_DATE,
            None,
        ),
        (
            {"previous": previous(), "after": changed(DAY - 1, SimChangeKind.MULTISIM, sim_ref=known(OTHER_SIM))},
            BY_DATE,
            None,
        ),
        # known from an event
        ({"previous": told(DAY - 1)}, ("previous.sim_changed_time",), None),
        ({"previous": told(DAY)}, None, ("previous.sim_changed_time",)),
        ({"previous": told(DAY - 1), "after": changed(8 * DAY)}, ("previous.sim_changed_time",), None),
        ({"previous": told(8 * DAY), "after": changed(DAY)}, None, BY_DATE),
        (
            {"previous": told(DAY - 1), "before": no_answer(), "after": no_answer()},
            ("previous.sim_changed_time",),
            None,
        ),
    ],
)
def test_another_sim(changes: dict[str, Any], lately: tuple[str, ...] | None, earlier: tuple[str, ...] | None) -> None:
    found = rests_on("SIM_CHANGED_SINCE_BINDING", **changes)
    assert (found and found[: len(lately or ())]) == lately
    assert rests_on("SIM_CHANGED_EARLIER", **changes) == earlier


@pytest.mark.parametrize(
    ("changes", "lately", "earlier"),
    [
        ({"previous": previous(), "after": ported(DAY - 1)}, ("after.port", "previous.verified_time"), None),
        ({"previous": previous(), "after": ported(DAY)}, None, ("after.port", "previous.verified_time")),
        ({"previous": previous(), "after": ported(30 * DAY)}, None, None),
        ({"previous": previous(port_time=BOUND_AT + 90), "after": ported(30 * DAY - 90)}, None, None),
        ({"after": ported(1)}, None, None),
        ({"previous": previous(), "after": answer(port=unknown())}, None, None),
        (
            {"previous": previous(operator_id="beeline")},
            ("after.operator_id", "previous.facts.operator_id"),
            None,
        ),
        (
            {"previous": previous(operator_id="beeline"), "after": ported(8 * DAY)},
            None,
            ("after.port", "previous.verified_time"),
        ),
        (
            {"previous": previous(operator_id="beeline"), "before": no_answer(), "after": no_answer()},
            ("routed_operator", "previous.facts.operator_id"),
            None,
        ),
        ({"previous": previous(), "before": no_answer(), "after": no_answer()}, None, None),
        (
            {"previous": previous(), "before": ported(DAY - 1), "after": ported(8 * DAY)},
            ("before.port", "previous.verified_time"),
            None,
        ),
    ],
)
def test_another_operator(
    changes: dict[str, Any], lately: tuple[str, ...] | None, earlier: tuple[str, ...] | None
) -> None:
    assert rests_on("PORTED_SINCE_BINDING", **changes) == lately
    assert rests_on("PORTED_EARLIER", **changes) == earlier


@pytest.mark.parametrize(
    "after",
    [
        answer(subscriber_ref=known(OTHER_OWNER)),
        answer(recycled=known(True)),
        answer(subscriber_ref=unknown(), recycled=known(True)),
    ],
)
def test_another_subscriber_speaks_against_the_old_account_and_for_another(after: Lookup) -> None:
    assert rests_on("REASSIGNED_SINCE_BINDING", previous=own(), after=after) is not None
    assert rests_on("NEW_SUBSCRIBER", previous=own(), after=after) is None
    assert rests_on("NEW_SUBSCRIBER", previous=previous(), after=after) is not None
    assert rests_on("REASSIGNED_SINCE_BINDING", previous=previous(), after=after) is None


@pytest.mark.parametrize("code", ["REASSIGNED_SINCE_BINDING", "NEW_SUBSCRIBER"])
@pytest.mark.parametrize(
    "after",
    [
        answer(),
        answer(recycled=known(False)),
        answer(recycled=unknown(), subscriber_ref=unknown()),
        answer(subscriber_ref=known(replace(OTHER_OWNER, key_epoch="2"))),
        # Whoever ported the number away is a new customer there, and yet not its rightful new owner.
        answer(operator="beeline", subscriber_ref=known(OTHER_OWNER), recycled=known(True)),
    ],
)
def test_no_other_subscriber(code: str, after: Lookup) -> None:
    for earlier in (None, own(), previous()):
        assert rests_on(code, previous=earlier, after=after) is None
    assert (
        rests_on(code, previous=previous(subscriber_ref=None), after=answer(subscriber_ref=known(OTHER_OWNER))) is None
    )


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"previous": previous(device_ref=DEVICE), "after": answer(device_ref=known(OTHER_DEVICE))}, True),
        ({"after": answer(device_ref=known(replace(DEVICE, ref="e" * 32)))}, False),
        (
            {
                "previous": previous(device_ref=DEVICE),
                "after": answer(operator="t2", device_ref=known(replace(DEVICE, ref="e" * 32))),
            },
            False,
        ),
        ({"previous": previous(device_ref=None)}, False),
    ],
)
def test_another_handset(changes: dict[str, Any], found: bool) -> None:
    assert (rests_on("DEVICE_CHANGED_SINCE_BINDING", **changes) is not None) is found


@pytest.mark.parametrize(
    ("earlier", "paths"),
    [
        (own(has_key=True), ("previous.same_key",)),
        (own(has_key=True, same_key=True), None),
        (own(has_key=False), None),
        (replace(previous(), has_key=True), None),
        (None, None),
    ],
)
def test_another_account_key(earlier: Any, paths: tuple[str, ...] | None) -> None:
    assert rests_on("ACCOUNT_KEY_CHANGED", previous=earlier) == paths


IN_HAND = previous(device_ref=DEVICE)
SWAPPED: dict[str, Any] = {
    "sim_ref": known(OTHER_SIM),
    "sim_change": known(SimChange(NOW - 60, SimChangeKind.REPLACED)),
}


def test_a_sim_that_changed_in_the_bound_handset_is_told_and_holds_nobody_up() -> None:
    changes: dict[str, Any] = {"previous": IN_HAND, "after": answer(**SWAPPED)}
    assert rests_on("SIM_CHANGED_SAME_DEVICE", **changes) == (*BY_DATE, "previous.facts.device_ref")
    assert rests_on("SIM_CHANGED_SINCE_BINDING", **changes) is None
    assert rests_on("SIM_CHANGED_EARLIER", **changes) is None
    assert rests_on("SIM_CHANGED_SAME_DEVICE", previous=IN_HAND) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"previous": previous(), "after": answer(**SWAPPED)},
        {"previous": IN_HAND, "after": answer(**SWAPPED, device_ref=known(OTHER_DEVICE))},
        {"previous": IN_HAND, "after": answer(**SWAPPED, device_ref=unknown())},
        {"previous": IN_HAND, "after": answer(**SWAPPED), "before": answer(device_ref=known(OTHER_DEVICE))},
        {"previous": IN_HAND, "after": answer(**SWAPPED, device_ref=known(replace(DEVICE, key_epoch="2")))},
        {"previous": IN_HAND, "after": no_answer(), "before": answer(**SWAPPED)},
    ],
)
def test_another_handset_or_one_that_nobody_names_is_not_the_bound_one(changes: dict[str, Any]) -> None:
    assert rests_on("SIM_CHANGED_SAME_DEVICE", **changes) is None
    assert rests_on("SIM_CHANGED_SINCE_BINDING", **changes) is not None


def test_a_sim_that_came_with_a_port_dates_it() -> None:
    moved = previous(operator_id="beeline")
    came: dict[str, Any] = {"sim_change": known(SimChange(NOW - 2 * DAY, SimChangeKind.PORT_IN)), "port": unknown()}
    assert rests_on("PORTED_SINCE_BINDING", previous=moved, after=answer(**came), before=answer(**came)) is None
    assert rests_on("PORTED_EARLIER", previous=moved, after=answer(**came), before=answer(**came)) == BY_DATE


def test_a_binding_under_suspicion_is_not_made_good_by_a_code() -> None:
    suspected = replace(own(), fraud_suspected=True, same_key=True, has_key=True)
    assert rests_on("FRAUD_SUSPECTED_SINCE_BINDING", previous=suspected) == ("previous.fraud_suspected",)
    assert rests_on("FRAUD_SUSPECTED_SINCE_BINDING", previous=own()) is None
    assert rests_on("FRAUD_SUSPECTED_SINCE_BINDING") is None


def test_what_was_seen_before_the_binding_was_made_is_nothing_since() -> None:
    young = replace(previous(), verified_time=NOW - 30)
    old = answer(at=NOW - 31, subscriber_ref=known(OTHER_OWNER), sim_ref=known(OTHER_SIM))
    for code in ("NEW_SUBSCRIBER", "SIM_CHANGED_SINCE_BINDING", "SIM_CHANGED_EARLIER", "DEVICE_CHANGED_SINCE_BINDING"):
        assert rests_on(code, previous=young, before=old) is None
    fresh = answer(at=NOW - 30, subscriber_ref=known(OTHER_OWNER))
    assert rests_on("NEW_SUBSCRIBER", previous=young, before=fresh) is not None
