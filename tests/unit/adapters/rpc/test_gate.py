from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from fakes import channels
from fakes.certificates import Authority, Identity
from fakes.rpc import PARTY, bearer, failure, gate_of, raw, serving, taken_apart
from numseal.adapters.rpc.gate import (
    MAX_TOKEN,
    Gate,
    for_administrator,
    for_anyone,
    for_relying_party,
    stream_for_relying_party,
)
from numseal.domain.administrator import Administrator
from numseal.domain.relying_party import RelyingParty

TOKEN = "token-of-messenger-1"
X = BytesValue(value=b"x").SerializeToString()
MALFORMED = b"\x0a\xff"
CALL = "/test.Service/Call"


class Echo:
    """Answers with who called and what they sent."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    @for_relying_party(BytesValue)
    async def whoami(self, request: BytesValue, party: RelyingParty) -> bytes:
        return party.relying_party.encode() + b":" + request.value

    @for_anyone(BytesValue)
    async def open(self, request: BytesValue) -> bytes:
        if request.value == b"fail":
            raise RuntimeError("inside")
        return request.value

    @stream_for_relying_party(BytesValue)
    async def count(self, request: BytesValue, party: RelyingParty) -> AsyncGenerator[bytes, None]:
        for number in b"123":
            yield party.relying_party.encode() + b":" + bytes([number])
        if request.value == b"fail":
            raise RuntimeError("inside")

    def add(self, server: grpc.aio.Server) -> None:
        handlers: dict[str, Any] = {
            "Call": grpc.unary_unary_rpc_method_handler(self.whoami),
            "Count": grpc.unary_stream_rpc_method_handler(self.count),
            "Open": grpc.unary_unary_rpc_method_handler(self.open),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Service", handlers),))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_known_token_names_its_relying_party(scheme: str) -> None:
    async with serving(Echo(gate_of(TOKEN)).add) as channel:
        answer = await raw(channel, CALL)(X, metadata=(("authorization", f"{scheme} {TOKEN}"),))
    assert answer == b"messenger-1:x"


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ((), "CREDENTIALS_MISSING"),
        ((("authorization", ""),), "CREDENTIALS_MALFORMED"),
        ((("authorization", "Bearer"),), "CREDENTIALS_MALFORMED"),
        ((("authorization", f"Basic {TOKEN}"),), "CREDENTIALS_MALFORMED"),
        ((("authorization", "Bearer " + "a" * MAX_TOKEN),), "CREDENTIALS_MALFORMED"),
        (bearer("another"), "TOKEN_UNKNOWN"),
        (bearer(TOKEN + " "), "TOKEN_UNKNOWN"),
        (bearer(""), "TOKEN_UNKNOWN"),
    ],
)
async def test_whoever_shows_no_known_token_is_refused(metadata: tuple[tuple[str, str], ...], reason: str) -> None:
    async with serving(Echo(gate_of(TOKEN)).add) as channel:
        found = await failure(raw(channel, CALL)(X, metadata=metadata))
    assert (found.code, found.reason) == (grpc.StatusCode.UNAUTHENTICATED, reason)
    assert TOKEN not in found.message


async def test_for_anyone_asks_for_nothing_and_still_translates_faults() -> None:
    async with serving(Echo(gate_of(TOKEN)).add) as channel:
        assert await raw(channel, "/test.Service/Open")(X) == b"x"
        found = await failure(raw(channel, "/test.Service/Open")(BytesValue(value=b"fail").SerializeToString()))
    assert (found.code, found.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")


async def counted(gate: Gate, request: bytes, metadata: Any) -> list[bytes]:
    got: list[bytes] = []
    async with serving(Echo(gate).add) as channel:
        stream: Any = channel.unary_stream("/test.Service/Count")
        try:
            got += [answer async for answer in stream(request, metadata=metadata)]
        except grpc.aio.AioRpcError as error:
            got.append(taken_apart(error).reason.encode())
    return got


async def test_a_stream_is_gated_like_any_call() -> None:
    gate, answers = gate_of(TOKEN), [b"messenger-1:1", b"messenger-1:2", b"messenger-1:3"]
    assert await counted(gate, X, bearer(TOKEN)) == answers
    assert await counted(gate, MALFORMED, ()) == [b"CREDENTIALS_MISSING"]
    assert await counted(gate, MALFORMED, bearer(TOKEN)) == [b"REQUEST_MALFORMED"]
    failing = BytesValue(value=b"fail").SerializeToString()
    assert await counted(gate, failing, bearer(TOKEN)) == [b"INTERNAL"]


async def test_a_request_is_read_once_its_caller_is_known() -> None:
    async with serving(Echo(gate_of(TOKEN)).add) as channel:
        stranger = await failure(raw(channel, CALL)(MALFORMED))
        known = await failure(raw(channel, CALL)(MALFORMED, metadata=bearer(TOKEN)))
        anyone = await failure(raw(channel, "/test.Service/Open")(MALFORMED))
    assert (stranger.code, stranger.reason) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_MISSING")
    for found in (known, anyone):
        assert (found.code, found.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_MALFORMED")
        assert "google.protobuf.BytesValue" in found.message


@asynccontextmanager
async def mutual_tls(gate: Gate, authority: Authority, client: Identity) -> AsyncIterator[grpc.aio.Channel]:
    own = authority.issue("localhost")
    server = grpc.aio.server()
    Echo(gate).add(server)
    credentials = grpc.ssl_server_credentials(
        [(own.key, own.certificate)], root_certificates=authority.certificate, require_client_auth=True
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        async with channels.secure(
            f"127.0.0.1:{port}",
            grpc.ssl_channel_credentials(authority.certificate, client.key, client.certificate),
            options=(("grpc.ssl_target_name_override", "localhost"),),
        ) as channel:
            yield channel
    finally:
        await server.stop(None)


async def test_a_known_certificate_names_its_relying_party() -> None:
    authority = Authority("authority")
    client = authority.issue("messenger")
    async with mutual_tls(Gate({}, {client.digest: PARTY}), authority, client) as channel:
        assert await raw(channel, CALL)(X) == b"messenger-1:x"


async def test_a_certificate_of_the_same_authority_is_not_enough() -> None:
    authority = Authority("authority")
    known, other = authority.issue("messenger"), authority.issue("messenger")
    async with mutual_tls(Gate({}, {known.digest: PARTY}), authority, other) as channel:
        found = await failure(raw(channel, CALL)(X))
    assert (found.code, found.reason) == (grpc.StatusCode.UNAUTHENTICATED, "CERTIFICATE_UNKNOWN")


async def test_a_wrong_token_is_not_made_good_by_a_certificate() -> None:
    authority = Authority("authority")
    client = authority.issue("messenger")
    async with mutual_tls(Gate({}, {client.digest: PARTY}), authority, client) as channel:
        found = await failure(raw(channel, CALL)(X, metadata=bearer("wrong")))
    assert found.reason == "TOKEN_UNKNOWN"


ADA = Administrator("ada")


class Desk:
    """Answers administrators only."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    @for_administrator(BytesValue)
    async def whoami(self, request: BytesValue, who: Administrator) -> bytes:
        return who.administrator_id.encode() + b":" + request.value

    def add(self, server: grpc.aio.Server) -> None:
        handlers: dict[str, Any] = {"Call": grpc.unary_unary_rpc_method_handler(self.whoami)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Service", handlers),))


def both() -> Gate:
    digest = sha256(b"token-of-ada").hexdigest()
    return Gate({sha256(TOKEN.encode()).hexdigest(): PARTY}, {}, {digest: ADA})


async def test_a_relying_partys_token_is_no_administrators_and_the_other_way_round() -> None:
    async with serving(Desk(both()).add) as channel:
        assert await raw(channel, CALL)(X, metadata=bearer("token-of-ada")) == b"ada:x"
        party = await failure(raw(channel, CALL)(X, metadata=bearer(TOKEN)))
        stranger = await failure(raw(channel, CALL)(MALFORMED, metadata=bearer("another")))
        known = await failure(raw(channel, CALL)(MALFORMED, metadata=bearer("token-of-ada")))
    assert (party.code, party.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_AN_ADMINISTRATOR")
    assert (stranger.code, stranger.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_UNKNOWN")
    assert known.reason == "REQUEST_MALFORMED"
    async with serving(Echo(both()).add) as channel:
        assert await raw(channel, CALL)(X, metadata=bearer(TOKEN)) == b"messenger-1:x"
        administrator = await failure(raw(channel, CALL)(X, metadata=bearer("token-of-ada")))
    assert (administrator.code, administrator.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_A_RELYING_PARTY")


async def test_an_administrators_certificate_is_no_relying_partys() -> None:
    authority = Authority("authority")
    client = authority.issue("ada")
    async with mutual_tls(Gate({}, {}, {}, {client.digest: ADA}), authority, client) as channel:
        assert (await failure(raw(channel, CALL)(X))).reason == "NOT_A_RELYING_PARTY"
