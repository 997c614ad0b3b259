"""A VLR or SGSN as an HLR sees one: registers and purges subscribers over GSUP, on an IPA connection.

async with visited("127.1.2.3", "4915110000000") as node:   # its name becomes vlr_number and sgsn_number
    await node.register(imsi, CS)
    await node.purge(imsi, CS)
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

GSUP_PORT = 4_222
PS, CS = 1, 2
"""Core network domains, as GSUP numbers them."""

_CCM, _OSMO = 0xFE, 0xEE
_GSUP = 0x05
_PING, _PONG, _ID_GET, _ID_RESPONSE = 0x00, 0x01, 0x04, 0x05
_IMSI_IE, _DOMAIN_IE = 0x01, 0x28
_UPDATE_LOCATION, _PURGE, _INSERT_DATA = 0x04, 0x0C, 0x10
_ERROR, _RESULT = 1, 2
"""What is added to a request's type."""

_SECONDS = 10.0


class GsupError(Exception):
    """The HLR refused, or did not say what was expected; the message tells the type of its message."""


@dataclass
class Node:
    """One connection to an HLR."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def register(self, imsi: str, domain: int) -> None:
        """Have a subscriber served by this node."""
        self._send(_UPDATE_LOCATION, imsi, domain)
        if await self._message(_UPDATE_LOCATION) == _INSERT_DATA:
            self._send(_INSERT_DATA + _RESULT, imsi, domain)
            await self._result(_UPDATE_LOCATION)

    async def purge(self, imsi: str, domain: int) -> None:
        """Tell that the subscriber was silent for so long that the node forgot it."""
        self._send(_PURGE, imsi, domain)
        await self._result(_PURGE)

    async def introduce(self, name: str) -> None:
        """Answer the HLR's question for a name: its unit id, its location and its name are all the same."""
        protocol, body = await self._frame()
        if protocol != _CCM or body[0] != _ID_GET:
            raise GsupError(f"found protocol {protocol:#x}, expected the HLR to ask for a name")
        answer = bytes((_ID_RESPONSE,))
        for tag, value in ((8, "0/0/0"), (1, name), (0, name)):
            item = bytes((tag,)) + value.encode() + b"\0"
            answer += len(item).to_bytes(2) + item
        self._put(_CCM, answer)

    def _send(self, kind: int, imsi: str, domain: int) -> None:
        digits = imsi + "f" * (len(imsi) % 2)
        packed = bytes(int(digits[at + 1] + digits[at], 16) for at in range(0, len(digits), 2))
        told = bytes((_GSUP, kind, _IMSI_IE, len(packed))) + packed + bytes((_DOMAIN_IE, 1, domain))
        self._put(_OSMO, told)

    def _put(self, protocol: int, body: bytes) -> None:
        self.writer.write(len(body).to_bytes(2) + bytes((protocol,)) + body)

    async def _result(self, request: int) -> None:
        kind = await self._message(request)
        if kind != request + _RESULT:
            raise GsupError(f"found message {kind:#x}, expected {request + _RESULT:#x}")

    async def _message(self, request: int) -> int:
        """Return the type of the next GSUP message; answer what keeps the connection alive meanwhile."""
        while True:
            protocol, body = await self._frame()
            if protocol == _CCM and body[0] == _PING:
                self._put(_CCM, bytes((_PONG,)))
            elif protocol == _OSMO and body[0] == _GSUP:
                if body[1] == request + _ERROR:
                    raise GsupError(f"the HLR refused message {request:#x}")
                return body[1]

    async def _frame(self) -> tuple[int, bytes]:
        async with asyncio.timeout(_SECONDS):
            header = await self.reader.readexactly(3)
            return header[2], await self.reader.readexactly(int.from_bytes(header[:2]))


@asynccontextmanager
async def visited(host: str, name: str) -> AsyncIterator[Node]:
    """Give a node of this name, connected to an HLR."""
    reader, writer = await asyncio.open_connection(host, GSUP_PORT)
    node = Node(reader, writer)
    try:
        await node.introduce(name)
        yield node
    finally:
        writer.close()
        await writer.wait_closed()
