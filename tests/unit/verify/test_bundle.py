import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.attestation_issuer import DAY, NOW, ORIGIN, REMOVE, Issuer, raw_disclosure, sample_claims
from numseal.attestation.bundle import Bundle, BundleKeys
from numseal.tlog import note, tlog_proof
from numseal.tlog.checkpoint import Checkpoint
from numseal.verify import ExitCode, Outcome, PublicKeys, Report, verify_bundle, verify_bundle_insecurely

ISSUER = Issuer.make()
KEYS = ISSUER.public_keys()
GOOD = ISSUER.bundle()
GOOD_JSON = GOOD.to_json()
OTHER = Issuer.make()


def outcomes(report: Report) -> dict[str, str]:
    return {step.name: step.outcome.value for step in report.steps}


def failure(report: Report) -> tuple[str, str]:
    """Give name and reason of the only failed step."""
    [step] = [step for step in report.steps if step.outcome is Outcome.FAILED]
    return step.name, step.reason


def verify(bundle: Bundle | bytes, at: int = NOW + 5, keys: PublicKeys = KEYS) -> Report:
    return verify_bundle(bundle if isinstance(bundle, bytes) else bundle.to_json(), keys, at)


def test_a_genuine_bundle_is_valid_and_says_what_was_not_checked() -> None:
    report = verify(GOOD)
    assert report.exit_code is ExitCode.VALID
    found = outcomes(report)
    assert found.pop("status") == found.pop("witnesses") == "not checked"
    assert set(found.values()) == {"ok"}
    assert report.claims is not None
    assert report.claims["phone_number"] == "+79161234567"
    assert report.claims["iss"] == KEYS.issuer
    assert report.summary().startswith("Verified for 2026-09-")
    assert report.summary().endswith("NOT checked: status, witnesses.")


def with_proof(**changes: Any) -> Bundle:
    proof = ISSUER.proof(GOOD.sd_jwt)
    return replace(GOOD, proof=tlog_proof.format(replace(proof, **changes)))


def tampered_path() -> Bundle:
    path = ISSUER.proof(GOOD.sd_jwt).path
    return with_proof(path=(bytes(32), *path[1:]))


def checkpoint_by(issuer: Issuer, origin: str = ORIGIN) -> Bundle:
    return replace(GOOD, proof=tlog_proof.format(issuer.proof(GOOD.sd_jwt, origin=origin)))


def proof_of_another_attestation() -> Bundle:
    other = ISSUER.attestation(claims=sample_claims(jti="ff" * 16))
    return replace(GOOD, proof=tlog_proof.format(ISSUER.proof(other)))


def bad_checkpoint_signature() -> Bundle:
    checkpoint = ISSUER.proof(GOOD.sd_jwt).checkpoint
    text = checkpoint.replace("\n11\n", "\n12\n")
    return replace(GOOD, proof=tlog_proof.format(replace(ISSUER.proof(GOOD.sd_jwt), checkpoint=text)))


def signature_by_another_key() -> Bundle:
    return ISSUER.bundle(OTHER.attestation(header={"kid": ISSUER.kid}))


def checkpoint_of_another_origin_signed_under_ours() -> Bundle:
    body = Checkpoint("other.test/log", 11, bytes(32)).body()
    return with_proof(checkpoint=note.format_note(body, [note.sign(ORIGIN, ISSUER.log_key, body)]))


