"""Access tokens: client credentials (RFC 6749 §4.4) and authorization codes (§4.1.3), by `private_key_jwt` (RFC 7523).

Tokens live in memory only, one for each scope, and are never logged or told.
"""

import asyncio
import re
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jwt

from numseal.adapters.operators.camara.errors import INVALID_GRANT, MALFORMED, TIMEOUT, TOKEN_REFUSED, CamaraError
from numseal.adapters.operators.camara.settings import Settings, SettingsError
from numseal.adapters.operators.camara.transport import Transport
from numseal.ports.clock import Clock

ASSERTION_LIFE = 120
"""Seconds that a client assertion is good for; CAMARA's security profile allows 300."""

EARLY = 30
"""Seconds before its end at which a token is fetched anew, a tenth of its life where that is less."""

DEFAULT_LIFE = 60
"""Seconds that a token is kept whose answer tells no `expires_in` (only RECOMMENDED, RFC 6749 §5.1)."""

_LONGEST_LIFE = 86_400
_KEPT_SCOPES = 64
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_ERROR = re.compile(r"[a-z_]{1,64}")
_OK = 200
_OF_THE_CODE = frozenset({"invalid_grant", "invalid_request"})


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    refresh_at: float


class Tokens:
    """Owns one operator's access tokens and the fetches of them that are under way, at most one a scope."""

    def __init__(self, settings: Settings, private_key: bytes, transport: Transport, clock: Clock) -> None:
        """Take the client's private key as PEM; raise `SettingsError` where it does not fit the algorithm."""
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._algorithm = jwt.get_algorithm_by_name(settings.algorithm)
        try:
            self._key = self._algorithm.prepare_key(private_key)
            self._assertion()
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise SettingsError(f"private key: a PEM key for {settings.algorithm} is expected") from error
        self._tokens: dict[str, _Token] = {}
        self._fetches: dict[str, asyncio.Task[_Token]] = {}

    async def get(self, scope: str, refused: str = "") -> str:
        """Return a token for a scope, never `refused`, which an API did not take; raise `CamaraError`."""
        token = self._tokens.get(scope)
        if token is not None and token.value != refused and self._clock.monotonic() < token.refresh_at:
            return token.value
        fetch = self._fetches.get(scope)
        if fetch is None:
            fetch = self._fetches[scope] = asyncio.create_task(self._fetch(scope))
            fetch.add_done_callback(lambda done: self._fetched(scope, done))
        # One who stops waiting does not take the token from those who wait on.
        return (await asyncio.shield(fetch)).value

    async def exchange(self, code: str, redirect_uri: str, code_verifier: str) -> dict[str, Any]:
        """Return the token answer to an authorization code; raise `CamaraError`, INVALID_GRANT for a code not taken.

        Servers say invalid_request of one that has no form of theirs; whoever has the page can hand any code in.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return await self._ask(form | ({"code_verifier": code_verifier} if code_verifier else {}))

    async def close(self) -> None:
        """End fetches that are under way."""
        fetches = list(self._fetches.values())
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)

    def _fetched(self, scope: str, fetch: "asyncio.Task[_Token]") -> None:
        self._fetches.pop(scope, None)
        if not fetch.cancelled() and fetch.exception() is None:
            self._tokens[scope] = fetch.result()
            while len(self._tokens) > _KEPT_SCOPES:
                self._tokens.pop(next(iter(self._tokens)))

    async def _fetch(self, scope: str) -> _Token:
        begun = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._settings.timeout):
                answer = await self._ask({"grant_type": "client_credentials", "scope": scope})
        except TimeoutError as error:
            raise CamaraError(TIMEOUT, "the authorization server did not answer in time", sent=False) from error
        life = answer.get("expires_in", DEFAULT_LIFE)
        if type(life) is not int or life <= 0:
            life = DEFAULT_LIFE
        life = min(life, _LONGEST_LIFE)
        return _Token(access_token(answer), begun + life - min(EARLY, life / 10))

    async def _ask(self, form: dict[str, str]) -> dict[str, Any]:
        """Post a form to the token endpoint; no request of a token is a request to the API."""
        body = urlencode(
            form
            | {
                "client_id": self._settings.client_id,
                "client_assertion_type": _ASSERTION_TYPE,
                "client_assertion": self._assertion(),
            }
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            reply = await self._transport.request(
                "POST", self._settings.token_url, headers=headers, body=body.encode("ascii")
            )
        except CamaraError as error:
            raise CamaraError(error.code, f"authorization server: {error}", sent=False) from error
        if reply.status != _OK:
            told = reply.body.get("error") if isinstance(reply.body, dict) else None
            name = told if isinstance(told, str) and _ERROR.fullmatch(told) else f"status {reply.status}"
            code = INVALID_GRANT if "code" in form and name in _OF_THE_CODE else TOKEN_REFUSED
            raise CamaraError(code, f"the authorization server gives no token: {name}", sent=False)
        if not isinstance(reply.body, dict):
            raise CamaraError(MALFORMED, "the authorization server's answer is no JSON object", sent=False)
        return reply.body

    def _assertion(self) -> str:
        """Return a signed statement of who asks (RFC 7523 §3), good once and for two minutes."""
        now, client = self._clock.now(), self._settings.client_id
        claims = {
            "iss": client,
            "sub": client,
            "aud": self._settings.audience or self._settings.token_url,
            "iat": now,
            "exp": now + ASSERTION_LIFE,
            "jti": secrets.token_urlsafe(16),
        }
        headers = {"kid": self._settings.key_id} if self._settings.key_id else None
        return jwt.encode(claims, self._key, self._settings.algorithm, headers=headers)


def access_token(answer: dict[str, Any]) -> str:
    """Return the bearer token of a token answer (RFC 6749 §5.1); raise `CamaraError` where there is none."""
    kind, token = answer.get("token_type"), answer.get("access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer" or not isinstance(token, str):
        raise CamaraError(MALFORMED, "the authorization server gives no bearer token", sent=False)
    if not _TOKEN.fullmatch(token):
        raise CamaraError(MALFORMED, "the authorization server's token cannot be sent in a header", sent=False)
    return token
