"""Whatever an operator does when it is asked about a number, the answer is evidence, never an exception."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.evidence import NOW, answer
from fakes.operator import HANG, FakeOperator, everything
from fakes.orders import lookup_request
from numseal.domain.evidence import Lookup, LookupOutcome
from numseal.domain.number_plan import OperatorInfo
from numseal.domain.operator import Phase
from numseal.domain.plmn import Plmn
from numseal.ports.operator_backend import OperatorError
from numseal.usecases import look_up as module
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.look_up import LookUp

REQUEST = lookup_request("+79161234567")
PORTED = Lookup(LookupOutcome.PORTED, "mts", NOW, ported_to="megafon")


async def asked(found: Lookup | Exception, phase: Phase = Phase.BEFORE) -> Lookup:
    operator = FakeOperator("mts", found=[found])
    return await LookUp(AskOperator({"mts": operator}, FakeClock(NOW + 5)))("mts", replace(REQUEST, phase=phase))


@pytest.mark.parametrize("found", [answer(), PORTED, answer(LookupOutcome.NOT_ASSIGNED)], ids=lambda a: a.outcome)
async def test_an_answer_is_taken_at_our_own_time(found: Lookup) -> None:
    assert await asked(found) == replace(found, time=NOW + 5)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(replace(PORTED, ported_to=""), id="ported to nobody"),
        pytest.param(replace(answer(), subscriber=None), id="a subscriber of whom nothing is said"),
        pytest.param(replace(answer(LookupOutcome.NOT_SERVED), ported_to="megafon"), id="not served, and ported"),
        pytest.param(replace(PORTED, subscriber=answer().subscriber), id="ported, and a subscriber"),
        pytest.param(answer(LookupOutcome.UNANSWERED), id="an answer that there is none"),
        pytest.param(replace(answer(), lookup_reference="r" * 257), id="a reference too long"),
        pytest.param(RuntimeError("a bug"), id="an exception of its own"),
    ],
)
@pytest.mark.filterwarnings("default")
async def test_what_cannot_be_is_no_answer(found: Lookup | Exception) -> None:
    assert await asked(found) == Lookup(LookupOutcome.UNANSWERED, "mts", NOW + 5, failure="BROKEN_CONTRACT")


@pytest.mark.parametrize(
    ("plmns", "expected"),
    [
        ({"mts": ("250-01",), "megafon": ("250-02",)}, "megafon"),
        ({"mts": ("250-01",), "megafon": ("250-02", "250-02")}, "megafon"),
        ({"mts": ("250-01",), "megafon": ("250-02",), "yota": ("250-11", "250-02")}, ""),
        ({"mts": ("250-02",), "megafon": ("250-02",), "yota": ("250-02",)}, ""),
        ({"mts": ("250-01", "250-02"), "megafon": ("250-02",)}, ""),
        ({"mts": ("250-01",), "megafon": ("250-20",)}, ""),
        ({"mts": ("250-01",), "megafon": ("250-02",), "landline": ()}, "megafon"),
    ],
    ids=[
        "one",
        "one twice",
        "a virtual one too",
        "three",
        "the one that says so too",
        "nobody",
        "one without networks",
    ],
)
async def test_a_networks_code_leads_to_an_operator_only_where_nobody_else_has_it(
    plmns: dict[str, tuple[str, ...]], expected: str
) -> None:
    known = [OperatorInfo(name, name, tuple(Plmn.parse(code) for code in codes), "RU") for name, codes in plmns.items()]
    look_up = LookUp(AskOperator({}, FakeClock()), known)
    assert await look_up.carried_to(replace(PORTED, ported_to="", ported_plmn="250-02")) == expected
    # An id says more than a code, whoever has that.
    assert await look_up.carried_to(replace(PORTED, ported_to="yota", ported_plmn="250-02")) == "yota"


@pytest.mark.parametrize(
    "said", [OperatorError("DOWN", "no route"), HANG, replace(everything("yota"), plmns=("250-02",))]
)
async def test_what_another_operator_says_of_itself_or_not_leads_no_number_astray(said: Any) -> None:
    known = [
        OperatorInfo(name, name, (Plmn.parse(code),), "RU") for name, code in (("t2", "250-20"), ("yota", "250-11"))
    ]
    yota = FakeOperator("yota", able=said)
    look_up = LookUp(AskOperator({"t2": FakeOperator("t2"), "yota": yota}, FakeClock()), known)
    for code, expected in (("250-20", "t2"), ("250-02", "")):
        assert await look_up.carried_to(replace(PORTED, ported_to="", ported_plmn=code)) == expected
    assert yota.capability_calls == []


async def test_an_error_is_told_by_its_reason() -> None:
    assert (await asked(OperatorError("HLR_DOWN", "no route"))).failure == "HLR_DOWN"


async def test_an_operator_that_is_not_connected() -> None:
    unanswered = await LookUp(AskOperator({}, FakeClock()))("mts", REQUEST)
    assert (unanswered.outcome, unanswered.failure) == (LookupOutcome.UNANSWERED, "OPERATOR_NOT_CONNECTED")


@pytest.mark.parametrize(
    ("phase", "limit"),
    [(Phase.BEFORE, "BEFORE_TIMEOUT"), (Phase.AFTER, "AFTER_TIMEOUT"), (Phase.RECHECK, "AFTER_TIMEOUT")],
)
async def test_silence_has_its_limit(phase: Phase, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, limit, 0.01)
    assert (await asked(HANG, phase)).failure == "TIMEOUT"
