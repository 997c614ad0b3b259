"""HTTP to an operator: one pool of connections, bounded answers, no redirects. Knows nothing of CAMARA or OAuth.

Owns the client session, made at the first request and closed by `close`.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from numseal.adapters.operators.camara.errors import MALFORMED, REDIRECTED, TOO_LARGE, UNREACHABLE, CamaraError

MAX_BODY = 64 * 1024
"""Bytes of an answer's body; a longer one is refused, unread."""

_DELAY = re.compile(r"[0-9]{1,6}")
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: `body` is its JSON, None where it has none or, of an error, where it cannot be read.

    `retry_delay` is Retry-After in seconds (RFC 9110 §10.2.3), None for none; `correlator` the x-correlator header.
    """

    status: int
    body: Any
    correlator: str = ""
    retry_delay: int | None = None


class Transport:
    """Asks over HTTP; safe to use from many tasks. Deadlines are the caller's."""

    def __init__(self, connections: int, certificate_authority: bytes = b"") -> None:
        """Take how many connections there may be, and the PEM of an authority to trust in place of the system's."""
        self._connections = connections
        self._trusted = certificate_authority
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Reply:
        """Return the answer, whatever its status; raise `CamaraError` where none came, or not one of HTTP and JSON."""
        if self._closed:
            raise CamaraError(UNREACHABLE, "this operator's connections were closed", sent=False)
        session = self._session = self._session or self._open()
        try:
            async with session.request(method, url, data=body, headers=headers, allow_redirects=False) as response:
                return await _read(response)
        except aiohttp.ClientConnectorError as error:
            raise CamaraError(UNREACHABLE, f"the API cannot be reached: {type(error).__name__}", sent=False) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # ValueError: headers that aiohttp cannot read. What an exception says may hold the address, not a secret.
            raise CamaraError(UNREACHABLE, f"the connection to the API broke: {type(error).__name__}") from error

    async def close(self) -> None:
        """End all connections, for good."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        trusted = self._trusted.decode("ascii") if self._trusted else None
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=ssl.create_default_context(cadata=trusted)),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "numseal"},
        )


async def _read(response: aiohttp.ClientResponse) -> Reply:
    status = response.status
    if status in _REDIRECTS:
        response.close()
        raise CamaraError(REDIRECTED, f"the API redirects ({status}), which is not followed", status=status)
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > MAX_BODY:
            response.close()
            raise CamaraError(TOO_LARGE, f"the API's answer is longer than {MAX_BODY} bytes")
    delay = response.headers.get("Retry-After", "")
    return Reply(
        status,
        _json(bytes(data), response),
        response.headers.get("x-correlator", ""),
        int(delay) if _DELAY.fullmatch(delay) else None,
    )


def _json(data: bytes, response: aiohttp.ClientResponse) -> Any:
    if not data:
        return None
    try:
        return orjson.loads(data)
    except ValueError as error:
        # An error is one by its status, whatever a proxy in between wrote under it. Compressed, it is no JSON either.
        if response.ok:
            raise CamaraError(MALFORMED, "the API's answer is not JSON") from error
        return None
