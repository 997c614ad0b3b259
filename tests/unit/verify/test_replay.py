import json
import tomllib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.any_evidence import any_evidence
from fakes.attestation_issuer import Issuer
from fakes.audited import POLICY, Audited
from fakes.evidence import DAY, NOW, answer, evidence, known, packaged_policy
from numseal.attestation.commitment import canonical_record
from numseal.attestation.evidence_record import write_evidence_file
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.evidence import Evidence, LookupOutcome, SimChange, SimChangeKind
from numseal.domain.policy import PolicyError
from numseal.verify import Outcome
from numseal.verify.replay import MAX_POLICY_BYTES, Replay, read_policy, replay

CASE = Audited.make()
RECENT_SIM = answer(sim_change=known(SimChange(NOW - DAY // 2, SimChangeKind.NEW)))


def run(case: Audited = CASE, trusted: PublicKeys | None = None, **changes: Any) -> Replay:
    given = {"evidence": case.evidence, "policy": case.policy, "attestation": case.sd_jwt.encode(), **changes}
    return replay(**given, trusted=trusted)


def failed(report: Replay) -> dict[str, str]:
    return {step.name: step.reason for step in report.steps if step.outcome is Outcome.FAILED}


def other_file(case: Audited, value: Evidence) -> bytes:
    """Write the case's evidence file with other evidence in it."""
    jti = json.loads(case.evidence)["attestation_id"]
    return write_evidence_file(jti, canonical_record(value), case.salt)


def test_the_same_evidence_and_policy_give_the_same_verdict() -> None:
    report = run(trusted=CASE.issuer.public_keys())
    assert int(report.exit_code) == 0
    assert [step.outcome for step in report.steps] == [Outcome.OK] * 9
    assert report.summary() == "The same: the attestation says what this evidence comes to under this policy."
    assert report.verdict is not None
    assert report.to_dict()["verdict"]["decision"] == "ACCEPT"
    assert report.to_dict()["same"] is True


def test_a_bundle_is_taken_as_well() -> None:
    report = run(attestation=CASE.issuer.bundle(CASE.sd_jwt).to_json())
    assert int(report.exit_code) == 0
    assert report.steps[2].sentence.startswith("the SD-JWT of a bundle, attestation ")


def test_a_key_binding_is_left_aside() -> None:
    assert int(run(attestation=CASE.sd_jwt.encode() + b"x.y.z").exit_code) == 0


def test_the_policy_may_be_the_text_that_is_hashed() -> None:
    canonical = json.dumps(tomllib.loads(POLICY.decode()), indent=1).encode()
    assert read_policy(canonical).digest == packaged_policy().digest
    assert int(run(policy=canonical).exit_code) == 0


def test_without_keys_the_signature_is_not_checked() -> None:
    report = run()
    assert int(report.exit_code) == 0
    assert report.steps[3].outcome is Outcome.NOT_CHECKED
    assert "NOT checked: signature." in report.summary()


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (Issuer.make().public_keys(), "KID_UNKNOWN"),
        (CASE.issuer.public_keys(issuer="https://other.test"), "ISSUER_MISMATCH"),
    ],
)
def test_other_keys_are_told(keys: PublicKeys, reason: str) -> None:
    report = run(trusted=keys)
    assert (int(report.exit_code), failed(report)) == (1, {"signature": reason})


def test_a_forged_signature_is_told() -> None:
    head, _, disclosures = CASE.sd_jwt.partition("~")
    forged = f"{head[:-8]}AAAAAAAA~{disclosures}".encode()
    assert failed(run(attestation=forged, trusted=CASE.issuer.public_keys())) == {"signature": "SIGNATURE_INVALID"}


def test_changed_evidence_does_not_hold() -> None:
    report = run(evidence=other_file(CASE, evidence(possession=None)))
    assert int(report.exit_code) == 1
    assert failed(report) == {
        "evidence": "COMMITMENT_DIFFERS",
        "level": "LEVEL_DIFFERS",
        "claims": "CLAIM_DIFFERS",
    }
    assert "the commitment does not hold" in report.steps[4].sentence


def test_one_second_makes_other_evidence_though_the_verdict_is_the_same() -> None:
    assert run().verdict is not None
    report = run(evidence=other_file(CASE, evidence(time=NOW + 1)))
    assert failed(report) == {"evidence": "COMMITMENT_DIFFERS", "claims": "CLAIM_DIFFERS"}
    assert report.steps[-1].sentence == "the evidence and the attestation differ in verified_at"


def test_another_salt_does_not_hold() -> None:
    jti = json.loads(CASE.evidence)["attestation_id"]
    report = run(evidence=write_evidence_file(jti, canonical_record(evidence()), bytes(32)))
    assert failed(report) == {"evidence": "COMMITMENT_DIFFERS"}


def test_the_file_of_another_attestation_is_told() -> None:
    report = run(evidence=write_evidence_file("f" * 32, canonical_record(evidence()), CASE.salt))
    assert failed(report) == {"evidence": "OTHER_ATTESTATION"}


def test_a_changed_policy_is_told_with_the_verdict_under_it() -> None:
    case = Audited.make(evidence(before=RECENT_SIM, after=RECENT_SIM))
    stricter = changed_policy("SIM_RECENT", severity="FATAL")
    report = run(case, policy=stricter)
    assert failed(report) == {"policy": "POLICY_DIFFERS", "decision": "DECISION_DIFFERS", "level": "LEVEL_DIFFERS"}
    assert report.summary() == (
        "Not the same. Differs: policy, decision, level. NOT checked: signature. "
        "This evidence under this policy comes to REJECT at NONE."
    )
    assert report.steps[6].sentence.startswith("the attestation was issued; this comes to REJECT, for SIM_RECENT")
    assert report.verdict is not None
    assert report.to_dict()["verdict"]["findings"][0]["code"] == "SIM_RECENT"


def test_a_changed_policy_is_told_though_the_verdict_is_the_same() -> None:
    renamed = POLICY.replace(b'name = "', b'name = "another ', 1)
    assert renamed != POLICY
    assert failed(run(policy=renamed)) == {"policy": "POLICY_DIFFERS"}


def test_comments_and_layout_do_not_make_another_policy() -> None:
    assert int(run(policy=b"# read\n\n" + POLICY).exit_code) == 0


def test_a_level_that_the_evidence_does_not_bear_is_told() -> None:
    report = run(Audited.make(level="HIGH"))
    assert failed(report) == {"level": "LEVEL_DIFFERS"}
    assert report.verdict is not None
    assert report.steps[7].sentence == f"the attestation says HIGH, this comes to {report.verdict.level.name}"


def test_an_attestation_that_ought_not_to_have_been_issued_is_told() -> None:
    case = Audited.make(evidence(before=answer(LookupOutcome.NOT_ASSIGNED)))
    assert failed(run(case)) == {"decision": "DECISION_DIFFERS"}


def test_evidence_without_possession_bears_no_level() -> None:
    case = Audited.make(evidence(possession=None), level="LOW")
    assert failed(run(case)) == {"level": "LEVEL_DIFFERS", "claims": "CLAIM_DIFFERS"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("phone_number", "+79161234568"), ("operator", "beeline"), ("method", "VOICE"), ("verified_at", NOW - 1)],
)
def test_a_disclosed_claim_that_the_evidence_does_not_have_is_told(name: str, value: Any) -> None:
    report = run(Audited.make(**{name: value}))
    assert failed(report) == {"claims": "CLAIM_DIFFERS"}
    assert report.steps[-1].sentence == f"the evidence and the attestation differ in {name}"


