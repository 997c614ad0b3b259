import json
import secrets
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.any_evidence import any_evidence
from fakes.evidence import evidence
from numseal.attestation import base64url
from numseal.attestation.commitment import canonical_record, commit
from numseal.attestation.errors import AttestationError
from numseal.attestation.evidence_record import MAX_BYTES, EvidenceRecord, read_evidence, write_evidence_file
from numseal.domain.evidence import Evidence

JTI = "0123456789abcdef" * 2
SALT = secrets.token_bytes(32)
CANONICAL = canonical_record(evidence())
DELETE = object()


def document(**changes: Any) -> dict[str, Any]:
    return {"attestation_id": JTI, "evidence": json.loads(CANONICAL), "salt": base64url.encode(SALT), **changes}


def changed(path: str, value: Any) -> bytes:
    """Write a file with the value at a path of the evidence changed, or deleted."""
    whole = document()
    node = whole
    *parents, last = ("evidence", *path.split("."))
    for name in parents:
        node = node[int(name)] if isinstance(node, list) else node[name]
    if value is DELETE:
        del node[last]
    else:
        node[last] = value
    return json.dumps(whole).encode()


def refusal(data: bytes) -> AttestationError:
    with pytest.raises(AttestationError) as caught:
        EvidenceRecord.from_json(data)
    return caught.value


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(any_evidence())
def test_what_was_written_is_read_and_the_bytes_are_the_same(value: Evidence) -> None:
    raw = canonical_record(value)
    read = read_evidence(orjson.loads(raw))
    assert read == value
    assert canonical_record(read) == raw


def test_a_file_that_was_written_is_read() -> None:
    record = EvidenceRecord.from_json(write_evidence_file(JTI, CANONICAL, SALT))
    assert record == EvidenceRecord(JTI, evidence(), SALT)
    assert record.commitment() == commit(SALT, CANONICAL)


def test_another_layout_has_the_same_commitment() -> None:
    laid_out = json.dumps(document(), indent=4, ensure_ascii=True).encode()
    assert EvidenceRecord.from_json(laid_out).commitment() == commit(SALT, CANONICAL)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("surprise", 1, "`evidence` is not an object without 'surprise'"),
        ("before.subscriber.sim_ref.meta.surprise", 1, "`evidence.before.subscriber.sim_ref.meta` is not an object"),
        ("phone_number", DELETE, "`evidence` is not an object with 'phone_number', which is missing"),
        ("after.outcome", DELETE, "`evidence.after` is not an object with 'outcome', which is missing"),
        ("phone_number", 79161234567, "`evidence.phone_number` is not a string of at most 1024 characters"),
        ("phone_number", "7" * 1025, "`evidence.phone_number` is not a string of at most 1024 characters"),
        ("time", True, "`evidence.time` is not a whole number from 0 to 9223372036854775807"),
        ("time", 1.0, "`evidence.time` is not a whole number"),
        ("time", -1, "`evidence.time` is not a whole number"),
        ("time", 2**63, "`evidence.time` is not a whole number"),
        ("before.statement", "A" * 65_537, "`evidence.before.statement` is not a string of at most 65536 characters"),
        ("before.statement", 7, "`evidence.before.statement` is not a string of at most 65536 characters"),
        ("before", None, "`evidence.before` is not an object with outcome"),
        ("before.subscriber.recycled.value", 0, "`evidence.before.subscriber.recycled.value` is not true or false"),
        ("before.outcome", "GONE", "`evidence.before.outcome` is not one of SUBSCRIBER, PORTED"),
        ("before.outcome", ["GONE"], "`evidence.before.outcome` is not one of SUBSCRIBER, PORTED"),
        ("required_level", "LOW", "`evidence.required_level` is not one of 0, 1, 2, 3"),
        ("required_level", True, "`evidence.required_level` is not one of 0, 1, 2, 3"),
        ("before_resend", None, "`evidence.before_resend` is not an array of at most 64"),
        ("before_resend", ["x"] * 65, "`evidence.before_resend` is not an array of at most 64"),
        ("home_plmns", ["250-01", 2], "`evidence.home_plmns.1` is not a string"),
    ],
)
def test_what_is_no_evidence_is_refused_with_a_sentence(path: str, value: Any, sentence: str) -> None:
    error = refusal(changed(path, value))
    assert error.reason == "EVIDENCE_MALFORMED"
    assert str(error).startswith(sentence)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "JSON_INVALID"),
        (b"[]", "JSON_INVALID"),
        (b"{}", "EVIDENCE_MALFORMED"),
        (b" " * (MAX_BYTES + 1), "JSON_TOO_LARGE"),
        (b"[" * 400 + b"]" * 400, "JSON_TOO_DEEP"),
        (b'{"evidence":1,"evidence":2}', "JSON_DUPLICATE_NAME"),
        (json.dumps(document(more=1)).encode(), "EVIDENCE_MALFORMED"),
        (json.dumps(document(attestation_id="A" * 32)).encode(), "EVIDENCE_MALFORMED"),
        (json.dumps(document(attestation_id=7)).encode(), "EVIDENCE_MALFORMED"),
        (json.dumps(document(salt=7)).encode(), "EVIDENCE_MALFORMED"),
        (json.dumps(document(salt="AA")).encode(), "EVIDENCE_MALFORMED"),
        (json.dumps(document(salt="=")).encode(), "BASE64URL_INVALID"),
        (json.dumps(document(evidence=None)).encode(), "EVIDENCE_MALFORMED"),
        (json.dumps(document(evidence={"\ud800": 1})).encode(), "JSON_INVALID"),
    ],
)
def test_what_is_no_evidence_file_is_refused(data: bytes, reason: str) -> None:
    assert refusal(data).reason == reason


ANYTHING = st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda value: json.dumps(value).encode())


@given(st.binary(max_size=64) | ANYTHING)
def test_anything_at_all_is_refused_and_nothing_else(data: bytes) -> None:
    assert refusal(data).reason
