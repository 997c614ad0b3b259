"""Proof of the SIM over mobile data: number-verification 2.1 by an OpenID Connect authorization code (3-legged).

Nothing is remembered between the two calls: what the second needs is sealed in the challenge, or derived from it.
"""

import asyncio
import base64
import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jwt
import orjson

from numseal.adapters.operators.camara.client import Client, Operation, fields_of
from numseal.adapters.operators.camara.errors import INVALID_GRANT, MALFORMED, OTHER_PAGE, TIMEOUT, CamaraError
from numseal.adapters.operators.camara.memory import Answers
from numseal.adapters.operators.camara.oauth import Tokens, access_token
from numseal.adapters.operators.camara.seals import Seals
from numseal.adapters.operators.camara.settings import Settings
from numseal.domain.operator import (
    CLOCK_SKEW,
    NetworkChecked,
    NetworkOffer,
    NetworkOrder,
    NetworkOutcome,
    NetworkStarted,
)
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorError

MAX_CHALLENGE = 1_024
MAX_URL = 2_048

_VERIFY = Operation("/verify", "number-verification:verify")
_DENIED = (403, "PERMISSION_DENIED")


@dataclass(frozen=True, slots=True)
class _Page:
    """What is sealed in a challenge: `name` is what nonce and code verifier are derived from."""

    name: str
    redirect_uri: str
    state: str
    expire_time: int


