"""Waiting answers only where the SIM stayed, and only where the operator shows that it did."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.evidence import DAY, NOW, SIM, answer, evidence, known, unknown
from numseal.domain.evidence import (
    Answer,
    Basis,
    Grant,
    LookupOutcome,
    Method,
    Possession,
    SimChange,
    SimChangeKind,
)
from numseal.domain.rules.waiting import waited_out

WAITED = (Grant(Answer.WAIT, NOW + 3 * DAY),)
SHOWN = Possession(Method.SMS, NOW - 30, NOW)
OTHER = replace(SIM, ref="6" * 32)


def after(**signals: Any) -> bool:
    return waited_out(evidence(grants=WAITED, possession=SHOWN, after=answer(**signals)))


def changed(time: int) -> Any:
    return known(SimChange(time, SimChangeKind.REPLACED))


def test_a_sim_that_stayed_was_waited_out() -> None:
    assert after()
    assert after(sim_change=known(None))
    assert after(sim_change=changed(NOW))


def test_a_sim_that_changed_after_control_was_shown_was_not() -> None:
    assert not after(sim_change=changed(NOW + 1))
    assert not after(sim_ref=known(OTHER))


def test_references_that_do_not_compare_say_nothing() -> None:
    assert after(sim_ref=known(replace(OTHER, key_epoch="2")))
    assert after(sim_ref=known(replace(OTHER, basis=Basis.HOME_ROUTED)))
    assert after(sim_ref=unknown())


def test_what_the_operator_does_not_tell_is_no_yes() -> None:
    assert not after(sim_change=unknown())
    silent = evidence(grants=WAITED, possession=SHOWN, after=answer(LookupOutcome.UNANSWERED))
    assert not waited_out(silent)
    assert not waited_out(replace(silent, after=None))


def test_a_lookup_before_that_found_nobody_leaves_the_operators_dates() -> None:
    assert waited_out(evidence(grants=WAITED, possession=SHOWN, before=answer(LookupOutcome.UNANSWERED)))


def test_the_first_of_several_possessions_counts() -> None:
    first = Possession(Method.VOICE, NOW - DAY, NOW - DAY + 30)
    found = evidence(grants=WAITED, possession=SHOWN, earlier=(first,), after=answer(sim_change=changed(NOW - 60)))
    assert not waited_out(found)


@pytest.mark.parametrize("grants", [(), (Grant(Answer.REGISTRATION_LOCK, NOW, "pin"),)])
def test_without_the_grant_or_a_possession_nothing_was_waited_out(grants: tuple[Grant, ...]) -> None:
    assert not waited_out(evidence(grants=grants, possession=SHOWN))
    assert not waited_out(evidence(grants=WAITED, possession=None))


def test_references_of_two_operators_do_not_compare() -> None:
    ported = answer(operator="megafon", sim_ref=known(OTHER))
    assert waited_out(evidence(grants=WAITED, possession=SHOWN, after=ported))
