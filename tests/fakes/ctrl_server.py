"""An HLR on loopback that says what a test tells it to, and remembers everything that it was asked."""

import asyncio
from collections.abc import Callable
from typing import Any

NUMBER, DIGITS = "+79161234567", "79161234567"
IMSI = "250010000000001"


def frame(text: str) -> bytes:
    return (len(text) + 1).to_bytes(2) + b"\xee\x00" + text.encode()


def printed(digits: str = DIGITS, imsi: str = IMSI, **fields: str) -> str:
    """Return a record as OsmoHLR prints it; a field that is empty is left out."""
    values = {
        "id": "1",
        "imsi": imsi,
        "msisdn": digits,
        "nam_cs": "1",
        "nam_ps": "1",
        "vlr_number": "",
        "sgsn_number": "",
        "ms_purged_cs": "0",
        "ms_purged_ps": "0",
        "periodic_lu_timer": "0",
        "periodic_rau_tau_timer": "0",
        "lmsi": "00000000",
        **fields,
    }
    return "".join(f"\n{key}\t{value}" for key, value in values.items() if value)


def answer(text: str) -> bytes:
    """Answer as an HLR with just the subscriber `DIGITS`."""
    _, number, variable = text.split(" ")
    if variable == f"subscriber.by-msisdn-{DIGITS}.info":
        return frame(f"GET_REPLY {number} {variable} {printed()}")
    return frame(f"ERROR {number} No such subscriber.")


class FakeHlr:
    """Serves CTRL; `says` makes the bytes that answer a question, none for silence."""

    def __init__(self) -> None:
        self.says: Callable[[str], bytes] = answer
        self.asked: list[str] = []
        self.accepted = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
            await self.drop()
            await self._server.wait_closed()
            self._server = None

    async def drop(self) -> None:
        """Close every connection."""
        dropped = set(self._writers)
        for writer in dropped:
            writer.transport.abort()
        await until(lambda: not dropped & self._writers)

    def send(self, data: bytes) -> None:
        """Say something unasked to everyone."""
        for writer in self._writers:
            writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers.add(writer)
        try:
            while True:
                header = await reader.readexactly(4)
                assert header[2:] == b"\xee\x00"
                text = (await reader.readexactly(int.from_bytes(header[:2]) - 1)).decode("ascii")
                self.asked.append(text)
                said = self.says(text)
                if said:
                    writer.write(said)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


async def until(look: Callable[[], Any]) -> None:
    """Wait until there is something to see."""
    async with asyncio.timeout(10):
        while not look():  # noqa: ASYNC110 - what is looked at may be anywhere
            await asyncio.sleep(0.001)
