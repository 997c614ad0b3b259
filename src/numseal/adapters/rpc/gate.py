"""Who calls: relying parties and administrators by bearer token or client certificate. And the frame of every RPC.

Owner of mutable state: none; `Gate` is fixed when the server starts.
"""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import wraps
from typing import Any, Protocol, TypeVar

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from google.protobuf.message import DecodeError, Message

from numseal.adapters.rpc.errors import abort
from numseal.domain.administrator import Administrator
from numseal.domain.errors import Kind, Reasoning, Refusal, denied
from numseal.domain.relying_party import RelyingParty

Context = grpc.aio.ServicerContext[Any, Any]
MAX_TOKEN = 512

_SCHEME = "bearer "
_NOBODY: Mapping[str, Administrator] = {}


class Gate:
    """Tells who calls by the SHA-256 (hex) of a token, or of a client certificate's DER."""

    def __init__(
        self,
        tokens: Mapping[str, RelyingParty],
        certificates: Mapping[str, RelyingParty],
        administrator_tokens: Mapping[str, Administrator] = _NOBODY,
        administrator_certificates: Mapping[str, Administrator] = _NOBODY,
    ) -> None:
        """Take relying parties and administrators by credential hash; nobody is both."""
        by_token: dict[str, RelyingParty | Administrator] = {**tokens, **administrator_tokens}
        self._tokens = {bytes.fromhex(digest): who for digest, who in by_token.items()}
        self._certificates: dict[str, RelyingParty | Administrator] = {**certificates, **administrator_certificates}

    def party(self, context: Context) -> RelyingParty:
        """Return the calling relying party; raises Refusal UNAUTHENTICATED, or PERMISSION_DENIED for others."""
        who = self._who(context)
        if isinstance(who, RelyingParty):
            return who
        raise denied("NOT_A_RELYING_PARTY", "an administrator's credentials are no relying party's")

    def administrator(self, context: Context) -> Administrator:
        """Return the calling administrator; raises Refusal UNAUTHENTICATED, or PERMISSION_DENIED for others."""
        who = self._who(context)
        if isinstance(who, Administrator):
            return who
        raise denied("NOT_AN_ADMINISTRATOR", "a relying party's credentials are no administrator's")

    def _who(self, context: Context) -> RelyingParty | Administrator:
        for key, value in context.invocation_metadata() or ():
            if key == "authorization":
                return self._by_token(value)
        for certificate in context.auth_context().get("x509_pem_cert", ()):
            return self._by_certificate(certificate)
        raise _unauthenticated(
            "CREDENTIALS_MISSING", 'no credentials; metadata "authorization: Bearer <token>" or a client certificate'
        )

    def _by_token(self, value: str | bytes) -> RelyingParty | Administrator:
        text = value if isinstance(value, str) else value.decode("latin-1")
        # grpc hands over as Latin-1 what is not UTF-8; RFC 6750 §2.1 has ASCII only.
        if text[: len(_SCHEME)].lower() != _SCHEME or len(text) > MAX_TOKEN or not text.isascii():
            raise _unauthenticated("CREDENTIALS_MALFORMED", '"authorization" must be "Bearer <token>"')
        # A lookup by hash takes the same time for every wrong token, so that it tells nothing of right ones.
        who = self._tokens.get(hashlib.sha256(text[len(_SCHEME) :].encode()).digest())
        if who is None:
            raise _unauthenticated("TOKEN_UNKNOWN", "the bearer token is nobody's who may call")
        return who

    def _by_certificate(self, pem: bytes) -> RelyingParty | Administrator:
        der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
        who = self._certificates.get(hashlib.sha256(der).hexdigest())
        if who is None:
            raise _unauthenticated("CERTIFICATE_UNKNOWN", "the client certificate is nobody's who may call")
        return who


def _unauthenticated(reason: str, message: str) -> Refusal:
    return Refusal(Reasoning(Kind.UNAUTHENTICATED, reason), message)


