"""Translate keys, log entries, proofs and reports of verifications to messages."""

from collections.abc import Mapping

import orjson

from numseal.adapters.rpc.assurance_messages import LEVELS, timestamp
from numseal.api.transparency.v1 import transparency_pb2 as pb
from numseal.api.verification.v1 import assurance_pb2
from numseal.attestation import base64url
from numseal.attestation.entry import EntryKind
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.errors import invalid
from numseal.domain.verdict import Level
from numseal.tlog import note
from numseal.usecases.read_log import Consistency, EntryPage, Inclusion
from numseal.usecases.verify_attestation import Verified
from numseal.verify import ExitCode, Outcome

_KINDS = {
    EntryKind.ATTESTATION: pb.ENTRY_KIND_ATTESTATION,
    EntryKind.STATUS_TOKEN: pb.ENTRY_KIND_STATUS_LIST,
    EntryKind.KEY_MANIFEST: pb.ENTRY_KIND_KEY,
    EntryKind.AGREEMENT: pb.ENTRY_KIND_AGREEMENT,
}
_KIND_OF: Mapping[int, EntryKind] = {value: kind for kind, value in _KINDS.items()}
_STEP_OUTCOMES = {
    Outcome.OK: pb.STEP_OUTCOME_OK,
    Outcome.FAILED: pb.STEP_OUTCOME_FAILED,
    Outcome.NOT_CHECKED: pb.STEP_OUTCOME_NOT_CHECKED,
}
# USAGE is left out: with keys of the server's own it is a fault of the server, and answered as one.
_OUTCOMES = {
    ExitCode.VALID: pb.VERIFY_OUTCOME_VALID,
    ExitCode.INVALID: pb.VERIFY_OUTCOME_INVALID,
    ExitCode.REVOKED: pb.VERIFY_OUTCOME_REVOKED,
    ExitCode.OUTSIDE_VALIDITY: pb.VERIFY_OUTCOME_OUTSIDE_VALIDITY,
    ExitCode.STATUS_MISSING: pb.VERIFY_OUTCOME_STATUS_STALE,
    ExitCode.WITNESS_QUORUM: pb.VERIFY_OUTCOME_QUORUM_UNMET,
    ExitCode.EQUIVOCATION: pb.VERIFY_OUTCOME_EQUIVOCATION,
}


def key_messages(keys: PublicKeys) -> list[pb.PublicKey]:
    """Return the attestation keys and the log's key, all of them signing now."""
    messages = [
        pb.PublicKey(
            key_id=jwk["kid"],
            use=pb.KEY_USE_ATTESTATION,
            state=pb.KEY_STATE_ACTIVE,
            jwk=orjson.dumps(jwk).decode(),
        )
        for jwk in keys.to_object()["attestation_keys"]["keys"]
    ]
    log = note.parse_vkey(keys.log_vkey)
    # RFC 8037 section 2: an Ed25519 key is an octet key pair.
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(log.public_key)}
    messages.append(
        pb.PublicKey(
            key_id=log.key_id.hex(),
            use=pb.KEY_USE_LOG,
            state=pb.KEY_STATE_ACTIVE,
            jwk=orjson.dumps(jwk).decode(),
            verifier_key=keys.log_vkey,
        )
    )
    return messages


def inclusion_message(found: Inclusion) -> pb.GetInclusionProofResponse:
    """Return a proof of an entry as a message."""
    return pb.GetInclusionProofResponse(
        leaf_index=found.leaf.index,
        tree_size=found.leaf.published.size,
        leaf_hash=found.leaf_hash,
        hashes=found.leaf.path,
        checkpoint=found.leaf.published.checkpoint,
        proof=found.proof,
    )


def consistency_message(found: Consistency) -> pb.GetConsistencyProofResponse:
    """Return a proof between two sizes as a message."""
    return pb.GetConsistencyProofResponse(
        old_size=found.old_size,
        new_size=found.new_size,
        hashes=found.path,
        checkpoint=found.published.checkpoint,
    )


def kind_of(value: int) -> EntryKind | None:
    """Return a kind of entry, None for unspecified; raises Refusal for an unknown one."""
    if value == pb.ENTRY_KIND_UNSPECIFIED:
        return None
    kind = _KIND_OF.get(value)
    if kind is None:
        names = ", ".join(name.removeprefix("ENTRY_KIND_") for name in pb.EntryKind.keys()[1:])
        raise invalid("kind", "ENTRY_KIND_UNKNOWN", f"kind: one of {names} is expected")
    return kind


def entries_message(page: EntryPage) -> pb.ListEntriesResponse:
    """Return a page of entries as a message."""
    entries = [pb.Entry(leaf_index=item.index, kind=_KINDS[item.kind], data=item.data) for item in page.entries]
    return pb.ListEntriesResponse(entries=entries, next_start_index=page.next_index, tree_size=page.size)


def verified_message(verified: Verified) -> pb.VerifyAttestationResponse:
    """Return a verification's report as a message; without claims where the attestation is not genuine."""
    report = verified.report
    message = pb.VerifyAttestationResponse(
        outcome=_OUTCOMES[report.exit_code],
        steps=[
            pb.VerifyStep(step=step.name, outcome=_STEP_OUTCOMES[step.outcome], sentence=step.sentence)
            for step in report.steps
        ],
        assurance_level=assurance_pb2.ASSURANCE_LEVEL_UNSPECIFIED,
        leaf_index=verified.leaf_index,
        verify_time=timestamp(report.at),
    )
    if report.claims is not None:
        message.attestation_id = report.claims["jti"]
        message.assurance_level = LEVELS[Level[report.claims["assurance_level"]]]
        message.claims_json = orjson.dumps(report.claims).decode()
    return message