NEGATIVE: list[tuple[Callable[[], Bundle | bytes], str, str]] = [
    (lambda: b"", "bundle format", "JSON_INVALID"),
    (lambda: b"[]", "bundle format", "JSON_INVALID"),
    (lambda: b"{}", "bundle format", "BUNDLE_MALFORMED"),
    (lambda: b" " * 300_000, "bundle format", "JSON_TOO_LARGE"),
    (lambda: GOOD_JSON.replace(b"{", b'{"proof":"",', 1), "bundle format", "JSON_DUPLICATE_NAME"),
    (lambda: replace(GOOD, sd_jwt=""), "bundle format", "SD_JWT_MALFORMED"),
    (lambda: replace(GOOD, proof="c2sp.org/tlog-proof@v1\n"), "bundle format", "LOG_PROOF_INVALID"),
    (lambda: ISSUER.bundle(header={"alg": "none"}), "signature", "ALG_REFUSED"),
    (lambda: ISSUER.bundle(header={"typ": "JWT"}), "signature", "TYP_REFUSED"),
    (lambda: ISSUER.bundle(header={"crit": ["b64"], "b64": False}), "signature", "CRIT_REFUSED"),
    (lambda: ISSUER.bundle(header={"jwk": {}}), "signature", "HEADER_INVALID"),
    (lambda: ISSUER.bundle(OTHER.attestation()), "signature", "KID_UNKNOWN"),
    (signature_by_another_key, "signature", "SIGNATURE_INVALID"),
    (lambda: ISSUER.bundle(claims=sample_claims(issuer="https://evil.test")), "profile", "ISSUER_MISMATCH"),
    (lambda: ISSUER.bundle(claims=sample_claims(vct="https://other.test")), "profile", "VCT_MISMATCH"),
    (lambda: ISSUER.bundle(claims=sample_claims(log_origin="other")), "profile", "LOG_ORIGIN_MISMATCH"),
    (lambda: ISSUER.bundle(payload={"_sd_alg": "md5"}), "profile", "SD_ALG"),
    (lambda: ISSUER.bundle(payload={"exp": REMOVE}), "profile", "CLAIM_MISSING"),
    (lambda: ISSUER.bundle(payload={"exp": "never"}), "profile", "CLAIM_INVALID"),
    (lambda: ISSUER.bundle(payload={"admin": True}), "profile", "CLAIM_UNKNOWN"),
    (lambda: ISSUER.bundle(payload={"log": {"_sd": []}}), "profile", "NESTED_DIGESTS"),
    (lambda: replace(GOOD, sd_jwt=GOOD.sd_jwt + "a.b.c"), "profile", "KEY_BINDING_NOT_CHECKED"),
    (
        lambda: replace(GOOD, sd_jwt=GOOD.sd_jwt + raw_disclosure(["s", "method", "VOICE"]) + "~"),
        "disclosures",
        "DISCLOSURE_UNREFERENCED",
    ),
    (
        lambda: replace(GOOD, sd_jwt=GOOD.sd_jwt + GOOD.sd_jwt.split("~")[1] + "~"),
        "disclosures",
        "DISCLOSURE_REPEATED",
    ),
    (
        lambda: ISSUER.bundle(extra_disclosures=(raw_disclosure(["s", "exp", NOW * 2]),)),
        "disclosures",
        "DISCLOSURE_NAME",
    ),
    (
        lambda: ISSUER.bundle(extra_disclosures=(raw_disclosure(["s", "account_id", "b"]),)),
        "disclosures",
        "DISCLOSURE_DUPLICATE_NAME",
    ),
    (bad_checkpoint_signature, "checkpoint", "CHECKPOINT_SIGNATURE_INVALID"),
    (lambda: checkpoint_by(OTHER), "checkpoint", "CHECKPOINT_SIGNATURE_INVALID"),
    (lambda: checkpoint_by(ISSUER, "other.test/log"), "checkpoint", "CHECKPOINT_SIGNATURE_INVALID"),
    (checkpoint_of_another_origin_signed_under_ours, "checkpoint", "CHECKPOINT_ORIGIN_OR_FORM"),
    (lambda: with_proof(checkpoint="no note\n"), "bundle format", "LOG_PROOF_INVALID"),
    (tampered_path, "log inclusion", "LOG_PROOF_INVALID"),
    (lambda: with_proof(index=4), "log inclusion", "LOG_PROOF_INVALID"),
    (lambda: with_proof(index=11), "log inclusion", "LOG_PROOF_INVALID"),
    (lambda: with_proof(path=()), "log inclusion", "LOG_PROOF_INVALID"),
    (proof_of_another_attestation, "log inclusion", "LOG_PROOF_INVALID"),
]


@pytest.mark.parametrize(("make", "step", "reason"), NEGATIVE)
def test_refuses(make: Callable[[], Bundle | bytes], step: str, reason: str) -> None:
    report = verify(make())
    assert failure(report) == (step, reason)
    assert report.exit_code is ExitCode.INVALID
    assert report.claims is None
    assert report.summary().startswith("Not valid for")
    assert f"Failed: {step}." in report.summary()


@pytest.mark.parametrize(
    ("claims", "at", "reason"),
    [
        ({}, NOW + 30 * DAY, "EXPIRED"),
        ({}, 10**15, "EXPIRED"),
        ({}, NOW - 61, "NOT_YET_VALID"),
        ({}, -1, "NOT_YET_VALID"),
        ({"not_before": NOW - DAY}, NOW - 61, "ISSUED_IN_FUTURE"),
    ],
)
def test_outside_validity(claims: dict[str, Any], at: int, reason: str) -> None:
    report = verify(ISSUER.bundle(claims=sample_claims(**claims)), at)
    assert failure(report) == ("validity", reason)
    assert report.exit_code is ExitCode.OUTSIDE_VALIDITY
    assert report.claims is not None  # genuine, though not for this time


@pytest.mark.parametrize("at", [NOW - 60, NOW, NOW + 30 * DAY - 1])
def test_inside_validity_with_leeway_for_the_issuers_clock(at: int) -> None:
    assert verify(GOOD, at).exit_code is ExitCode.VALID


def test_a_forged_and_expired_bundle_counts_as_forged() -> None:
    report = verify(tampered_path(), NOW + 31 * DAY)
    assert report.exit_code is ExitCode.INVALID
    assert outcomes(report)["validity"] == outcomes(report)["log inclusion"] == "failed"