class NetworkProof:
    """Opens the operator's page and has its answer checked; owns the answers it gave within a day."""

    def __init__(self, settings: Settings, client: Client, tokens: Tokens, clock: Clock, seals: Seals) -> None:
        """Take whom to ask."""
        self._settings = settings
        self._client = client
        self._tokens = tokens
        self._clock = clock
        self._seals = seals
        self._answers: Answers[NetworkOffer, NetworkChecked] = Answers()
        self._used: Answers[str, bool] = Answers()

    def start(self, order: NetworkOrder) -> NetworkStarted:
        """Return the authorization request (OpenID Connect Core §3.1.2.1); the number itself is not in it.

        The same order has the same page. Raises `OperatorError` for addresses that are too long.
        """
        name = self._seals.derive("page", f"{order.request_id} {order.phone_number} {order.state}")
        page = _Page(name, order.redirect_uri, order.state, order.expire_time)
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": order.redirect_uri,
            "scope": f"openid {self._settings.purpose}".strip() + f" {_VERIFY.scope}",
            "state": order.state,
            "nonce": self._nonce(page),
            # The network recognises the SIM, or it does not: nobody is to be asked anything.
            "prompt": "none",
        }
        if self._settings.pkce:
            digest = hashlib.sha256(self._verifier(page).encode("ascii")).digest()
            asked |= {"code_challenge": _base64url(digest), "code_challenge_method": "S256"}
        url = f"{self._settings.authorization_url}?{urlencode(asked)}"
        content = orjson.dumps([page.name, page.redirect_uri, page.state, page.expire_time])
        challenge = self._seals.seal("page", order.phone_number, content)
        if len(challenge) > MAX_CHALLENGE or len(url) > MAX_URL:
            raise OperatorError("REDIRECT_URI_TOO_LONG", "redirect_uri: a shorter address is expected")
        return NetworkStarted(url, order.expire_time, challenge)

    async def finish(self, offer: NetworkOffer) -> NetworkChecked:
        """Exchange the code for a token of the SIM's own and ask whether it has the number. Raises `OperatorError`.

        A code that the authorization server does not take is UNKNOWN: it does not say why. So is one of a page whose
        address was changed on its way (its nonce, its scope): that is a person's doing, and no fault of the operator's.
        A code that was offered here before, by another request, is USED.
        """
        now = self._clock.now()
        answer = self._answers.recall(offer.request_id, offer, now)
        if answer is not None:
            return answer
        page = self._page(offer)
        if page is None:
            return NetworkChecked(NetworkOutcome.UNKNOWN)
        if now >= page.expire_time:
            return NetworkChecked(NetworkOutcome.EXPIRED)
        proof = hashlib.sha256(offer.authorization_code.encode(errors="replace")).hexdigest()
        if self._used.recall(proof, proof, now):
            return NetworkChecked(NetworkOutcome.USED)
        try:
            async with asyncio.timeout(self._settings.timeout):
                verifier = self._verifier(page) if self._settings.pkce else ""
                granted = await self._tokens.exchange(offer.authorization_code, page.redirect_uri, verifier)
                self._used.keep(proof, proof, answer=True, now=now)
                checked = await self._check(offer, page, granted)
        except TimeoutError as error:
            message = f"no answer within {self._settings.timeout} s"
            raise CamaraError(TIMEOUT, message).for_port() from error
        except CamaraError as error:
            if error.code in {INVALID_GRANT, OTHER_PAGE}:
                checked = NetworkChecked(NetworkOutcome.UNKNOWN)
            elif error.meaning.network is not None:
                checked = NetworkChecked(error.meaning.network)
            else:
                raise error.for_port() from error
        return self._answers.keep(offer.request_id, offer, checked, now)

    async def _check(self, offer: NetworkOffer, page: _Page, granted: dict[str, Any]) -> NetworkChecked:
        seen = self._seen(granted.get("id_token"), page)
        number = offer.phone_number
        if self._settings.hash_number:
            body = {"hashedPhoneNumber": hashlib.sha256(number.encode("ascii")).hexdigest()}
        else:
            body = {"phoneNumber": number}
        base = self._settings.apis.number_verification
        try:
            reply = await self._client.call_with(base, _VERIFY, body, offer.request_id, access_token(granted))
        except CamaraError as error:
            if error.key == _DENIED and _narrowed(granted):
                raise CamaraError(OTHER_PAGE, "the page was opened without the scope it asks for") from error
            raise
        verified = fields_of(reply).get("devicePhoneNumberVerified")
        if type(verified) is not bool:
            raise CamaraError(MALFORMED, "devicePhoneNumberVerified: what the API describes is expected")
        return NetworkChecked(NetworkOutcome.MATCH if verified else NetworkOutcome.MISMATCH, seen)

    def _seen(self, id_token: object, page: _Page) -> int:
        """Return when the network recognised the SIM; raise `CamaraError` for an ID token of another page.

        It came from the token endpoint itself, over TLS, which stands in for its signature (OpenID Connect Core
        §3.1.3.7, 6).
        """
        now = self._clock.now()
        if id_token is None:
            raise CamaraError(OTHER_PAGE, "there is no ID token: the page was opened without the scope openid")
        try:
            claims: dict[str, Any] = jwt.decode(str(id_token), options={"verify_signature": False})
        except jwt.PyJWTError as error:
            raise _unfit("a token is expected") from error
        audience = claims.get("aud")
        if self._settings.client_id not in (audience if isinstance(audience, list) else [audience]):
            raise _unfit("this client as its audience is expected")
        if self._settings.issuer and claims.get("iss") != self._settings.issuer:
            raise _unfit("the issuer that is set is expected")
        if claims.get("nonce") != self._nonce(page):
            raise CamaraError(OTHER_PAGE, "ID token: the nonce of this page is expected")
        ends, issued = claims.get("exp"), claims.get("iat")
        if type(ends) is not int or type(issued) is not int or ends <= now - CLOCK_SKEW:
            raise _unfit("one that is in force is expected")
        seen = claims.get("auth_time", issued)
        if type(seen) is not int or not 0 <= seen <= now + CLOCK_SKEW:
            raise _unfit("a time of authentication that has passed is expected")
        return seen

    def _page(self, offer: NetworkOffer) -> _Page | None:
        """Return the page that an offer is about: its number, and its state (RFC 6749 §10.12)."""
        content = self._seals.open("page", offer.phone_number, offer.challenge)
        if content is None:
            return None
        page = _Page(*orjson.loads(content))
        return page if page.state == offer.state else None

    def _nonce(self, page: _Page) -> str:
        return self._seals.derive("nonce", page.name)

    def _verifier(self, page: _Page) -> str:
        """Return the code verifier (RFC 7636 §4.1)."""
        return self._seals.derive("verifier", page.name)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _narrowed(granted: dict[str, Any]) -> bool:
    """Say whether a token lacks the scope to verify; the answer tells its scope where it is another (RFC 6749 §5.1)."""
    told = granted.get("scope")
    return isinstance(told, str) and _VERIFY.scope not in told.split()


def _unfit(expected: str) -> CamaraError:
    return CamaraError(MALFORMED, f"ID token: {expected}")
