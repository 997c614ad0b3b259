"""Checks of signed answers: there where announced, saying what the answer says, by a key that is registered."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.message import DecodeError

from numseal.api.operator.v1 import operator_pb2
from numseal.attestation import jws, strict_json
from numseal.attestation.errors import AttestationError
from numseal.conformance.check import check
from numseal.conformance.clause import operator
from numseal.conformance.kit import NOWHERE, Kit
from numseal.conformance.results import Broken, CannotCheck, DoesNotApply, expect

MAX_STATEMENT = 64 * 1_024
MAX_HEADER = 4_096


async def _signed(kit: Kit) -> tuple[operator_pb2.LookUpSubscriberResponse, jws.Compact]:
    """Look a number up; return the answer without its statement, and the statement taken apart."""
    if not kit.told.signs_statements:
        raise DoesNotApply("GetCapabilities does not announce signs_statements")
    answer = await kit.look_up(kit.profile.own[0] if kit.profile.own else NOWHERE)
    size = len(answer.statement)
    expect(1 <= size <= MAX_STATEMENT, f"statement has {size} characters, 1 to {MAX_STATEMENT} are expected")
    try:
        compact = jws.split_compact(answer.statement)
    except AttestationError as error:
        raise Broken(f"statement is no compact JWS: {error}") from None
    answer.ClearField("statement")
    return answer, compact


@check(
    "statement.payload",
    "A signed answer says what the answer says",
    operator(
        "LookUpSubscriberResponse.statement", "its payload is this answer's protobuf bytes with the field left empty."
    ),
)
async def payload(kit: Kit) -> str:
    """Compare a statement's payload with its answer."""
    answer, compact = await _signed(kit)
    try:
        said = operator_pb2.LookUpSubscriberResponse.FromString(compact.payload)
    except DecodeError:
        raise Broken("the payload of the statement is no LookUpSubscriberResponse") from None
    different = [
        field.name for field in said.DESCRIPTOR.fields if getattr(said, field.name) != getattr(answer, field.name)
    ]
    expect(not different, f"the statement says something else than the answer in {', '.join(different)}")
    return f"{len(compact.payload)} bytes"


@check(
    "statement.signature",
    "A signed answer is signed by a registered key",
    operator("LookUpSubscriberResponse.statement", "Compact JWS by a key registered at Numseal, at most 64 KiB"),
)
async def signature(kit: Kit) -> str:
    """Verify a statement by the keys that the kit was given."""
    _, compact = await _signed(kit)
    if not kit.statement_keys:
        raise CannotCheck("the kit was given no keys to verify it by (--statement-keys)")
    kid: object = None
    try:
        header = strict_json.loads_object(compact.header, "its header", MAX_HEADER)
        kid = header.get("kid")
        key = kit.statement_keys.get(kid) if isinstance(kid, str) else None
        expect(key is not None, f"the header's kid is {kid!r}, one of {', '.join(kit.statement_keys)} is expected")
        wanted = "EdDSA" if isinstance(key, Ed25519PublicKey) else "ES256"
        expect(
            header.get("alg") == wanted, f"the header's alg is {header.get('alg')!r}, {wanted} is expected of this key"
        )
        expect("crit" not in header, "the header has crit, which Numseal refuses")
        if isinstance(key, Ed25519PublicKey):
            key.verify(compact.signature, compact.signing_input)
        elif key is not None:
            jws.verify_es256(compact.signing_input, compact.signature, key)
    except (AttestationError, InvalidSignature) as error:
        raise Broken(
            f"the statement is not signed by the key {kid}: {error or 'the signature does not match'}"
        ) from None
    return f"{wanted}, {kid}"


CHECKS = (payload, signature)
