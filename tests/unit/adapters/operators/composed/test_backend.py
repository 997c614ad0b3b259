"""Codes, network checks and watches: each goes to the part that does it, and what was begun there comes back there."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.composed import QUICK, Whole, able
from fakes.operator import HANG, FakeOperator, reached
from fakes.orders import code_order, lookup_request, network_order, text_order, watch_order
from numseal.adapters.operators.composed.backend import ComposedOperator
from numseal.adapters.operators.composed.parts import Part
from numseal.adapters.operators.composed.settings import Settings
from numseal.domain.evidence import Method
from numseal.domain.operator import (
    CodeCheck,
    CodeOutcome,
    CodeSent,
    EventKind,
    NetworkOffer,
    NetworkOutcome,
    NetworkStarted,
    SendOutcome,
    Watch,
)
from numseal.ports.operator_backend import OperatorError

NUMBER = "+79161234567"
DOWN = OperatorError("SMSC_DOWN", "no route")
KINDS = (EventKind.SIM_CHANGE, EventKind.PORT_OUT)


@pytest.fixture
def whole() -> Whole:
    """Two parts that send texts, the second codes and pages too, and one that watches besides."""
    return Whole(
        FakeClock(),
        smsc=able(methods=(Method.SMS,), events=(EventKind.DELIVERY,)),
        camara=able(methods=(Method.SMS, Method.OPERATOR_CODE, Method.NETWORK)),
        hlr=able(signals=("line_type",), events=KINDS),
    )


def check(challenge: bytes) -> CodeCheck:
    return CodeCheck("k1", NUMBER, challenge, "123456")


def offer(challenge: bytes) -> NetworkOffer:
    return NetworkOffer("f1", NUMBER, challenge, "code", "state-of-16-chars")


async def test_the_first_part_that_offers_the_method_sends(whole: Whole) -> None:
    sent = await whole.operator.send_code(text_order(NUMBER))
    assert (len(whole["smsc"].orders), len(whole["camara"].orders)) == (1, 0)
    assert whole["smsc"].orders == [text_order(NUMBER)]
    await whole.operator.send_code(code_order(NUMBER))
    assert (len(whole["smsc"].orders), len(whole["camara"].orders)) == (1, 1)
    # Two parts may each have a delivery of this name.
    assert sent.delivery_id.endswith(":d1")
    assert sent.delivery_id != (await whole.operator.send_code(code_order(NUMBER))).delivery_id


async def test_a_code_is_compared_where_it_was_made_whatever_the_order_is_by_then(whole: Whole) -> None:
    challenge = (await whole.operator.send_code(code_order(NUMBER))).challenge
    for operator in (whole.operator, whole.made("hlr", "camara", "smsc"), whole.made("camara")):
        assert (await operator.check_code(check(challenge))).outcome is CodeOutcome.MATCH
    assert whole["camara"].checks == [check(b"challenge")] * 3
    # The part is none any more, or it never was.
    for operator, gone in ((whole.made("smsc", "hlr"), challenge), (whole.operator, b"challenge")):
        assert (await operator.check_code(check(gone))).outcome is CodeOutcome.UNKNOWN
        assert (await operator.finish_network_check(offer(gone))).outcome is NetworkOutcome.UNKNOWN


async def test_an_earlier_challenge_is_told_to_its_own_part_only(whole: Whole) -> None:
    texts = (await whole.operator.send_code(text_order(NUMBER))).challenge
    codes = (await whole.operator.send_code(code_order(NUMBER))).challenge
    for previous in (texts, codes):
        await whole.operator.send_code(code_order(NUMBER, previous_challenge=previous))
        await whole.operator.send_code(replace(text_order(NUMBER), previous_challenge=previous))
    assert [order.previous_challenge for order in whole["camara"].orders] == [b"", b"", b"challenge"]
    assert [order.previous_challenge for order in whole["smsc"].orders] == [b"", b"challenge", b""]


async def test_a_page_is_finished_where_it_was_opened(whole: Whole) -> None:
    page = await whole.operator.start_network_check(network_order(NUMBER))
    assert page.auth_url.startswith("https://")
    checked = await whole.made("smsc", "hlr", "camara").finish_network_check(offer(page.challenge))
    assert checked.outcome is NetworkOutcome.MATCH
    assert whole["camara"].network_offers == [offer(b"challenge")]


async def test_what_was_not_accepted_comes_back_as_it_is(whole: Whole) -> None:
    whole["smsc"].sent = CodeSent(SendOutcome.THROTTLED, retry_delay=30)
    assert await whole.operator.send_code(text_order(NUMBER)) == whole["smsc"].sent
    assert len(whole["camara"].orders) == 0


async def test_a_part_that_fails_is_not_followed_by_another_since_a_code_may_be_under_way(whole: Whole) -> None:
    for error in (DOWN, OperatorError("LOST", "no answer", sent=True)):
        whole["smsc"].sent = error
        with pytest.raises(OperatorError) as caught:
            await whole.operator.send_code(text_order(NUMBER))
        assert caught.value is error
    assert whole["camara"].orders == []


async def test_a_challenge_that_does_not_fit_is_an_error_after_the_code_went_out(whole: Whole) -> None:
    whole["camara"].sent = CodeSent(SendOutcome.ACCEPTED, b"c" * 1_020)
    with pytest.raises(OperatorError, match="has 1020 bytes") as caught:
        await whole.operator.send_code(code_order(NUMBER))
    assert (caught.value.reason, caught.value.sent) == ("CHALLENGE_TOO_LONG", True)
    whole["camara"].sent = CodeSent(SendOutcome.ACCEPTED, b"c" * 1_019)
    assert len((await whole.operator.send_code(code_order(NUMBER))).challenge) == 1_024


async def test_while_a_part_says_nothing_another_sends_what_both_can(whole: Whole) -> None:
    await whole.operator.capabilities()
    whole["smsc"].able = whole["camara"].able = DOWN
    whole.clock.advance(60)
    await whole.operator.capabilities()
    # Nobody is well: the first that could tells best what the matter is.
    await whole.operator.send_code(text_order(NUMBER))
    assert len(whole["smsc"].orders) == 1
    whole["camara"].able = able(methods=(Method.SMS,))
    whole.clock.advance(10)
    await whole.operator.capabilities()
    await whole.operator.send_code(text_order(NUMBER))
    assert (len(whole["smsc"].orders), len(whole["camara"].orders)) == (1, 1)


async def test_what_no_part_does_is_refused(whole: Whole) -> None:
    for order in (text_order(NUMBER, method=Method.VOICE), text_order(NUMBER, method=Method.NETWORK)):
        with pytest.raises(OperatorError) as caught:
            await whole.operator.send_code(order)
        assert (caught.value.reason, caught.value.sent) == ("METHOD_NOT_SUPPORTED", False)
    alone = whole.made("smsc")
    with pytest.raises(OperatorError) as caught:
        await alone.start_network_check(network_order(NUMBER))
    assert caught.value.reason == "METHOD_NOT_SUPPORTED"
    for ask in (alone.watch_subscriber(watch_order(NUMBER)), whole.made("camara").unwatch_subscriber("u", "w")):
        with pytest.raises(OperatorError) as caught:
            await ask
        assert caught.value.reason == "EVENTS_NOT_SUPPORTED"


async def test_a_part_that_never_told_may_be_the_one_so_its_error_is_told(whole: Whole) -> None:
    whole["smsc"].able = DOWN
    operator = whole.made("smsc", "hlr")
    for ask in (operator.send_code(text_order(NUMBER)), operator.watch_subscriber(watch_order(NUMBER))):
        with pytest.raises(OperatorError) as caught:
            await ask
        assert (caught.value.reason, caught.value.sent) == ("SMSC_DOWN", False)


async def test_the_first_part_that_sends_events_about_numbers_watches(whole: Whole) -> None:
    watch = await whole.operator.watch_subscriber(watch_order(NUMBER, expire_time=2**33))
    assert watch.watch_id.endswith(f":watch-{NUMBER}")
    assert watch.expire_time == 2**33
    # Of the kinds that it has, since it may refuse others.
    assert [order.kinds for order in whole["hlr"].watch_orders] == [KINDS]
    await whole.made("hlr", "smsc").unwatch_subscriber("u1", watch.watch_id)
    await whole.made("smsc", "camara").unwatch_subscriber("u2", watch.watch_id)
    await whole.operator.unwatch_subscriber("u3", "never-was")
    assert whole["hlr"].unwatch_orders == [("u1", f"watch-{NUMBER}")]
    await whole.operator.watch_subscriber(watch_order(NUMBER, kinds=(EventKind.BARRED,)))
    assert whole["hlr"].watch_orders[-1].kinds == (EventKind.BARRED,)


async def test_a_watch_whose_name_does_not_fit_is_ended(whole: Whole) -> None:
    whole["hlr"].watch = Watch("w" * 124)
    with pytest.raises(OperatorError, match="has 124 characters") as caught:
        await whole.operator.watch_subscriber(watch_order(NUMBER))
    assert caught.value.reason == "WATCH_TOO_LONG"
    assert whole["hlr"].unwatch_orders == [("w1-x", "w" * 124)]


async def test_answers_that_are_none_are_left_to_the_reader(whole: Whole) -> None:
    wrong: Any = "an answer"
    whole["smsc"].sent = whole["camara"].started = whole["hlr"].watch = wrong
    assert await whole.operator.send_code(text_order(NUMBER)) == wrong
    assert await whole.operator.start_network_check(network_order(NUMBER)) == wrong
    assert await whole.operator.watch_subscriber(watch_order(NUMBER)) == wrong
    whole["camara"].started = NetworkStarted("https://network.example/", 2**33, "text")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        await whole.operator.start_network_check(network_order(NUMBER))


class Closing(FakeOperator):
    """A part that is closed, and may fail at it."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__("mts")
        self.error, self.closed = error, 0

    async def close(self) -> None:
        self.closed += 1
        if self.error:
            raise self.error


