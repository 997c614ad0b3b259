"""An operator across the wire that is not well: whoever asks gets a reason in time, and nothing is left behind."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, cast

import grpc
import pytest

from fakes.certificates import Authority, Identity
from fakes.clock import FakeClock
from fakes.evidence import NOW, answer
from fakes.operator import HANG, FakeOperator
from fakes.orders import lookup_request, text_order
from fakes.remote_world import Lie, Raw, Tampered, client, plain, serving
from numseal.adapters.clock import SystemClock
from numseal.adapters.operators.remote.backend import RemoteOperator
from numseal.adapters.operators.remote.served import ServedOperator
from numseal.adapters.operators.remote.settings import Settings
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.domain.evidence import LookupOutcome
from numseal.domain.operator import EventKind
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.ask_operator import AskOperator

NUMBER = "+79161234567"
DEADLINE = 1.5
HUGE = 100 * 1024 * 1024


@pytest.fixture(autouse=True)
async def _nothing_is_left() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    async with asyncio.timeout(5):
        # What sets up and what clears away are tasks of the test's own.
        while others := asyncio.all_tasks() - before - {cast("Any", asyncio.current_task())}:
            await asyncio.wait(others, timeout=0.1)
    gc.collect()
    channels = [one for one in gc.get_objects() if isinstance(one, grpc.aio.Channel)]
    assert all(cast("Any", channel)._channel.closed() for channel in channels)


@asynccontextmanager
async def asking(settings: Settings) -> AsyncIterator[tuple[AskOperator, RemoteOperator]]:
    # The facade leaves alone who fails too often, for a time that has to pass.
    clock = SystemClock()
    async with client(settings, clock) as operator:
        yield AskOperator({"mts": operator}, clock), operator


@asynccontextmanager
async def tampered(lies: dict[str, Lie]) -> AsyncIterator[AskOperator]:
    servicer = Tampered(FakeOperator("mts"), lies)
    async with serving(servicer) as address, asking(plain(address)) as (ask, _):
        yield ask


async def answered(operator: RemoteOperator) -> None:
    """Wait until an operator that comes back is found."""
    while True:
        with suppress(OperatorError):
            await operator.look_up(lookup_request(NUMBER))
            return
        await asyncio.sleep(0.02)


async def failure(ask: AskOperator, number: int = 1, seconds: float = DEADLINE) -> str:
    """Return why a lookup was not answered, empty where it was; it takes no longer than it may."""
    async with asyncio.timeout(seconds + 1):
        found = await ask.look_up("mts", lookup_request(NUMBER, f"l{number}"), seconds)
    assert (found.outcome is LookupOutcome.UNANSWERED) == bool(found.failure)
    return found.failure


async def send_failure(ask: AskOperator, seconds: float = DEADLINE) -> str | None:
    """Return why certainly no code was sent, None where nobody can say."""
    async with asyncio.timeout(seconds + 1):
        sent, reason = await ask.send_code("mts", text_order(NUMBER), seconds)
    assert sent is None
    return reason


@contextmanager
def dead_port() -> Iterator[str]:
    """Take a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


async def test_one_that_is_down() -> None:
    with dead_port() as address:
        async with asking(plain(address)) as (ask, _):
            assert await failure(ask) == "UNAVAILABLE"
            assert await send_failure(ask) == "UNAVAILABLE"
            assert await ask.capabilities("mts") is None


async def test_one_that_accepts_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        async with asking(plain(address, connect_timeout=0.2)) as (ask, _):
            assert await failure(ask, seconds=0.3) == "TIMEOUT"
            assert await send_failure(ask) == "UNAVAILABLE"


async def test_one_that_is_slow() -> None:
    fake = FakeOperator("mts", found=[HANG], sent=HANG)
    async with serving(ServedOperator(fake)) as address:
        async with asking(plain(address, look_up_timeout=0.1)) as (ask, _):
            assert await failure(ask) == "TIMEOUT"
        async with asking(plain(address)) as (ask, _):
            assert await failure(ask, seconds=0.1) == "TIMEOUT"
            assert await send_failure(ask, seconds=0.1) is None


async def test_one_that_flaps() -> None:
    """Every second call fails: one that remembers is asked again and nobody notices, another is told of."""
    calls: list[int] = []

    async def flap(_request: Any, context: Any, honest: Any) -> Any:
        calls.append(len(calls))
        if len(calls) % 2:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "")
        return await honest()

    async with tampered({"LookUpSubscriber": flap}) as ask:
        assert [await failure(ask, number) for number in range(4)] == ["UNAVAILABLE", "", "UNAVAILABLE", ""]
        assert await ask.capabilities("mts") is not None
        assert [await failure(ask, number) for number in range(4)] == [""] * 4
    assert len(calls) == 12


async def test_one_that_goes_and_comes_back() -> None:
    with dead_port() as address:
        port = int(address.rpartition(":")[2])
    async with asking(plain(address)) as (ask, operator):
        for _ in range(3):
            async with serving(ServedOperator(FakeOperator("mts")), port=port), asyncio.timeout(20):
                await answered(operator)
                assert await failure(ask) == ""
            assert await failure(ask) == "UNAVAILABLE"


async def test_one_that_lies() -> None:
    async def other(_request: Any, _context: Any, honest: Any) -> Any:
        said = await honest()
        said.phone_number = "+79161234568"
        return said

    async def garbage(_request: Any, _context: Any, honest: Any) -> Any:
        said = await honest()
        said.subscriber.sim_ref.value.reference = b"25001" * 20
        return said

    for lie in (other, garbage):
        async with tampered({"LookUpSubscriber": lie}) as ask:
            assert await failure(ask) == "BROKEN_CONTRACT"


