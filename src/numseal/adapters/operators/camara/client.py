"""One question to one CAMARA API: token, correlator, deadline, and the error where the answer is one.

What is asked and what an answer means is for the files of the APIs.
"""

import asyncio
import hashlib
import logging
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson

from numseal.adapters.operators.camara.errors import MALFORMED, TIMEOUT, CamaraError
from numseal.adapters.operators.camara.oauth import Tokens
from numseal.adapters.operators.camara.transport import Reply, Transport

_CORRELATOR = re.compile(r"[a-zA-Z0-9\-_:;./<>{}]{1,256}")
"""CAMARA_common, schema XCorrelator."""

_CODE = re.compile(r"(?=.{1,128}\Z)[A-Z][A-Z0-9_]*(\.[A-Z0-9_]+)*")
_UNAUTHENTICATED = 401
_OK = 200

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of an API: its method, its path below the API's address, and the scope it takes."""

    path: str
    scope: str
    method: str = "POST"


class Client:
    """Asks one operator's APIs; safe to use from many tasks."""

    def __init__(self, transport: Transport, tokens: Tokens, purpose: str) -> None:
        """Take the scope that names the purpose, empty where none was agreed."""
        self._transport = transport
        self._tokens = tokens
        self._purpose = purpose

    async def call(
        self,
        base: str,
        operation: Operation,
        body: object,
        request_id: str,
        limit: float,
        accept: Collection[int] = (_OK,),
    ) -> Reply:
        """Ask with this client's own token (2-legged) and return the answer, which has one of the statuses `accept`.

        A token that an API refuses is fetched anew, once. Raises `CamaraError`, TIMEOUT after `limit` seconds.
        """
        scope = f"{self._purpose} {operation.scope}".strip()
        try:
            asked = False
            async with asyncio.timeout(limit):
                token = await self._tokens.get(scope)
                asked = True
                reply = await self._send(base, operation, body, request_id, token)
                if reply.status == _UNAUTHENTICATED:
                    token = await self._tokens.get(scope, refused=token)
                    reply = await self._send(base, operation, body, request_id, token)
        except TimeoutError as error:
            raise CamaraError(TIMEOUT, f"no answer within {limit} s", sent=asked) from error
        return _accepted(reply, accept)

    async def call_with(self, base: str, operation: Operation, body: object, request_id: str, token: str) -> Reply:
        """Ask with a token of a person's own (3-legged); the deadline is the caller's. Raises `CamaraError`."""
        return _accepted(await self._send(base, operation, body, request_id, token), (_OK,))

    async def _send(self, base: str, operation: Operation, body: object, request_id: str, token: str) -> Reply:
        correlator = correlator_of(request_id)
        headers = {"Authorization": f"Bearer {token}", "x-correlator": correlator}
        if body is not None:
            headers["Content-Type"] = "application/json"
        reply = await self._transport.request(
            operation.method,
            base.rstrip("/") + operation.path,
            headers=headers,
            body=None if body is None else orjson.dumps(body),
        )
        if reply.correlator not in {"", correlator}:
            _log.info("%s answers %s with the x-correlator of another request", base, operation.path)
        return reply


def correlator_of(request_id: str) -> str:
    """Return the x-correlator of a request: its id, hashed where CAMARA does not allow its characters."""
    return request_id if _CORRELATOR.fullmatch(request_id) else hashlib.sha256(request_id.encode()).hexdigest()


def fields_of(reply: Reply) -> dict[str, Any]:
    """Return the body's object; raise `CamaraError` where it is none."""
    if not isinstance(reply.body, dict):
        raise CamaraError(MALFORMED, "the API's answer is no JSON object")
    return reply.body


def _accepted(reply: Reply, accept: Collection[int]) -> Reply:
    if reply.status in accept:
        return reply
    told = reply.body.get("code") if isinstance(reply.body, dict) else None
    code = told if isinstance(told, str) and _CODE.fullmatch(told) else f"HTTP_{reply.status}"
    if reply.status < 400:  # noqa: PLR2004 - no error, and no answer either that the API describes
        raise CamaraError(MALFORMED, f"the API answers with status {reply.status}, which it does not describe")
    message = f"the API answers {reply.status} {code}"
    raise CamaraError(code, message, status=reply.status, retry_delay=reply.retry_delay)