class Gated(Protocol):
    """A servicer that knows its gate."""

    @property
    def gate(self) -> Gate:
        """The gate its relying parties come through."""


S = TypeVar("S", bound=Gated)
Q = TypeVar("Q", bound=Message)
A = TypeVar("A")


def for_relying_party(
    message: type[Q],
) -> Callable[[Callable[[S, Q, RelyingParty], Awaitable[A]]], Callable[[S, bytes, Context], Awaitable[A]]]:
    """Make an RPC of a method that takes the request and the calling relying party.

    The request is parsed once the caller is known, so that a stranger's costs nothing.
    """

    def framed(method: Callable[[S, Q, RelyingParty], Awaitable[A]]) -> Callable[[S, bytes, Context], Awaitable[A]]:
        @wraps(method)
        async def rpc(self: S, request: bytes, context: Context) -> A:
            try:
                party = self.gate.party(context)
                return await method(self, _parse(message, request), party)
            except Exception as error:  # noqa: BLE001 - every way out of an RPC is a status
                await abort(context, error)

        return rpc

    return framed


def for_administrator(
    message: type[Q],
) -> Callable[[Callable[[S, Q, Administrator], Awaitable[A]]], Callable[[S, bytes, Context], Awaitable[A]]]:
    """Make an RPC of a method that takes the request and the calling administrator, parsed once that is known."""

    def framed(method: Callable[[S, Q, Administrator], Awaitable[A]]) -> Callable[[S, bytes, Context], Awaitable[A]]:
        @wraps(method)
        async def rpc(self: S, request: bytes, context: Context) -> A:
            try:
                who = self.gate.administrator(context)
                return await method(self, _parse(message, request), who)
            except Exception as error:  # noqa: BLE001 - every way out of an RPC is a status
                await abort(context, error)

        return rpc

    return framed


def stream_for_relying_party(
    message: type[Q],
) -> Callable[
    [Callable[[S, Q, RelyingParty], AsyncGenerator[A, None]]], Callable[[S, bytes, Context], AsyncIterator[A]]
]:
    """Make a server stream of a method that yields answers to the request of the calling relying party.

    It is closed when the caller leaves; the request is parsed once the caller is known.
    """

    def framed(
        method: Callable[[S, Q, RelyingParty], AsyncGenerator[A, None]],
    ) -> Callable[[S, bytes, Context], AsyncIterator[A]]:
        @wraps(method)
        async def rpc(self: S, request: bytes, context: Context) -> AsyncIterator[A]:
            try:
                party = self.gate.party(context)
                # The first answer may be long in coming; a caller may wait to know that it is heard.
                await context.send_initial_metadata(())
                async with aclosing(method(self, _parse(message, request), party)) as answers:
                    async for answer in answers:
                        yield answer
            except Exception as error:  # noqa: BLE001 - every way out of an RPC is a status
                await abort(context, error)

        return rpc

    return framed


def for_anyone(
    message: type[Q],
) -> Callable[[Callable[[Any, Q], Awaitable[A]]], Callable[[Any, bytes, Context], Awaitable[A]]]:
    """Make an RPC of a method that takes the request and asks for no credentials."""

    def framed(method: Callable[[Any, Q], Awaitable[A]]) -> Callable[[Any, bytes, Context], Awaitable[A]]:
        @wraps(method)
        async def rpc(self: object, request: bytes, context: Context) -> A:
            try:
                return await method(self, _parse(message, request))
            except Exception as error:  # noqa: BLE001 - every way out of an RPC is a status
                await abort(context, error)

        return rpc

    return framed


def _parse(message: type[Q], data: bytes) -> Q:
    try:
        return message.FromString(data)
    except DecodeError:
        name = message.DESCRIPTOR.full_name
        raise Refusal(
            Reasoning(Kind.INVALID_ARGUMENT, "REQUEST_MALFORMED"), f"the request is not a {name} as protobuf writes it"
        ) from None
