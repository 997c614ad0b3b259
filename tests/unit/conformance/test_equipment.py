"""Test equipment is asked by command, address and file; what does not work leaves a check unmade, never failed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from numseal.conformance import equipment
from numseal.conformance.equipment import MAX_OUTPUT, ask
from numseal.conformance.profile import Reach
from numseal.conformance.results import CannotCheck

NUMBER, NONCE = "+79160000001", "123456000001"


def python(code: str) -> Reach:
    return Reach(command=(sys.executable, "-c", code, "{number}", "{nonce}"))


async def test_a_command_is_run_with_the_number() -> None:
    assert await ask(python("import sys; print(*sys.argv[1:])"), NUMBER, NONCE) == f"{NUMBER} {NONCE}\n"


async def test_a_file_is_read_and_is_empty_where_there_is_none(tmp_path: Path) -> None:
    reach = Reach(file=str(tmp_path / "{number}.txt"))
    assert await ask(reach, NUMBER, NONCE) == ""
    (tmp_path / f"{NUMBER}.txt").write_text("Код 123456\n", encoding="utf-8")
    assert await ask(reach, NUMBER, NONCE) == "Код 123456\n"


@asynccontextmanager
async def web(status: str, body: bytes) -> AsyncIterator[tuple[str, list[str]]]:
    """Serve one answer to everybody; yields the address and the paths that were asked for."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split()[1])
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        try:
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except ConnectionError:
            writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}", asked


async def test_an_address_is_fetched() -> None:
    async with web("200 OK", b"code 123456") as (address, asked):
        assert await ask(Reach(url=f"{address}/sms?to={{number}}"), NUMBER, NONCE) == "code 123456"
    assert asked == ["/sms?to=%2B79160000001"]


async def test_no_more_is_read_than_a_mebibyte() -> None:
    async with web("200 OK", b"x" * (MAX_OUTPUT * 2)) as (address, _):
        assert len(await ask(Reach(url=f"{address}/"), NUMBER, NONCE)) == MAX_OUTPUT


async def test_what_does_not_work_is_told() -> None:
    async with web("500 Oh", b"") as (address, _):
        with pytest.raises(CannotCheck, match="answered with the status 500"):
            await ask(Reach(url=f"{address}/"), NUMBER, NONCE)
    with pytest.raises(CannotCheck, match="does not work"):
        await ask(Reach(url=f"{address}/"), NUMBER, NONCE)
    with pytest.raises(CannotCheck, match=r"ended with 3: no such number"):
        await ask(python("import sys; sys.stderr.write('no such number'); sys.exit(3)"), NUMBER, NONCE)
    with pytest.raises(CannotCheck, match=r"ended with 1: no word on stderr"):
        await ask(python("import sys; sys.exit(1)"), NUMBER, NONCE)
    with pytest.raises(CannotCheck, match="/no/such/program does not work"):
        await ask(Reach(command=("/no/such/program",)), NUMBER, NONCE)
    with pytest.raises(CannotCheck, match="does not work"):
        await ask(Reach(file="/proc"), NUMBER, NONCE)


async def test_a_command_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(equipment, "TIMEOUT", 0.5)
    pid = tmp_path / "pid"
    code = f"import os, time, pathlib; pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(60)"
    with pytest.raises(CannotCheck, match="did not end within"):
        await ask(python(code), NUMBER, NONCE)
    assert not (Path("/proc") / pid.read_text()).exists()