async def test_one_that_says_to_be_another() -> None:
    async with serving(ServedOperator(FakeOperator("megafon"))) as address, asking(plain(address)) as (ask, _):
        assert await ask.capabilities("mts") is None


async def test_one_that_sends_100_mb() -> None:
    async with serving(Raw(bytes(HUGE))) as address, asking(plain(address)) as (ask, operator):
        assert await failure(ask) == "ANSWER_TOO_LARGE"
        assert await send_failure(ask) is None
        stream: Any = operator.stream_events("")
        with pytest.raises(OperatorError) as caught:
            await anext(stream)
    assert caught.value.reason == "ANSWER_TOO_LARGE"


async def test_one_that_closes_mid_stream() -> None:
    clock = FakeClock(NOW)
    network = SimulatedNetwork(1, clock)
    with dead_port() as address:
        port = int(address.rpartition(":")[2])
    async with asking(plain(address)) as (ask, operator):
        cursor = ""
        for _ in range(2):
            async with serving(ServedOperator(SimulatedOperator(network, "mts")), port=port), asyncio.timeout(20):
                await answered(operator)
                events = ask.events("mts", cursor)
                beat = await anext(events)
                assert beat.kind is EventKind.HEARTBEAT
                cursor = beat.cursor
            async with asyncio.timeout(5):
                with pytest.raises(OperatorError) as caught:
                    await anext(events)
            assert caught.value.reason in {"UNAVAILABLE", "OPERATOR_ERROR"}


async def test_one_that_dies_in_a_call() -> None:
    """The connection is cut while an answer is awaited: a code may be under way."""
    async with asyncio.timeout(10):
        begun = asyncio.Event()

        async def hang(_request: Any, _context: Any, _honest: Any) -> Any:
            begun.set()
            await asyncio.Event().wait()

        async with serving(Tampered(FakeOperator("mts"), {"SendCode": hang})) as address:
            clock = FakeClock(NOW)
            async with client(plain(address), clock) as operator:
                ask = AskOperator({"mts": operator}, clock)
                order = asyncio.create_task(send_failure(ask, 5.0))
                await begun.wait()
                await operator.close()
                assert await order is None


AUTHORITY, CLIENTS = Authority("operators' authority"), Authority("clients' authority")
SERVER, CLIENT, STRANGER = AUTHORITY.issue("localhost"), CLIENTS.issue("numseal"), Authority("nobody").issue("numseal")


def trusting(address: str, identity: Identity | None = None, **further: Any) -> Settings:
    where = address.replace("127.0.0.1", "localhost")
    if identity is not None:
        further |= {"certificate": identity.certificate, "key": identity.key}
    return Settings(where, authorities=AUTHORITY.certificate, **further)


async def test_tls_and_mutual_tls() -> None:
    servicer = ServedOperator(FakeOperator("mts", found=[answer()]))
    async with serving(servicer, SERVER) as address, asking(trusting(address)) as (ask, _):
        assert await failure(ask) == ""
    async with (
        serving(servicer, SERVER, CLIENTS.certificate) as address,
        asking(trusting(address, CLIENT)) as (ask, _),
    ):
        assert await failure(ask) == ""
        assert (await ask.send_code("mts", text_order(NUMBER), DEADLINE))[0] is not None


@pytest.mark.parametrize(
    ("server", "client_ca", "settings"),
    [
        pytest.param(AUTHORITY.issue("localhost", expired=True), None, trusting, id="an expired certificate"),
        pytest.param(STRANGER, None, trusting, id="a stranger's certificate"),
        pytest.param(
            SERVER, None, lambda address: trusting(address, server_name="operator.example"), id="another host's name"
        ),
        pytest.param(SERVER, CLIENTS.certificate, trusting, id="no client certificate"),
        pytest.param(
            SERVER, CLIENTS.certificate, lambda address: trusting(address, STRANGER), id="a stranger as client"
        ),
        pytest.param(None, None, trusting, id="no TLS"),
        pytest.param(SERVER, None, plain, id="TLS where none is expected"),
    ],
)
async def test_who_is_not_who_they_should_be_is_asked_nothing(
    server: Identity | None, client_ca: bytes | None, settings: Any
) -> None:
    fake = FakeOperator("mts")
    async with serving(ServedOperator(fake), server, client_ca) as address, asking(settings(address)) as (ask, _):
        assert await failure(ask) in {"UNAVAILABLE", "TIMEOUT"}
        assert await send_failure(ask) in {"UNAVAILABLE", None}
        assert await ask.capabilities("mts") is None
    assert (fake.lookups, fake.orders, fake.capability_calls) == ([], [], [])


async def test_a_frozen_operator_does_not_slow_another() -> None:
    clock = FakeClock(NOW)
    frozen = FakeOperator("mts", found=[HANG])
    async with (
        serving(ServedOperator(frozen)) as one,
        serving(ServedOperator(FakeOperator("t2"))) as other,
        client(plain(one), clock) as stuck,
        client(plain(other), clock, "t2") as well,
    ):
        ask = AskOperator({"mts": stuck, "t2": well}, clock)
        waiting = [
            asyncio.create_task(ask.look_up("mts", lookup_request(NUMBER, f"f{number}"), 1.0)) for number in range(50)
        ]
        async with asyncio.timeout(5):
            for number in range(100):
                found = await ask.look_up("t2", lookup_request(NUMBER, f"l{number}"), 0.5)
                assert found.outcome is LookupOutcome.SUBSCRIBER
            assert {(await call).failure for call in waiting} == {"TIMEOUT"}
