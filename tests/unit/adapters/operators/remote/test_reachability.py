"""What is logged of an operator that is not reached: the cause, once for every change."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from fakes.certificates import Authority, Identity
from fakes.clock import FakeClock
from fakes.evidence import NOW
from fakes.operator import FakeOperator
from fakes.orders import text_order
from fakes.remote_world import Tampered, client, plain, serving
from numseal.adapters.operators.remote import reachability
from numseal.adapters.operators.remote.backend import RemoteOperator
from numseal.adapters.operators.remote.settings import Settings
from numseal.ports.operator_backend import OperatorError

NAME = reachability.__name__
NUMBER = "+79161234567"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


async def asked(operator: RemoteOperator, times: int = 1) -> None:
    """Ask what it can do, whatever comes of it."""
    for _ in range(times):
        try:
            await operator.capabilities()
        except OperatorError as error:
            assert error.reason in {"UNAVAILABLE", "TIMEOUT"}  # noqa: PT017 - any of the two, or none


async def test_an_operator_that_is_not_there_is_told_once_and_so_is_its_return(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, NAME)
    port = free_port()
    async with client(plain(f"127.0.0.1:{port}"), FakeClock(NOW)) as operator:
        await asked(operator, 5)
        (lost,) = caplog.records
        assert lost.levelno == logging.WARNING
        assert lost.getMessage().startswith(f"operator mts: not reachable at 127.0.0.1:{port}: ")
        assert "refused" in lost.getMessage()
        async with serving(Tampered(FakeOperator("mts")), port=port), asyncio.timeout(10):
            while len(caplog.records) == 1:
                await asked(operator)
                await asyncio.sleep(0.02)
            await asked(operator, 3)
        _, found = caplog.records
    assert (found.levelno, found.getMessage()) == (
        logging.INFO,
        f"operator mts: reached again at 127.0.0.1:{port}",
    )


async def test_a_code_that_finds_no_connection_is_told_until_a_cause_is_known(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, NAME)
    async with client(plain(f"127.0.0.1:{free_port()}"), FakeClock(NOW)) as operator:
        for _ in range(2):
            with pytest.raises(OperatorError):
                await operator.send_code(text_order(NUMBER))
        await asked(operator)
        with pytest.raises(OperatorError):
            await operator.send_code(text_order(NUMBER))
    unknown, known = caplog.messages
    assert unknown.endswith("no connection comes about")
    assert "refused" in known


@asynccontextmanager
async def secured(identity: Identity, settings: Settings, **server: Any) -> AsyncIterator[RemoteOperator]:
    async with serving(Tampered(FakeOperator("mts")), identity, **server) as address:
        reached = Settings(
            address,
            authorities=settings.authorities,
            certificate=settings.certificate,
            key=settings.key,
            server_name=settings.server_name,
        )
        async with client(reached, FakeClock(NOW)) as operator:
            yield operator


async def test_the_cause_of_wrong_tls_settings_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, NAME)
    ours, theirs = Authority("ours"), Authority("theirs")
    wrong = Settings("127.0.0.1:1", authorities=theirs.certificate, server_name="localhost")
    async with secured(ours.issue("localhost"), wrong) as operator:
        await asked(operator, 2)
    (line,) = caplog.messages
    assert "CERTIFICATE_VERIFY_FAILED" in line


async def test_an_operator_that_refuses_by_itself_is_reached(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, NAME)

    async def lie(_request: object, context: grpc.aio.ServicerContext[object, object], _honest: object) -> None:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "try later")

    servicer = Tampered(FakeOperator("mts"), {"GetCapabilities": lie})
    async with serving(servicer) as address, client(plain(address), FakeClock(NOW)) as operator:
        await asked(operator, 2)
    assert caplog.messages == []


def failing(details: str) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details)


async def test_causes_are_bounded_and_of_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, NAME)
    reach = reachability.Reachability("mts", "operator.example:7001")
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        for number in [*range(100), *range(100)]:
            reach.failed(failing(f"{number}\nERROR forged {'x' * 1_000}"), channel)
    assert len(caplog.messages) == reachability.MAX_CAUSES
    assert all("\n" not in line and len(line) < 400 for line in caplog.messages)
    reach.reached()
    reach.reached()
    assert caplog.messages[reachability.MAX_CAUSES :] == ["operator mts: reached again at operator.example:7001"]
