"""One answer about a number from several parts: who is asked for what, who decides, and what stays unknown."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.composed import Whole, able
from fakes.evidence import DAY, NOW, answer, known
from fakes.operator import HANG
from fakes.orders import lookup_request
from numseal.domain.evidence import (
    LineType,
    Lookup,
    LookupOutcome,
    Meta,
    Port,
    ServiceState,
    Signal,
    SignalState,
    Statement,
    Subscriber,
)
from numseal.domain.operator import Phase
from numseal.ports.operator_backend import OperatorError

NUMBER = "+79161234567"
STATE = ("line_type", "sms_service", "port")
SWAP = ("sim_change", "port")
DOWN = OperatorError("HLR_DOWN", "no route")


def found(**signals: Any) -> Lookup:
    """Make an answer that has these signals and nothing else."""
    return replace(answer(), subscriber=Subscriber(**signals))


@pytest.fixture
def whole() -> Whole:
    """A part that sends codes, one that knows the state, one that knows the swap and, second to that, the port."""
    made = Whole(FakeClock(NOW), smsc=able(), hlr=able(signals=STATE), camara=able(signals=SWAP))
    made["hlr"].found = [
        found(
            line_type=known(LineType.MOBILE),
            sms_service=Signal(Meta(SignalState.OK, NOW), ServiceState.ON),
            port=known(Port(NOW - DAY, "t2")),
        )
    ]
    made["camara"].found = [found(sim_change=known(None), port=known(None))]
    return made


async def looked_up(whole: Whole, *signals: str, phase: Phase = Phase.BEFORE) -> Lookup:
    request = lookup_request(NUMBER, signals=signals or ("line_type", "sms_service", "sim_change", "port"))
    return await whole.operator.look_up(replace(request, phase=phase))


def adjust(whole: Whole, part: str, **changes: Any) -> None:
    """Change the one answer of a part."""
    (told,) = whole[part].found
    assert isinstance(told, Lookup)
    whole[part].found = [replace(told, **changes)]


def meta(lookup: Lookup, name: str) -> Meta:
    assert lookup.subscriber is not None
    signal: Signal[object] = getattr(lookup.subscriber, name)
    assert (signal.value is not None) <= (signal.meta.state is SignalState.OK)
    return signal.meta


def says(part: str, code: str, state: SignalState = SignalState.ERROR) -> Meta:
    return Meta(state, source=part, code_space="numseal", code=code)


async def test_each_signal_is_its_first_parts_and_names_it(whole: Whole) -> None:
    lookup = await looked_up(whole)
    assert (lookup.outcome, lookup.operator_id) == (LookupOutcome.SUBSCRIBER, "mts")
    assert lookup.subscriber is not None
    assert lookup.subscriber.line_type.known is LineType.MOBILE
    assert lookup.subscriber.port.known == Port(NOW - DAY, "t2")
    # The source that a part names stands after the part, which stands alone where it names none.
    assert [meta(lookup, name).source for name in ("line_type", "sms_service", "sim_change", "port")] == [
        "hlr/HLR",
        "hlr",
        "camara/HLR",
        "hlr/HLR",
    ]
    assert [request.signals for request in whole["hlr"].lookups] == [("line_type", "sms_service", "port")]
    assert [request.signals for request in whole["camara"].lookups] == [("sim_change",)]
    assert whole["smsc"].lookups == []
    for name, signal in lookup.subscriber.signals():
        asked = name in {"line_type", "sms_service", "sim_change", "port"}
        assert (signal.meta.state is SignalState.NOT_SUPPORTED) != asked


async def test_each_part_has_a_question_of_its_own(whole: Whole) -> None:
    for request_id in ("l1", "l" * 128):
        request = lookup_request(NUMBER, request_id, signals=("line_type", "sim_change"))
        for _ in range(2):
            await whole.operator.look_up(request)
    ids = [[asked.request_id for asked in whole[part].lookups] for part in ("hlr", "camara")]
    # Behind both there may be one system. The same question is the same one again.
    assert len({*ids[0], *ids[1]}) == 4
    for first, again, long, long_again in ids:
        assert (first, long) == (again, long_again)
        assert len(long) <= 128


async def test_only_parts_that_have_what_is_asked_for_are_asked(whole: Whole) -> None:
    lookup = await looked_up(whole, "sim_change", "last_seen")
    assert whole["hlr"].lookups == []
    assert meta(lookup, "last_seen").state is SignalState.NOT_SUPPORTED


async def test_what_no_part_has_still_tells_whose_number_it_is(whole: Whole) -> None:
    whole["hlr"].found = [answer(LookupOutcome.NOT_ASSIGNED)]
    assert (await looked_up(whole, "last_seen")).outcome is LookupOutcome.NOT_ASSIGNED
    assert whole["camara"].lookups == []


async def test_nobody_knows_anything_of_numbers() -> None:
    with pytest.raises(OperatorError) as caught:
        await looked_up(Whole(FakeClock(), smsc=able()))
    assert caught.value.reason == "LOOKUP_NOT_SUPPORTED"


@pytest.mark.parametrize("outcome", [LookupOutcome.NOT_ASSIGNED, LookupOutcome.NOT_SERVED, LookupOutcome.PORTED])
async def test_the_first_part_that_answers_decides(whole: Whole, outcome: LookupOutcome) -> None:
    ported = outcome is LookupOutcome.PORTED
    to, plmn = ("t2", "250-20") if ported else ("", "")
    whole["hlr"].found = [replace(answer(outcome), ported_to=to, ported_plmn=plmn)]
    lookup = await looked_up(whole)
    assert (lookup.outcome, lookup.subscriber) == (outcome, None)
    assert (lookup.ported_to, lookup.ported_plmn) == (to, plmn)


@pytest.mark.parametrize("outcome", [LookupOutcome.NOT_ASSIGNED, LookupOutcome.NOT_SERVED, LookupOutcome.PORTED])
async def test_a_part_that_contradicts_makes_its_signals_unknown(whole: Whole, outcome: LookupOutcome) -> None:
    whole["camara"].found = [answer(outcome)]
    lookup = await looked_up(whole)
    assert lookup.outcome is LookupOutcome.SUBSCRIBER
    assert meta(lookup, "sim_change") == says("camara", "CONTRADICTS", SignalState.UNKNOWN)
    assert meta(lookup, "line_type").state is SignalState.OK


@pytest.mark.parametrize(
    ("does", "code"),
    [
        (DOWN, "HLR_DOWN"),
        (OperatorError("not a reason", ""), "OPERATOR_ERROR"),
        (HANG, "TIMEOUT"),
        (RuntimeError("a bug"), "BROKEN_CONTRACT"),
        (replace(answer(), operator_id="t2"), "BROKEN_CONTRACT"),
        (replace(answer(), subscriber=None), "BROKEN_CONTRACT"),
        (replace(answer(LookupOutcome.NOT_SERVED), subscriber=Subscriber()), "BROKEN_CONTRACT"),
        (answer(LookupOutcome.UNANSWERED), "BROKEN_CONTRACT"),
        (replace(answer(), time="now"), "BROKEN_CONTRACT"),  # type: ignore[arg-type]
        ("an answer", "BROKEN_CONTRACT"),
    ],
)
async def test_a_part_that_fails_costs_its_own_signals_only(whole: Whole, does: Any, code: str) -> None:
    for part, lost, kept in (("camara", "sim_change", "line_type"), ("hlr", "line_type", "sim_change")):
        good, whole[part].found = whole[part].found, [does]
        lookup = await looked_up(whole)
        assert lookup.outcome is LookupOutcome.SUBSCRIBER
        assert meta(lookup, lost) == says(part, code)
        assert meta(lookup, kept).state is SignalState.OK
        whole[part].found = good


@pytest.mark.parametrize("signal", ["mobile", Signal(None), Signal(Meta(source=7))])  # type: ignore[arg-type]
async def test_a_signal_that_is_none_is_an_error_alone(whole: Whole, signal: Any) -> None:
    whole["hlr"].found = [found(line_type=signal, sms_service=known(ServiceState.ON))]
    lookup = await looked_up(whole)
    assert meta(lookup, "line_type") == says("hlr", "BROKEN_CONTRACT")
    assert meta(lookup, "sms_service").state is SignalState.OK


async def test_where_all_fail_the_first_says_why(whole: Whole) -> None:
    whole["hlr"].found, whole["camara"].found = [DOWN], [HANG]
    with pytest.raises(OperatorError) as caught:
        await looked_up(whole)
    assert caught.value.reason == "HLR_DOWN"


async def test_parts_are_asked_at_once_each_within_its_time(whole: Whole) -> None:
    whole["hlr"].found, whole["camara"].found = [HANG], [HANG]
    began = asyncio.get_running_loop().time()
    with pytest.raises(OperatorError, match="too long"):
        await looked_up(whole)
    before = asyncio.get_running_loop().time() - began
    with pytest.raises(OperatorError):
        await looked_up(whole, phase=Phase.AFTER)
    assert before < 0.2 <= asyncio.get_running_loop().time() - began - before


async def test_a_frozen_part_is_left_out_for_a_while(whole: Whole) -> None:
    clock = whole.clock
    good, whole["camara"].found = whole["camara"].found, [HANG]
    for count in range(3):
        assert meta(await looked_up(whole), "sim_change") == says("camara", "TIMEOUT")
        assert len(whole["camara"].lookups) == count + 1
    began = asyncio.get_running_loop().time()
    for _ in range(3):
        assert meta(await looked_up(whole), "sim_change") == says("camara", "TIMEOUT")
    assert asyncio.get_running_loop().time() - began < 0.05
    assert len(whole["camara"].lookups) == 3
    whole["camara"].found = good
    clock.advance(5)
    assert meta(await looked_up(whole), "sim_change").state is SignalState.OK


async def test_a_part_that_does_not_say_what_it_can_do_any_more_is_an_error_not_unsupported(whole: Whole) -> None:
    await looked_up(whole)
    able_before, whole["camara"].able = whole["camara"].able, OperatorError("GATEWAY_DOWN", "no route")
    whole.clock.advance(60)
    await whole.operator.capabilities()
    assert meta(await looked_up(whole), "sim_change") == says("camara", "GATEWAY_DOWN")
    assert len(whole["camara"].lookups) == 1
    # What another part has as well is that part's in the meantime.
    whole["camara"].able, whole["hlr"].able = able_before, DOWN
    whole.clock.advance(60)
    await whole.operator.capabilities()
    lookup = await looked_up(whole)
    assert meta(lookup, "port").source == "camara/HLR"
    assert meta(lookup, "line_type") == says("hlr", "HLR_DOWN")


@pytest.mark.parametrize(
    ("told", "code"), [(DOWN, "HLR_DOWN"), (HANG, "TIMEOUT"), (able(operator_id="t2"), "BROKEN_CONTRACT")]
)
async def test_what_a_part_may_have_that_never_told_is_unknown(told: Any, code: str) -> None:
    whole = Whole(FakeClock(NOW), hlr=told, camara=able(signals=SWAP))
    whole["camara"].found = [found(sim_change=known(None), port=known(None))]
    lookup = await looked_up(whole, "line_type", "sim_change", phase=Phase.AFTER)
    assert meta(lookup, "line_type") == says("hlr", code, SignalState.UNKNOWN)
    assert meta(lookup, "sim_change").state is SignalState.OK
    await whole.operator.close()


async def test_no_part_says_what_it_can_do() -> None:
    with pytest.raises(OperatorError) as caught:
        await looked_up(Whole(FakeClock(NOW), hlr=DOWN, camara=OperatorError("GATEWAY_DOWN", "")))
    assert caught.value.reason == "HLR_DOWN"


async def test_references_and_times_are_told_together(whole: Whole) -> None:
    adjust(whole, "hlr", lookup_reference="h-1", time=NOW - 5)
    adjust(whole, "camara", lookup_reference="c-1", time=NOW)
    lookup = await looked_up(whole)
    assert (lookup.lookup_reference, lookup.time) == ("hlr:h-1 camara:c-1", NOW - 5)
    adjust(whole, "hlr", lookup_reference="h" * 256)
    cut = (await looked_up(whole)).lookup_reference
    assert len(cut) == 128
    assert cut.endswith("h camara:c-1")
    assert cut.startswith("hlr:hh")


async def test_a_statement_is_the_part_alones_that_answered_all(whole: Whole) -> None:
    signed = Statement("e30.e30.c2ln"), "f" * 64
    for part in ("hlr", "camara"):
        adjust(whole, part, statement=signed[0], statement_hash=signed[1])
    alone = await looked_up(whole, "line_type", "sms_service")
    assert (alone.statement, alone.statement_hash) == signed
    assert alone == whole["hlr"].found[0]
    together = await looked_up(whole)
    assert (together.statement, together.statement_hash) == ("", "")
    # Nor is it that of the whole where another part should have answered too.
    whole["camara"].able = DOWN
    whole.clock.advance(60)
    await whole.operator.capabilities()
    short = await looked_up(whole, "line_type", "sim_change")
    assert (short.statement, meta(short, "sim_change").state) == ("", SignalState.ERROR)


async def test_trouble_is_told_once_and_so_is_its_end(whole: Whole, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    good, whole["camara"].found = whole["camara"].found, [DOWN]
    for _ in range(3):
        await looked_up(whole)
    whole["camara"].found = good
    for _ in range(2):
        await looked_up(whole)
    assert [record.message for record in caplog.records] == [
        "operator mts, part camara does not answer lookups: HLR_DOWN",
        "operator mts, part camara answers lookups again",
    ]
