"""The other end of an SMPP session, scripted in the test's own loop: for what no proper SMSC would do.

async with smpp_peer() as peer:
    peer.on_submit = lambda pdu: peer.answer(pdu, b"17\\0")     # None: silence
    peer.write(b"...")                                          # octets as they are
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from numseal.adapters.operators.smpp.commands import RESPONSE, Command
from numseal.adapters.operators.smpp.pdu import Pdu, Splitter, encode
from numseal.adapters.operators.smpp.settings import SmscSettings


@dataclass
class SmppPeer:
    """One listener and its newest connection."""

    port: int = 0
    bind_status: int | None = 0
    """None: the bind is not answered."""

    on_submit: Callable[[Pdu], None] | None = None
    answered: set[int] = field(default_factory=lambda: {Command.ENQUIRE_LINK, Command.UNBIND})
    """Of these two, those that are answered."""

    received: list[Pdu] = field(default_factory=list)
    binds: int = 0
    _writer: asyncio.StreamWriter | None = None
    _count: int = 0

    def settings(self, name: str = "peer", **changes: Any) -> SmscSettings:
        """Return what reaches it."""
        return SmscSettings(name, "127.0.0.1", self.port, "numseal", b"secret", **changes)

    def write(self, octets: bytes) -> None:
        """Write to the newest connection."""
        assert self._writer is not None
        self._writer.write(octets)

    def answer(self, pdu: Pdu, body: bytes = b"", status: int = 0) -> None:
        """Answer a request."""
        self.write(encode(pdu.command | RESPONSE, pdu.sequence, body, status))

    def accept(self, pdu: Pdu) -> None:
        """Take a submit_sm, under a decimal id that counts from 1."""
        self._count += 1
        self.answer(pdu, f"{self._count}\0".encode())

    def cut(self) -> None:
        """Cut the newest connection."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def got(self, command: Command, count: int = 1) -> list[Pdu]:
        """Wait for so many PDUs of a command and return them."""
        async with asyncio.timeout(10):
            while len(found := [pdu for pdu in self.received if pdu.command == command]) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        return found

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        self._writer = writer
        splitter = Splitter()
        try:
            while data := await reader.read(65_536):
                for pdu in splitter.feed(data):
                    self.received.append(pdu)
                    self._take(pdu)
        except ConnectionError:
            pass
        finally:
            writer.close()

    def _take(self, pdu: Pdu) -> None:
        if pdu.command == Command.BIND_TRANSCEIVER:
            self.binds += 1
            if self.bind_status is not None:
                self.answer(pdu, b"peer\0" if self.bind_status == 0 else b"", self.bind_status)
        elif pdu.command == Command.SUBMIT_SM:
            (self.on_submit or self.accept)(pdu)
        elif pdu.command in self.answered:
            self.answer(pdu)


def silent(_pdu: Pdu) -> None:
    """Answer nothing."""


@asynccontextmanager
async def smpp_peer() -> AsyncIterator[SmppPeer]:
    """Give a peer that listens; all is closed at the end of the block."""
    peer = SmppPeer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        peer.cut()
        await server.wait_closed()
