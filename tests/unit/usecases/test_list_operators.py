"""Operators as administrators see them: known, connected or not, and how well."""

from dataclasses import replace

import pytest

from fakes.desk import Ground
from fakes.evidence import NOW, answer
from fakes.operator import everything
from numseal.adapters.operators.simulator.operators import OPERATORS
from numseal.domain.errors import Refusal
from numseal.domain.operator import LookupRequest, Phase
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.list_operators import ListOperators
from numseal.usecases.operator_circuit import FIRST_PAUSE, LONGEST_PAUSE, MIN_CALLS, CircuitState

NAMES = {profile.info.operator_id: profile.info for profile in OPERATORS}


def listing(ground: Ground) -> tuple[ListOperators, AskOperator]:
    ask = AskOperator({"mts": ground.mts, "own": ground.megafon}, ground.clock)
    return ListOperators(ask=ask, known=("mts", "t2"), connected=("mts", "own"), names=NAMES), ask


async def test_those_of_the_plan_and_those_connected_are_listed_once(ground: Ground) -> None:
    ground.megafon.able = replace(everything("own"), plmns=("250-02",))
    operators, _ = listing(ground)
    views, after = await operators.page("", 10)
    assert ([view.operator_id for view in views], after) == (["mts", "own", "t2"], "")
    assert [view.display_name for view in views] == ["MTS", "own", NAMES["t2"].name]
    assert [view.plmns for view in views] == [("250-01",), ("250-02",), tuple(map(str, NAMES["t2"].plmns))]
    assert [view.unavailable_reason for view in views] == ["", "", "OPERATOR_NOT_CONNECTED"]
    assert (await operators.page("", 2))[1] == "own"
    assert [view.operator_id for view in (await operators.page("own", 2))[0]] == ["t2"]
    with pytest.raises(Refusal, match="no such operator"):
        await operators.get("beeline")


async def test_one_that_does_not_tell_what_it_can_do_says_so(ground: Ground) -> None:
    ground.mts.able = OperatorError("DOWN", "no route")
    operators, _ = listing(ground)
    view = await operators.get("mts")
    assert (view.capabilities, view.unavailable_reason) == (None, "CAPABILITIES_UNKNOWN")
    assert view.plmns == tuple(map(str, NAMES["mts"].plmns))


async def test_one_that_is_left_alone_says_so(ground: Ground) -> None:
    operators, ask = listing(ground)
    ground.mts.found = [OperatorError("DOWN", "no route")]
    request = LookupRequest("r-1", "+79161234567", Phase.BEFORE, "a-1", "SIGN_UP", since_time=NOW)
    for _ in range(MIN_CALLS):
        await ask.look_up("mts", request, 1.0)
    ground.mts.found = [answer()]
    # One that is well under another agreement is unwell all the same.
    await ask.look_up("mts", replace(request, agreement_id="a-2"), 1.0)
    view = await operators.get("mts")
    assert (view.unavailable_reason, view.circuits["look_up"]) == ("OPERATOR_UNWELL", CircuitState.OPEN)
    assert view.circuits["capabilities"] is CircuitState.CLOSED
    # Nobody asks under that one any more: what it came to says nothing of the present.
    ground.clock.advance(int(FIRST_PAUSE + LONGEST_PAUSE) + 1)
    assert (await operators.get("mts")).unavailable_reason == ""