async def test_close_closes_every_part_and_leaves_nothing_under_way(caplog: pytest.LogCaptureFixture) -> None:
    first, last = Closing(RuntimeError("a bug")), Closing()
    plain = FakeOperator("mts", able=HANG)
    last.found = [HANG]
    parts = [Part("first", first), Part("plain", plain), Part("last", last)]
    operator = ComposedOperator("mts", ("250-01",), parts, FakeClock(), QUICK)
    before = asyncio.all_tasks()
    asking = asyncio.create_task(operator.look_up(lookup_request(NUMBER)))
    await reached(first.lookups)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    caplog.set_level(logging.CRITICAL)
    await operator.close()
    assert (first.closed, last.closed) == (1, 1)
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize(
    ("parts", "tells"),
    [
        ([], "operator mts: found no parts"),
        ([Part("HLR", FakeOperator("mts"))], "found the part 'HLR', expected a name of 1 to 32"),
        ([Part("", FakeOperator("mts"))], "expected a name of 1 to 32 of"),
        ([Part("h" * 33, FakeOperator("mts"))], "expected a name of 1 to 32 of"),
        ([Part("hlr", FakeOperator("mts")), Part("hlr", FakeOperator("mts"))], "found two parts of one name"),
        ([Part("hlr", FakeOperator("t2"))], "operator mts, part hlr: found a backend of operator 't2'"),
    ],
)
def test_parts_that_make_no_operator(parts: list[Part], tells: str) -> None:
    with pytest.raises(ValueError, match=tells):
        ComposedOperator("mts", ("250-01",), parts, FakeClock())


def test_names_with_one_tag() -> None:
    # Two of some tens of thousands of names that have the same 24 bits, as two of a configuration might.
    tags: dict[str, str] = {}
    for number in range(100_000):
        part = Part(f"p{number}", FakeOperator("mts"))
        other = tags.setdefault(part.tag, part.name)
        if other != part.name:
            break
    with pytest.raises(ValueError, match="found part names with one tag; rename one of"):
        ComposedOperator("mts", (), [part, Part(other, FakeOperator("mts"))], FakeClock())


@pytest.mark.parametrize("values", [(0.0, 1.0), (1.5, 1.0), (1.0, 0.0), (1.0, 3.0), (-1.0, 1.0)])
def test_times_that_leave_the_caller_nothing(values: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="expected more than 0 and less than"):
        Settings(*values)
