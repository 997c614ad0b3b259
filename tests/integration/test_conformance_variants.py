"""The kit against backends that announce less or more than the template, over TLS, and that sign their answers."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fakes.broken_backend import Served, copied, serving
from fakes.certificates import Authority
from numseal.adapters.clock import SystemClock
from numseal.adapters.operators.remote.statement import Signer
from numseal.api.operator.v1 import event_pb2 as e
from numseal.api.operator.v1 import operator_pb2 as o
from numseal.conformance.kit import NO_KEYS, StatementKeys
from numseal.conformance.pace import Pace
from numseal.conformance.profile import Reach
from numseal.conformance.results import Outcome, Result
from numseal.conformance.run import UnreachableError, run
from numseal.conformance.suite import chosen
from numseal.conformance.transport import Target

HURRY = Pace(answer=3.0, code_life=1.5, late=0, opening=0.3, quiet=0.5, event=1.0, heartbeat=1.0)
TLS, STATEMENTS, UNANNOUNCED, NETWORK = ("tls.*",), ("statement.*",), ("unannounced.*",), ("network.*",)


async def outcomes(
    target: Target, served: Served, only: tuple[str, ...], keys: StatementKeys = NO_KEYS
) -> dict[str, Result]:
    results = await run(target, chosen(only), served.profile, SystemClock(), "ab" * 8, pace=HURRY, statement_keys=keys)
    return {result.id: result for result in results}


def told(results: dict[str, Result]) -> dict[str, Outcome]:
    return {name: result.outcome for name, result in results.items()}


def announcing(change: Callable[[Any], None], **calls: Any) -> Callable[[Any], None]:
    """Change what a backend announces, and put calls in place of its own."""

    def make(backend: Any) -> None:
        original = backend.GetCapabilities

        async def announce(request: Any, context: Any) -> Any:
            answer = copied(await original(request, context))
            change(answer)
            return answer

        backend.GetCapabilities = announce
        for name, call in calls.items():
            setattr(backend, name, call)

    return make


async def unimplemented(_request: Any, context: Any) -> None:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not announced")


async def nothing(_request: Any, context: Any) -> Any:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not announced")
    yield


def texts_only(answer: Any) -> None:
    for field in ("signals", "events", "event_retention", "rates"):
        answer.ClearField(field)
    del answer.methods[1:]


def sending_texts_only(backend: Any) -> None:
    announcing(texts_only, **dict.fromkeys(CALLS, unimplemented), StreamEvents=nothing)(backend)
    original = backend.SendCode

    async def send(request: Any, context: Any) -> Any:
        if request.method not in (o.METHOD_UNSPECIFIED, o.METHOD_SMS):
            await unimplemented(request, context)
        return await original(request, context)

    backend.SendCode = send


CALLS = ("LookUpSubscriber", "CheckCode", "WatchSubscriber", "UnwatchSubscriber")


async def test_a_backend_that_only_sends_texts_holds(tmp_path: Path) -> None:
    async with serving(tmp_path, change=sending_texts_only) as served:
        results = await outcomes(Target(served.address), served, ())
    failed = {name: result.sentences for name, result in results.items() if result.outcome is Outcome.FAILED}
    assert failed == {}
    made = [name for name, outcome in told(results).items() if outcome is Outcome.PASSED]
    assert {name for name in made if name.startswith("unannounced.")} == {
        "unannounced.lookup",
        "unannounced.method",
        "unannounced.check",
        "unannounced.network",
        "unannounced.events",
    }
    assert {"send.text", "send.once", "malformed.request_id"} <= set(made)
    assert told(results)["code.match"] is Outcome.SKIPPED
    assert results["lookup.own"].sentences == ("GetCapabilities announces no signals",)


@pytest.mark.parametrize("missing", [(), ("REASSIGNED",), ("SIM_CHANGE", "PORT_OUT")])
async def test_kinds_of_events_that_do_not_suffice_are_noted(tmp_path: Path, missing: tuple[str, ...]) -> None:
    def fewer(answer: Any) -> None:
        kept = [one for one in answer.events if e.EventKind.Name(one.kind).removeprefix("EVENT_KIND_") not in missing]
        del answer.events[:]
        answer.events.extend(kept)

    async with serving(tmp_path, change=announcing(fewer)) as served:
        results = await outcomes(Target(served.address), served, ("capabilities.events",))
    found = results["capabilities.events"]
    assert found.outcome is Outcome.PASSED
    (sentence,) = found.sentences
    _, _, note = sentence.partition("; ")
    assert note == (f"those of numbers will not be used: {', '.join(missing)} missing" if missing else "")


async def test_calls_that_answer_though_they_are_not_announced_are_named(tmp_path: Path) -> None:
    async with serving(tmp_path, change=announcing(texts_only)) as served:
        results = await outcomes(Target(served.address), served, UNANNOUNCED)
    assert [name for name, outcome in told(results).items() if outcome is Outcome.FAILED] == [
        "unannounced.lookup",
        "unannounced.method",
        "unannounced.check",
        "unannounced.events",
    ]


def with_pages(answer: Any) -> None:
    answer.methods.add(method=o.METHOD_NETWORK)


def pages(url: str, outcome: Any, life: int = 0) -> dict[str, Any]:
    answers: dict[str, Any] = {}

    async def start(request: Any, _context: Any) -> Any:
        if request.request_id not in answers:
            page = answers[request.request_id] = o.StartNetworkCheckResponse(auth_url=url, challenge=b"page")
            page.expire_time.seconds = request.expire_time.seconds + life
        return answers[request.request_id]

    async def finish(request: Any, _context: Any) -> Any:
        echo = "" if url == SILENT else request.phone_number
        return o.FinishNetworkCheckResponse(outcome=outcome, request_id=request.request_id, phone_number=echo)

    return {"StartNetworkCheck": start, "FinishNetworkCheck": finish}


SILENT = "https://pages.example/silent"
"""The page of a backend whose answer does not say what it is about."""


@pytest.mark.parametrize(
    ("url", "outcome", "life", "wrong"),
    [
        (SILENT, o.NETWORK_OUTCOME_UNKNOWN, 0, ["network.unknown"]),
        ("https://pages.example/1", o.NETWORK_OUTCOME_UNKNOWN, 0, []),
        ("http://pages.example/1", o.NETWORK_OUTCOME_UNKNOWN, 0, ["network.page"]),
        ("https://pages.example/1", o.NETWORK_OUTCOME_UNKNOWN, 60, ["network.page"]),
        ("https://pages.example/1", o.NETWORK_OUTCOME_MATCH, 0, ["network.unknown"]),
        ("https://pages.example/1", 77, 0, ["network.unknown"]),
    ],
)
async def test_network_checks_are_checked_as_far_as_they_go(
    tmp_path: Path, url: str, outcome: Any, life: int, wrong: list[str]
) -> None:
    async with serving(tmp_path, change=announcing(with_pages, **pages(url, outcome, life))) as served:
        results = await outcomes(Target(served.address), served, NETWORK)
    assert [name for name, outcome in told(results).items() if outcome is Outcome.FAILED] == wrong


def signing(signer: Signer, spoil: Callable[[Any], None] = lambda _answer: None) -> Callable[[Any], None]:
    def announce(answer: Any) -> None:
        answer.signs_statements = True

    def make(backend: Any) -> None:
        announcing(announce)(backend)
        original = backend.LookUpSubscriber

        async def look_up(request: Any, context: Any) -> Any:
            answer = copied(await original(request, context))
            signer.sign(answer)
            spoil(answer)
            return answer

        backend.LookUpSubscriber = look_up

    return make


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP256R1()), Ed25519PrivateKey.generate()])
async def test_statements_are_verified(tmp_path: Path, key: Any) -> None:
    signer, stranger = Signer(key, "k1"), Signer(Ed25519PrivateKey.generate(), "k1")
    async with serving(tmp_path, change=signing(signer)) as served:
        target = Target(served.address)
        good = await outcomes(target, served, STATEMENTS, {"k1": key.public_key()})
        unkeyed = await outcomes(target, served, STATEMENTS)
        other = await outcomes(target, served, STATEMENTS, {"k1": stranger.key.public_key()})
        unnamed = await outcomes(target, served, STATEMENTS, {"k2": key.public_key()})
    assert set(told(good).values()) == {Outcome.PASSED}
    assert told(unkeyed)["statement.signature"] is Outcome.NOT_CHECKED
    assert told(other)["statement.signature"] is Outcome.FAILED
    assert unnamed["statement.signature"].sentences == ("the header's kid is 'k1', one of k2 is expected",)


def _number(answer: Any) -> None:
    answer.phone_number = "+79160000000"


def _unsigned(answer: Any) -> None:
    answer.ClearField("statement")


def _no_jws(answer: Any) -> None:
    answer.statement = "signed"


def _no_answer(answer: Any) -> None:
    answer.statement = "e30._w.AA"


@pytest.mark.parametrize("spoil", [_number, _unsigned, _no_jws, _no_answer])
async def test_a_statement_that_says_something_else_is_named(tmp_path: Path, spoil: Callable[[Any], None]) -> None:
    signer = Signer(Ed25519PrivateKey.generate(), "k1")
    async with serving(tmp_path, change=signing(signer, spoil)) as served:
        results = await outcomes(Target(served.address), served, ("statement.payload",))
    assert set(told(results).values()) == {Outcome.FAILED}


def local(served: Served) -> str:
    return served.address.replace("127.0.0.1", "localhost")


async def test_tls_with_a_client_certificate_holds(tmp_path: Path) -> None:
    authority = Authority("test authority")
    server, client = authority.issue("localhost"), authority.issue("numseal")
    credentials = grpc.ssl_server_credentials([(server.key, server.certificate)], authority.certificate, True)
    async with serving(tmp_path, credentials=credentials) as served:
        target = Target(local(served), authority.certificate, client.certificate, client.key)
        results = await outcomes(target, served, TLS)
        with pytest.raises(UnreachableError, match="asked over TLS"):
            await outcomes(Target(local(served), Authority("another").certificate), served, TLS)
        with pytest.raises(UnreachableError, match="asked in clear"):
            await outcomes(Target(local(served)), served, TLS)
    assert set(told(results).values()) == {Outcome.PASSED}
    assert results["tls.certificate"].sentences[0].endswith("days left")
    assert results["tls.credentials"].sentences == ("a client certificate is required",)


async def test_a_backend_that_asks_for_no_certificate_is_named(tmp_path: Path) -> None:
    authority = Authority("test authority")
    server, client = authority.issue("localhost"), authority.issue("numseal")
    credentials = grpc.ssl_server_credentials([(server.key, server.certificate)])
    async with serving(tmp_path, credentials=credentials) as served:
        target = Target(local(served), authority.certificate, client.certificate, client.key)
        results = await outcomes(target, served, TLS)
    assert [name for name, outcome in told(results).items() if outcome is Outcome.FAILED] == ["tls.credentials"]


def asking_for(token: str) -> Callable[[Any], None]:
    def make(backend: Any) -> None:
        original = backend.GetCapabilities

        async def ask(request: Any, context: Any) -> Any:
            if ("authorization", f"Bearer {token}") not in context.invocation_metadata():
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token")
            return await original(request, context)

        backend.GetCapabilities = ask

    return make


async def test_a_token_is_sent_and_asked_for(tmp_path: Path) -> None:
    async with serving(tmp_path, change=asking_for("open-sesame")) as served:
        results = await outcomes(Target(served.address, token="open-sesame"), served, TLS)
        with pytest.raises(UnreachableError, match="--token-file"):
            await outcomes(Target(served.address), served, TLS)
    assert results["tls.credentials"].sentences == ("a token is required",)


async def test_capabilities_that_fail_leave_all_else_unchecked(tmp_path: Path) -> None:
    def make(backend: Any) -> None:
        async def fail(_request: Any, context: Any) -> None:
            await context.abort(grpc.StatusCode.INTERNAL, "out of\x1b[31m memory")

        backend.GetCapabilities = fail

    async with serving(tmp_path, change=make) as served:
        results = await outcomes(Target(served.address), served, ("capabilities.*", "lookup.*"))
    for name, result in results.items():
        assert result.outcome is (Outcome.FAILED if name.startswith("capabilities.") else Outcome.NOT_CHECKED)
    assert results["capabilities.version"].sentences == ("GetCapabilities answered INTERNAL: out of\ufffd[31m memory",)


def sending(change: Callable[[Any, Any, Any], Any]) -> Callable[[Any], None]:
    """Change the answers of SendCode; `change` has the backend, the request and the answer."""

    def make(backend: Any) -> None:
        original = backend.SendCode

        async def send(request: Any, context: Any) -> Any:
            answer = copied(await original(request, context))
            change(backend, request, answer)
            return answer

        backend.SendCode = send

    return make


def throttling(seconds: int) -> Callable[[Any], None]:
    throttled: set[str] = set()

    def make(backend: Any) -> None:
        original = backend.SendCode

        async def send(request: Any, context: Any) -> Any:
            if request.phone_number in throttled:
                return await original(request, context)
            throttled.add(request.phone_number)
            answer = o.SendCodeResponse(outcome=o.SEND_OUTCOME_THROTTLED)
            answer.retry_delay.seconds = seconds
            return answer

        backend.SendCode = send

    return make


async def test_the_kit_waits_where_it_is_told_to(tmp_path: Path) -> None:
    async with serving(tmp_path, change=throttling(0)) as served:
        results = await outcomes(Target(served.address), served, ("code.match",))
    assert told(results) == {"code.match": Outcome.PASSED}
    assert results["code.match"].seconds >= 1


async def test_the_kit_does_not_wait_for_ever(tmp_path: Path) -> None:
    async with serving(tmp_path, change=throttling(3_600)) as served:
        results = await outcomes(Target(served.address), served, ("code.match",))
    assert told(results) == {"code.match": Outcome.NOT_CHECKED}
    assert "name more numbers `own`" in results["code.match"].sentences[0]


def fixed(backend: Any, _request: Any, answer: Any) -> None:
    if answer.challenge:
        backend.codes[answer.challenge]["digits"] = "123456"


async def test_test_numbers_may_have_one_code_for_ever(tmp_path: Path) -> None:
    async with serving(tmp_path, change=sending(fixed)) as served:
        fitting = replace(served, profile=replace(served.profile, fixed_code="123456", messages=Reach()))
        results = await outcomes(Target(served.address), fitting, ("code.*", "send.*"))
    unmade = {name: result for name, result in results.items() if result.outcome is Outcome.NOT_CHECKED}
    assert set(unmade) == {"code.length", "send.once"}
    assert [name for name, result in results.items() if result.outcome is Outcome.FAILED] == []
    assert results["send.text"].sentences == ("accepted; whether it arrives cannot be seen",)


async def test_without_a_way_to_learn_a_code_wrong_ones_are_tried_all_the_same(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        blind = replace(served, profile=replace(served.profile, messages=Reach(), every_message=False))
        results = await outcomes(Target(served.address), blind, ("code.*", "send.once"))
    by = told(results)
    assert {name for name, outcome in by.items() if outcome is Outcome.PASSED} == {
        "code.sent",
        "code.length",
        "code.mismatch",
        "code.exhausted",
        "code.expired",
        "code.idempotent",
        "code.unknown",
    }
    assert {name for name, outcome in by.items() if outcome is Outcome.NOT_CHECKED} == {
        "code.match",
        "code.used",
        "code.resend",
        "code.other_number",
        "send.once",
    }


async def test_one_own_number_is_enough_for_all_but_comparing_two(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        one = replace(served, profile=replace(served.profile, own=served.profile.own[:1]))
        results = await outcomes(Target(served.address), one, ("code.*", "send.*", "references.*"))
    assert [name for name, outcome in told(results).items() if outcome is Outcome.NOT_CHECKED] == [
        "references.hidden",
        "code.other_number",
    ]
    assert Outcome.FAILED not in told(results).values()


def with_templates(answer: Any) -> None:
    answer.methods[1].templates.extend(["short", "long"])


def knowing(*names: str) -> Callable[[Any], None]:
    def make(backend: Any) -> None:
        announcing(with_templates)(backend)
        original = backend.SendCode

        async def send(request: Any, context: Any) -> Any:
            request = copied(request)
            if request.operator_code.template in names:
                request.operator_code.ClearField("template")
            return await original(request, context)

        backend.SendCode = send

    return make


async def test_templates_that_are_announced_are_ordered(tmp_path: Path) -> None:
    async with serving(tmp_path, change=knowing("short", "long")) as served:
        results = await outcomes(Target(served.address), served, ("code.match", "code.template"))
    assert set(told(results).values()) == {Outcome.PASSED}


async def test_a_template_that_is_announced_and_refused_is_named(tmp_path: Path) -> None:
    async with serving(tmp_path, change=knowing("short")) as served:
        results = await outcomes(Target(served.address), served, ("code.match", "code.template"))
    assert told(results) == {"code.match": Outcome.PASSED, "code.template": Outcome.FAILED}
    assert "'long' is announced and refused" in results["code.template"].sentences[0]


@pytest.mark.parametrize(
    ("every", "announced", "sentence"),
    [
        (2, True, r"20 errors \(20 RESOURCE_EXHAUSTED\): every lookup is expected to be answered$"),
        (2, False, r"20 errors \(20 RESOURCE_EXHAUSTED\): every lookup .*; announce the rate that is accepted"),
        (1, True, r"none of 40 lookups at 40 a second was answered: 40 RESOURCE_EXHAUSTED"),
    ],
)
async def test_lookups_that_are_refused_miss_the_rate(
    tmp_path: Path, every: int, announced: bool, sentence: str
) -> None:
    def make(backend: Any) -> None:
        if not announced:
            announcing(lambda answer: answer.ClearField("rates"))(backend)
        original, count = backend.LookUpSubscriber, iter(range(10**9))

        async def look_up(request: Any, context: Any) -> Any:
            if next(count) % every == 0:
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "slowly")
            return await original(request, context)

        backend.LookUpSubscriber = look_up

    async with serving(tmp_path, change=make) as served:
        results = await outcomes(Target(served.address), served, ("rate.*",))
    assert told(results) == {"rate.lookups": Outcome.FAILED}
    assert re.search(sentence, results["rate.lookups"].sentences[0])


async def test_a_rate_that_is_announced_is_not_exceeded(tmp_path: Path) -> None:
    def slowly(answer: Any) -> None:
        answer.rates[0].per_second = 7

    async with serving(tmp_path, change=announcing(slowly)) as served:
        results = await outcomes(Target(served.address), served, ("rate.*",))
    assert results["rate.lookups"].sentences[0].startswith("7/s for 1 s: ")


async def test_equipment_that_does_not_work_fails_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        for equipment in (Reach(simulator=True), Reach(command=("false",))):
            broken = replace(served.profile, messages=equipment, sim_change=equipment)
            results = await outcomes(
                Target(served.address), replace(served, profile=broken), ("code.match", "events.sim_change")
            )
            assert set(told(results).values()) == {Outcome.NOT_CHECKED}


async def test_an_old_cursor_must_be_out_of_range(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        old = replace(served, profile=replace(served.profile, old_cursor=f"{served.backend.epoch}-0"))
        results = await outcomes(Target(served.address), old, ("events.cursor_too_old",))
        assert set(told(results).values()) == {Outcome.FAILED}
        served.backend.events.clear()
        served.backend.newest = 5
        results = await outcomes(Target(served.address), old, ("events.cursor_too_old",))
    assert set(told(results).values()) == {Outcome.PASSED}


async def test_a_cursor_made_up_may_be_malformed_and_shows_nothing(tmp_path: Path) -> None:
    def make(backend: Any) -> None:
        original = backend.StreamEvents

        async def stream(request: Any, context: Any) -> Any:
            if request.cursor and not request.cursor.startswith(backend.epoch):
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such cursor")
            async for answer in original(request, context):
                yield answer

        backend.StreamEvents = stream

    async with serving(tmp_path, change=make) as served:
        results = await outcomes(Target(served.address), served, ("events.cursor_too_old",))
    assert set(told(results).values()) == {Outcome.NOT_CHECKED}
