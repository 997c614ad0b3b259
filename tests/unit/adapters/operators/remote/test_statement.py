"""An operator's signature over its answer: what holds, and every way in which it does not."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from joserfc import jwk as jose_jwk
from joserfc import jws as jose_jws

from fakes.evidence import answer
from fakes.orders import lookup_request
from numseal.adapters.operators.remote.evidence_to_wire import lookup_message
from numseal.adapters.operators.remote.fields import BrokenContractError
from numseal.adapters.operators.remote.statement import (
    EDDSA,
    ES256,
    TYPE,
    Signer,
    check_statement,
    public_jwk,
    read_keys,
    read_statement,
    thumbprint,
)
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.attestation import base64url, jws
from numseal.attestation.errors import AttestationError
from numseal.domain.evidence import MAX_STATEMENT

NUMBER = "+79161234567"
Private = ec.EllipticCurvePrivateKey | Ed25519PrivateKey


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


MAKERS: dict[str, Callable[[], Private]] = {ES256: p256, EDDSA: Ed25519PrivateKey.generate}


def pem(key: Any, passphrase: bytes = b"") -> bytes:
    kept = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    raw: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kept)
    return raw


@pytest.fixture(params=list(MAKERS))
def signer(request: pytest.FixtureRequest) -> Signer:
    return Signer.from_pem(pem(MAKERS[request.param]()))


def said() -> pb.LookUpSubscriberResponse:
    return lookup_message(answer(), lookup_request(NUMBER))


def signed(signer: Signer) -> pb.LookUpSubscriberResponse:
    message = said()
    signer.sign(message)
    return message


def keys_of(signer: Signer) -> Any:
    return read_keys(signer.keys_json().encode())


def crafted(signer: Signer, payload: bytes, **header: Any) -> str:
    """Sign any payload under any header; None takes a member away."""
    alg = EDDSA if isinstance(signer.key, Ed25519PrivateKey) else ES256
    members = {"alg": alg, "kid": signer.kid, "typ": TYPE, **header}
    head = json.dumps({name: value for name, value in members.items() if value is not None}).encode()
    text = jws.signing_input(head, payload)
    signature = signer.key.sign(text) if isinstance(signer.key, Ed25519PrivateKey) else jws.sign_es256(text, signer.key)
    return f"{text.decode()}.{base64url.encode(signature)}"


def test_a_statement_holds_and_is_named_by_its_hash(signer: Signer) -> None:
    message = signed(signer)
    digest = check_statement(message, keys_of(signer))
    assert digest == hashlib.sha256(message.statement.encode()).hexdigest()
    told = read_statement(message.statement, keys_of(signer), pb.LookUpSubscriberResponse)
    assert told == said()


def test_the_same_answer_has_the_same_statement(signer: Signer) -> None:
    assert signed(signer) == signed(signer)


def test_a_network_check_is_signed_as_well(signer: Signer) -> None:
    message = pb.FinishNetworkCheckResponse(outcome=pb.NETWORK_OUTCOME_MATCH)
    signer.sign(message)
    assert check_statement(message, keys_of(signer))
    message.outcome = pb.NETWORK_OUTCOME_MISMATCH
    with pytest.raises(BrokenContractError, match="statement"):
        check_statement(message, keys_of(signer))


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_another_library_reads_it(signer: Signer) -> None:
    message = signed(signer)
    document = json.loads(signer.keys_json())["keys"][0]
    key: Any = jose_jwk.ECKey if document["kty"] == "EC" else jose_jwk.OKPKey
    found = jose_jws.deserialize_compact(
        message.statement, key.import_key(document), algorithms=[ES256, EDDSA, "Ed25519"]
    )
    assert pb.LookUpSubscriberResponse.FromString(found.payload) == said()


def test_another_library_writes_it() -> None:
    key = jose_jwk.ECKey.generate_key("P-256")
    header = {"alg": ES256, "kid": "our key no. 1"}
    message = said()
    message.statement = jose_jws.serialize_compact(header, message.SerializeToString(), key)
    document = {"keys": [{**key.as_dict(private=False), "kid": "our key no. 1"}]}
    assert check_statement(message, read_keys(json.dumps(document).encode()))


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(m, "phone_number", "+79161234568"),
        lambda m: setattr(m, "request_id", "another"),
        lambda m: m.subscriber.ClearField("sim_change"),
        lambda m: m.billed.add(operation=1, currency_code="RUB"),
        lambda m: m.not_assigned.SetInParent(),
        lambda m: m.MergeFromString(b"\xaa\x06\x03new"),
    ],
)
def test_what_is_signed_is_the_answer_and_nothing_else(signer: Signer, change: Callable[[Any], object]) -> None:
    message = signed(signer)
    change(message)
    with pytest.raises(BrokenContractError, match=r"^statement: what the operator signed"):
        check_statement(message, keys_of(signer))


def test_a_field_of_a_later_contract_is_signed_too(signer: Signer) -> None:
    message = said()
    message.MergeFromString(b"\xaa\x06\x03new")
    signer.sign(message)
    assert check_statement(message, keys_of(signer))


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"kid": None}, "KEY_UNKNOWN"),
        ({"kid": "another"}, "KEY_UNKNOWN"),
        ({"kid": 7}, "KEY_UNKNOWN"),
        ({"alg": None}, "STATEMENT_HEADER"),
        ({"alg": "none"}, "STATEMENT_HEADER"),
        ({"alg": "HS256"}, "STATEMENT_HEADER"),
        ({"typ": "JWT"}, "STATEMENT_HEADER"),
        ({"crit": ["b64"], "b64": False}, "STATEMENT_HEADER"),
    ],
)
def test_a_header_that_is_refused(signer: Signer, header: dict[str, Any], reason: str) -> None:
    text = crafted(signer, said().SerializeToString(), **header)
    with pytest.raises(AttestationError) as caught:
        read_statement(text, keys_of(signer), pb.LookUpSubscriberResponse)
    assert caught.value.reason == reason


def test_an_algorithm_of_another_kind_of_key() -> None:
    one, other = (Signer.from_pem(pem(make())) for make in MAKERS.values())
    keys = {one.kid: other.key.public_key()}
    with pytest.raises(AttestationError, match="`alg`"):
        read_statement(crafted(one, b""), keys, pb.LookUpSubscriberResponse)


def test_the_newer_name_of_an_algorithm() -> None:
    signer = Signer.from_pem(pem(Ed25519PrivateKey.generate()))
    text = crafted(signer, said().SerializeToString(), alg="Ed25519")
    assert read_statement(text, keys_of(signer), pb.LookUpSubscriberResponse) == said()
    assert read_keys(jwks(okp_jwk(alg="Ed25519", kid="a"))).keys() == {"a"}


def test_a_header_need_not_say_its_type(signer: Signer) -> None:
    text = crafted(signer, said().SerializeToString(), typ=None)
    assert read_statement(text, keys_of(signer), pb.LookUpSubscriberResponse) == said()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "JWS_MALFORMED"),
        ("e30.e30", "JWS_MALFORMED"),
        ("e30.e30.e30=", "BASE64URL_INVALID"),
        ("bm8.e30.e30", "JSON_INVALID"),
        ("e30.e30.e30", "KEY_UNKNOWN"),
        ("e30." + "A" * MAX_STATEMENT + ".e30", "STATEMENT_TOO_LARGE"),
    ],
)
def test_what_is_no_statement(signer: Signer, text: str, reason: str) -> None:
    with pytest.raises(AttestationError) as caught:
        read_statement(text, keys_of(signer), pb.LookUpSubscriberResponse)
    assert caught.value.reason == reason
    message = said()
    message.statement = text
    with pytest.raises(BrokenContractError, match=r"^statement: "):
        check_statement(message, keys_of(signer))


def test_a_signature_by_another_or_over_something_else(signer: Signer) -> None:
    message = signed(signer)
    stranger = Signer(type(signer).from_pem(pem(MAKERS[_alg(signer)]())).key, signer.kid)
    forged = crafted(stranger, said().SerializeToString())
    head, _, tail = message.statement.split(".")
    spliced = f"{head}.{base64url.encode(b'')}.{tail}"
    for text in (forged, spliced, message.statement[:-8] + "AAAAAAAA"):
        with pytest.raises(AttestationError) as caught:
            read_statement(text, keys_of(signer), pb.LookUpSubscriberResponse)
        assert caught.value.reason == "SIGNATURE_INVALID"


def _alg(signer: Signer) -> str:
    return EDDSA if isinstance(signer.key, Ed25519PrivateKey) else ES256


def test_a_payload_that_is_no_answer_or_holds_a_statement(signer: Signer) -> None:
    inner = signed(signer)
    for payload in (b"\xff\xff", inner.SerializeToString()):
        with pytest.raises(AttestationError) as caught:
            read_statement(crafted(signer, payload), keys_of(signer), pb.LookUpSubscriberResponse)
        assert caught.value.reason == "STATEMENT_MALFORMED"


def named(value: object) -> str:
    """Name a case by its words: keys are others in each process."""
    return value if isinstance(value, str) else "case"


def jwks(*keys: Any) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def ec_jwk(**members: Any) -> dict[str, Any]:
    return {**public_jwk(p256().public_key()), **members}


def okp_jwk(**members: Any) -> dict[str, Any]:
    return {**public_jwk(Ed25519PrivateKey.generate().public_key()), **members}


def test_keys_are_named_as_their_operator_likes() -> None:
    key = p256().public_key()
    found = read_keys(jwks(ec_jwk(kid="2026/1"), public_jwk(key), okp_jwk(kid="2026/2", alg=EDDSA, use="sig", x5t="x")))
    assert list(found) == ["2026/1", thumbprint(key), "2026/2"]


def test_a_thumbprint_is_that_of_rfc_8037() -> None:
    found = read_keys(jwks({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}))
    assert list(found) == ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"]  # RFC 8037 appendix A.3


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "JSON_INVALID"),
        (b"[]", "JSON_INVALID"),
        (b"{}", "KEYS_MALFORMED"),
        (jwks(), "KEYS_MALFORMED"),
        (jwks(*[ec_jwk()] * 65), "KEYS_MALFORMED"),
        (jwks(ec_jwk(kid="a"), okp_jwk(kid="a")), "KEYS_MALFORMED"),
        (jwks("key"), "KEY_INVALID"),
        (jwks(ec_jwk(kid="")), "KEY_INVALID"),
        (jwks(ec_jwk(kid="k" * 129)), "KEY_INVALID"),
        (jwks(ec_jwk(kid=1)), "KEY_INVALID"),
        (jwks(ec_jwk(d="secret")), "KEY_INVALID"),
        (jwks(ec_jwk(crv="P-384")), "KEY_INVALID"),
        (jwks({"kty": "oct", "k": "AAAA"}), "KEY_INVALID"),
        (jwks({"kty": "RSA", "n": "AAAA", "e": "AQAB"}), "KEY_INVALID"),
        (jwks(okp_jwk(d="secret")), "KEY_INVALID"),
        (jwks(okp_jwk(crv="X25519")), "KEY_INVALID"),
        (jwks(okp_jwk(alg=ES256)), "KEY_INVALID"),
        (jwks(okp_jwk(use="enc")), "KEY_INVALID"),
        (jwks(okp_jwk(x="AAAA")), "KEY_INVALID"),
        (jwks(okp_jwk(x=7)), "KEY_INVALID"),
        (jwks(okp_jwk(x="AA==")), "BASE64URL_INVALID"),
    ],
    ids=named,
)
def test_key_sets_that_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(AttestationError) as caught:
        read_keys(data)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no key",
        pem(p256(), b"passphrase"),
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(generate_private_key(65_537, 2_048)),
    ],
    ids=named,
)
def test_keys_that_cannot_sign(data: bytes) -> None:
    with pytest.raises(ValueError, match="P-256 or Ed25519"):
        Signer.from_pem(data)