def test_steps_that_rely_on_a_failed_one_are_not_called_ok() -> None:
    report = verify(ISSUER.bundle(header={"alg": "none"}))
    found = outcomes(report)
    assert [found[name] for name in ("profile", "disclosures", "validity")] == ["not checked"] * 3
    blocked = {step.name: step for step in report.steps}["disclosures"]
    assert (blocked.reason, "`profile`" in blocked.sentence) == ("BLOCKED", True)
    assert found["log inclusion"] == "ok"
    assert set(outcomes(verify(b"")).values()) == {"failed", "not checked"}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (None, "carries none"),
        (BundleKeys(KEYS.to_object(), None), "carries the same"),
        (BundleKeys(OTHER.public_keys().to_object(), None), "carries others, which were not used"),
        (BundleKeys({"nonsense": 1}, None), "carries others, which were not used"),
    ],
)
def test_only_the_pinned_keys_count(keys: BundleKeys | None, words: str) -> None:
    report = verify(replace(GOOD, keys=keys))
    assert report.exit_code is ExitCode.VALID
    assert words in report.steps[1].sentence


def test_keys_in_the_bundle_are_never_trusted_for_being_there() -> None:
    report = verify(OTHER.bundle())
    assert report.exit_code is ExitCode.INVALID
    assert outcomes(report)["signature"] == outcomes(report)["checkpoint"] == "failed"


def test_without_a_pinned_type_the_report_says_it_was_not_compared() -> None:
    report = verify(ISSUER.bundle(claims=sample_claims(vct="x")), keys=ISSUER.public_keys(vct=None))
    assert report.exit_code is ExitCode.VALID
    assert "type not compared" in report.steps[3].sentence


@pytest.mark.parametrize(
    "vkey",
    ["nonsense", note.verifier_key(ORIGIN, Ed25519PrivateKey.generate(), note.COSIGNATURE_V1).text()],
    ids=["nonsense", "a witness's key"],
)
def test_an_unusable_pinned_vkey_is_a_usage_error(vkey: str) -> None:
    report = verify(GOOD, keys=ISSUER.public_keys(log_vkey=vkey))
    assert failure(report) == ("keys", "KEYS_UNUSABLE")
    assert report.exit_code is ExitCode.USAGE


def test_insecure_keys_are_reported_as_not_checked() -> None:
    report = verify_bundle_insecurely(OTHER.bundle().to_json(), NOW)
    assert report.exit_code is ExitCode.VALID
    assert outcomes(report)["keys"] == "not checked"
    assert outcomes(report)["signature"] == "ok"


@pytest.mark.parametrize(
    ("keys", "reason", "exit_code"),
    [
        (None, "KEYS_MISSING", ExitCode.USAGE),
        (BundleKeys({}, None), "KEYS_MALFORMED", ExitCode.INVALID),
        (BundleKeys(ISSUER.public_keys(log_vkey="x").to_object(), None), "KEYS_UNUSABLE", ExitCode.INVALID),
    ],
)
def test_insecure_keys_that_cannot_be_used(keys: BundleKeys | None, reason: str, exit_code: ExitCode) -> None:
    report = verify_bundle_insecurely(replace(GOOD, keys=keys).to_json(), NOW)
    assert failure(report) == ("keys", reason)
    assert report.exit_code is exit_code


def test_hostile_text_cannot_steer_a_terminal() -> None:
    hostile = "\x1b[2J\u202e" + "x" * 900
    report = verify(ISSUER.bundle(claims=sample_claims(issuer=hostile)))
    for step in report.steps:
        assert step.sentence.isprintable()
        assert len(step.sentence) <= 400


def must_report(data: bytes) -> Report:
    """Every report can be written, and says valid only when no step failed."""
    report = verify(data)
    assert len(report.steps) == 10
    assert orjson.loads(orjson.dumps(report.to_dict()))["exit_code"] == report.exit_code
    assert (report.exit_code is ExitCode.VALID) == (Outcome.FAILED.value not in outcomes(report).values())
    return report


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_change_of_bytes_ends_in_a_report(data: st.DataObject) -> None:
    mutated = bytearray(GOOD_JSON)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        change = data.draw(st.sampled_from(("set", "cut", "insert")))
        if change == "set":
            mutated[at] = data.draw(st.integers(0, 255))
        elif change == "cut":
            del mutated[at : at + data.draw(st.integers(1, 40))]
        else:
            mutated[at:at] = data.draw(st.binary(min_size=1, max_size=8))
    must_report(bytes(mutated))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["iss", "exp", "jti", "status", "log", "evidence", "cnf", "_sd", "_sd_alg", "alg", "kid", "..."]
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(NAMES, JSON_VALUES, max_size=3), st.dictionaries(NAMES, JSON_VALUES, max_size=2))
def test_any_signed_structure_ends_in_a_report(payload: dict[str, Any], header: dict[str, Any]) -> None:
    must_report(ISSUER.bundle(payload=payload, header=header).to_json())


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["sd_jwt", "proof", "status", "keys"]), JSON_VALUES, min_size=1))
def test_any_bundle_structure_ends_in_a_report(changes: dict[str, Any]) -> None:
    must_report(json.dumps({**json.loads(GOOD_JSON), **changes}).encode())


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_end_in_a_report(data: bytes) -> None:
    assert must_report(data).exit_code is ExitCode.INVALID


def test_the_library_stays_offline() -> None:
    code = (
        "import sys, numseal.verify; "
        "print([m for m in ('grpc', 'asyncio', 'sqlalchemy', 'aiohttp', 'sqlite3', 'uvloop') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