def test_what_is_not_disclosed_is_not_checked() -> None:
    report = run(Audited.make(disclose=False))
    assert int(report.exit_code) == 0
    assert report.summary().endswith("NOT checked: signature, policy, claims.")


@pytest.mark.parametrize(
    ("changes", "step", "reason"),
    [
        ({"evidence": b"{}"}, "evidence file", "EVIDENCE_MALFORMED"),
        ({"policy": b"name = 1"}, "policy file", "POLICY_MALFORMED"),
        ({"policy": b'{"name": 1.5, "name": 2}'}, "policy file", "POLICY_MALFORMED"),
        ({"policy": b"name = "}, "policy file", "POLICY_MALFORMED"),
        ({"policy": b"\xff"}, "policy file", "POLICY_MALFORMED"),
        ({"policy": b"a = " + b"[" * 5_000}, "policy file", "POLICY_MALFORMED"),
        ({"policy": b"a = " + b"9" * 5_000}, "policy file", "POLICY_MALFORMED"),
        ({"policy": b" " * (MAX_POLICY_BYTES + 1)}, "policy file", "POLICY_MALFORMED"),
        ({"attestation": b"{}"}, "attestation", "BUNDLE_MALFORMED"),
        ({"attestation": b""}, "attestation", "SD_JWT_MALFORMED"),
        ({"attestation": "\u0430~".encode()}, "attestation", "SD_JWT_MALFORMED"),
        ({"attestation": b"\xff~"}, "attestation", "SD_JWT_MALFORMED"),
        ({"attestation": CASE.sd_jwt.encode() + b"AAAA~"}, "attestation", "DISCLOSURE_UNREFERENCED"),
    ],
)
def test_a_file_that_cannot_be_used_ends_in_2(changes: dict[str, Any], step: str, reason: str) -> None:
    report = run(**changes)
    assert (int(report.exit_code), failed(report), report.verdict) == (2, {step: reason}, None)
    assert report.summary() == f"Nothing was compared: the {step} cannot be used."
    assert report.to_dict()["verdict"] is None


def test_a_policy_names_the_key_that_is_wrong() -> None:
    with pytest.raises(PolicyError, match=r"rules\.SIM_RECENT\.severity: 'LOUD' is not one of"):
        read_policy(changed_policy("SIM_RECENT", severity="LOUD"))


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(any_evidence())
def test_whatever_the_evidence_a_replay_ends_in_a_report(value: Evidence) -> None:
    report = run(evidence=other_file(CASE, value))
    assert int(report.exit_code) == 1
    assert all(step.sentence.isprintable() for step in report.steps)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200))
def test_whatever_the_bytes_a_replay_ends_in_a_report(first: bytes, second: bytes, third: bytes) -> None:
    assert int(replay(first, second, third, None).exit_code) == 2


def changed_policy(rule: str, **changes: Any) -> bytes:
    """Write the packaged policy as JSON, with a rule changed; a rule that is FATAL has no cap."""
    document = tomllib.loads(POLICY.decode())
    document["rules"][rule].update(changes)
    if changes.get("severity") == "FATAL":
        document["rules"][rule].pop("cap", None)
        document["rules"][rule].pop("answers", None)
    return json.dumps(document).encode()
