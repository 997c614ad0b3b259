"""Network checks, watches and capabilities: what an operator answers is read as strictly as a lookup."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fakes.evidence import NOW
from fakes.plugin import SECONDS, Plugin, Text, asking, saying
from numseal.domain.evidence import SIGNAL_NAMES, Method
from numseal.domain.operator import (
    WATCHED_KINDS,
    Capabilities,
    EventKind,
    NetworkChecked,
    NetworkOffer,
    NetworkOrder,
    NetworkOutcome,
    NetworkStarted,
    Watch,
    WatchOrder,
)
from numseal.ports.operator_backend import OperatorError
from numseal.usecases import ask_operator

NUMBER = "+79161234567"
ORDER = NetworkOrder("n1", NUMBER, "https://demo.example/numseal", "s" * 32, NOW + 300, "agreement", "SIGN_UP")
OFFER = NetworkOffer("o1", NUMBER, b"challenge", "code", "s" * 32)
WATCH = WatchOrder("w1", NUMBER, "agreement")
PAGE = NetworkStarted("https://network.mts.example/authorize?code=a%20b", NOW + 300, b"c" * 1_024)
CAPABILITIES = Capabilities(
    contract_version="1.0",
    operator_id="mts",
    plmns=("250-01",),
    signals=SIGNAL_NAMES,
    methods=tuple(Method),
    idempotent=True,
    prior_codes_valid=False,
    server_time=NOW - 400,
    events=tuple(EventKind),
    event_retention=86_400,
    max_watches=0,
    signs_statements=True,
)

BROKEN = (None, "BROKEN_CONTRACT")


async def started(said: Any) -> tuple[NetworkStarted | None, str]:
    return await saying(said).start_network_check("mts", ORDER, SECONDS)


async def finished(said: Any) -> tuple[NetworkChecked | None, str]:
    return await saying(said).finish_network_check("mts", OFFER, SECONDS)


async def watched(said: Any) -> tuple[Watch | None, str]:
    return await saying(said).watch("mts", WATCH, SECONDS)


async def unwatched(said: Any) -> str:
    return await saying(said).unwatch("mts", "u1", "w", SECONDS)


def forged(genuine: Any, **wrong: Any) -> Any:
    """Return a copy with fields that the annotations do not allow."""
    return replace(genuine, **wrong)


# Pages


@pytest.mark.parametrize(
    "said",
    [
        PAGE,
        replace(PAGE, challenge=b""),
        replace(PAGE, auth_url="https://" + "a" * 2_040),
        replace(PAGE, auth_url="https://[2001:db8::1]:8443/x"),
        replace(PAGE, expire_time=NOW + 1),
        replace(PAGE, expire_time=NOW + 86_400),
    ],
)
async def test_an_allowed_page_is_taken(said: NetworkStarted) -> None:
    assert await started(said) == (said, "")


@pytest.mark.parametrize("end", [NOW + 86_401, 2**40])
async def test_a_page_lives_a_day_at_most(end: int) -> None:
    assert await started(replace(PAGE, expire_time=end)) == (replace(PAGE, expire_time=NOW + 86_400), "")


@pytest.mark.parametrize(
    "address",
    [
        "",
        None,
        b"https://mts.example/",
        Text("https://mts.example/"),
        "http://mts.example/",
        "HTTPS://mts.example/",
        "//mts.example/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://:443/",
        "https://?q",
        "https://user@mts.example/",
        "https://demo.example@mts.example/",
        "https://mts.example\\@demo.example/",
        "https://mts.example:70000/",
        "https://mts.example:0/",
        "https://[2001:db8::1/",
        "https://mts.example/ space",
        "https://mts.example/\n",
        "https://мтс.example/",
        'https://mts.example/"',
        "https://" + "a" * 2_041,
    ],
)
async def test_a_page_that_a_client_should_not_open_is_none(address: Any) -> None:
    assert await started(forged(PAGE, auth_url=address)) == BROKEN


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(None, id="nothing"),
        pytest.param(NetworkChecked(NetworkOutcome.MATCH, NOW), id="the answer to another question"),
        pytest.param(replace(PAGE, challenge=b"c" * 1_025), id="a long challenge"),
        pytest.param(forged(PAGE, challenge="c"), id="a challenge that is text"),
        pytest.param(forged(PAGE, challenge=bytearray(1)), id="a challenge that can change"),
        pytest.param(replace(PAGE, expire_time=NOW), id="a page that has ended"),
        pytest.param(forged(PAGE, expire_time=None), id="a page without an end"),
        pytest.param(forged(PAGE, expire_time=True), id="an end of True"),
        pytest.param(replace(PAGE, expire_time=2**40 + 1), id="an end beyond time"),
    ],
)
async def test_a_page_that_cannot_be_is_none(said: Any) -> None:
    assert await started(said) == BROKEN


# What the network found


@pytest.mark.parametrize("outcome", [NetworkOutcome.MATCH, NetworkOutcome.MISMATCH])
@pytest.mark.parametrize("seen", [NOW - 86_400, NOW, NOW + 300])
async def test_what_the_network_found_is_taken_with_its_time(outcome: NetworkOutcome, seen: int) -> None:
    said = NetworkChecked(outcome, seen)
    assert await finished(said) == (said, "")


@pytest.mark.parametrize("outcome", [NetworkOutcome.MATCH, NetworkOutcome.MISMATCH])
@pytest.mark.parametrize("seen", [None, NOW - 86_401, NOW + 301, True, float(NOW), -1])
async def test_a_finding_without_a_time_that_can_be_is_none(outcome: NetworkOutcome, seen: Any) -> None:
    assert await finished(forged(NetworkChecked(outcome), observe_time=seen)) == BROKEN


@pytest.mark.parametrize("outcome", [NetworkOutcome.EXPIRED, NetworkOutcome.USED, NetworkOutcome.UNKNOWN])
@pytest.mark.parametrize("seen", [None, NOW, NOW + 9_999, "soon"])
async def test_what_found_nothing_has_no_time(outcome: NetworkOutcome, seen: Any) -> None:
    assert await finished(forged(NetworkChecked(outcome), observe_time=seen)) == (NetworkChecked(outcome), "")


@pytest.mark.parametrize(
    "said", [None, NetworkOutcome.MATCH, forged(NetworkChecked(NetworkOutcome.USED), outcome="USED")]
)
async def test_a_finding_that_cannot_be_is_none(said: Any) -> None:
    assert await finished(said) == BROKEN


# Watches


@pytest.mark.parametrize("said", [Watch("w"), Watch("w" * 128, NOW + 1), Watch("w", 2**40)])
async def test_an_allowed_watch_is_taken(said: Watch) -> None:
    assert await watched(said) == (said, "")


@pytest.mark.parametrize(
    "said",
    [
        None,
        "w",
        Watch(""),
        Watch("w" * 129),
        Watch("w\n"),
        forged(Watch("w"), watch_id=b"w"),
        Watch("w", NOW),
        Watch("w", 2**40 + 1),
        forged(Watch("w"), expire_time=True),
    ],
)
async def test_a_watch_that_cannot_be_is_none(said: Any) -> None:
    assert await watched(said) == BROKEN


async def test_the_end_of_a_watch() -> None:
    assert await unwatched(None) == ""
    assert await unwatched(Watch("w")) == "BROKEN_CONTRACT"
    assert await unwatched(OperatorError("DOWN", "no route")) == "DOWN"


# Failures


ASKED: tuple[Callable[[Any], Any], ...] = (started, finished, watched)


@pytest.mark.parametrize("ask", ASKED)
async def test_a_failure_is_a_reason(ask: Callable[[Any], Any]) -> None:
    assert await ask(OperatorError("GATEWAY_DOWN", "no route")) == (None, "GATEWAY_DOWN")
    # They mean something else where we say them.
    assert await ask(OperatorError("OPERATOR_NOT_CONNECTED", "no route")) == (None, "OPERATOR_ERROR")
    assert await ask(OperatorError("CURSOR_TOO_OLD", "no route")) == (None, "OPERATOR_ERROR")
    assert await ask(SystemExit(1)) == BROKEN


async def test_an_operator_that_is_not_connected() -> None:
    ask = asking()
    assert await ask.start_network_check("mts", ORDER, SECONDS) == (None, "OPERATOR_NOT_CONNECTED")
    assert await ask.finish_network_check("mts", OFFER, SECONDS) == (None, "OPERATOR_NOT_CONNECTED")
    assert await ask.watch("mts", WATCH, SECONDS) == (None, "OPERATOR_NOT_CONNECTED")
    assert await ask.unwatch("mts", "u1", "w", SECONDS) == "OPERATOR_NOT_CONNECTED"


async def test_each_question_reaches_its_own_call() -> None:
    asked: list[object] = []

    class Listening:
        async def start_network_check(self, order: NetworkOrder) -> NetworkStarted:
            asked.append(order)
            return PAGE

        async def finish_network_check(self, offer: NetworkOffer) -> NetworkChecked:
            asked.append(offer)
            return NetworkChecked(NetworkOutcome.USED)

        async def watch_subscriber(self, order: WatchOrder) -> Watch:
            asked.append(order)
            return Watch("w")

        async def unwatch_subscriber(self, *order: str) -> None:
            asked.append(order)

    ask = asking(Listening())
    assert await ask.start_network_check("mts", ORDER, SECONDS) == (PAGE, "")
    assert await ask.finish_network_check("mts", OFFER, SECONDS) == (NetworkChecked(NetworkOutcome.USED), "")
    assert await ask.watch("mts", WATCH, SECONDS) == (Watch("w"), "")
    assert await ask.unwatch("mts", "u1", "w", SECONDS) == ""
    assert asked == [ORDER, OFFER, WATCH, ("u1", "w")]


# Capabilities


async def test_allowed_capabilities_are_taken() -> None:
    assert await saying(CAPABILITIES).capabilities("mts") is CAPABILITIES
    least = replace(CAPABILITIES, plmns=(), signals=(), methods=(), events=())
    assert await saying(least).capabilities("mts") is least


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("contract_version", ""),
        ("contract_version", "1" * 65),
        ("operator_id", "megafon"),
        ("operator_id", Text("mts")),
        ("plmns", ["250-01"]),
        ("plmns", ("25001",)),
        ("plmns", ("",)),
        ("plmns", ("250-01",) * 65),
        ("signals", ("horoscope",)),
        ("signals", (b"sim_ref",)),
        ("signals", (["sim_ref"],)),
        ("signals", ("sim_ref",) * 19),
        ("methods", ("SMS",)),
        ("methods", (Method.SMS,) * 5),
        ("idempotent", 1),
        ("prior_codes_valid", None),
        ("server_time", -1),
        ("server_time", float(NOW)),
        ("events", ("SIM_CHANGE",)),
        ("events", WATCHED_KINDS * 2),
        ("event_retention", -1),
        ("max_watches", None),
        ("signs_statements", "no"),
    ],
)
async def test_capabilities_that_cannot_be_are_unknown(name: str, value: Any) -> None:
    assert await saying(forged(CAPABILITIES, **{name: value})).capabilities("mts") is None


@pytest.mark.parametrize(
    ("plmns", "told"), [(["250-01"], "a tuple is expected"), (("250-01",) * 65, "found 65, expected at most 64")]
)
async def test_too_much_of_something_is_told_with_how_much_may_be(
    plmns: Any, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    await saying(forged(CAPABILITIES, plmns=plmns)).capabilities("mts")
    assert caplog.messages[0].endswith(f"plmns: {told}")


@pytest.mark.parametrize("said", [None, {}, object.__new__(Capabilities), OperatorError("DOWN", "no route")])
async def test_no_capabilities_are_unknown(said: Any) -> None:
    assert await saying(said).capabilities("mts") is None


async def test_nobody_who_is_not_connected_can_do_anything() -> None:
    assert await asking().capabilities("mts") is None


async def test_silence_about_capabilities_has_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_operator, "CAPABILITIES_TIMEOUT", 0.01)
    assert await asking(Plugin(asyncio.Event().wait)).capabilities("mts") is None
