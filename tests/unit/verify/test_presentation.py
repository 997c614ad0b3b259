from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.attestation_issuer import DAY, NOW, Issuer, raw_disclosure, sample_claims
from fakes.holder import AUDIENCE, NONCE, Holder
from numseal.attestation.presentation import MAX_BYTES, presentation
from numseal.verify import ExitCode, Outcome, PublicKeys, Report, verify_presentation

ISSUER = Issuer.make()
HOLDER = Holder.make()
KEYS = ISSUER.public_keys()
BARE = presentation(ISSUER.attestation(claims=HOLDER.claims()), {"phone_number"})
SHOWN = HOLDER.present(BARE)
UNBOUND = ISSUER.attestation(claims=sample_claims(confirmation_jwk=None))
DEMAND: dict[str, Any] = {"nonce": NONCE, "audience": AUDIENCE}


def verify(text: str | bytes, at: int = NOW + 5, keys: PublicKeys = KEYS, **demand: Any) -> Report:
    return verify_presentation(text if isinstance(text, bytes) else text.encode(), keys, at, **demand)


def outcomes(report: Report) -> dict[str, str]:
    return {step.name: step.outcome.value for step in report.steps}


def failure(report: Report) -> tuple[str, str]:
    """Give name and reason of the only failed step."""
    [step] = [step for step in report.steps if step.outcome is Outcome.FAILED]
    return step.name, step.reason


def test_a_genuine_presentation_is_valid_and_says_what_was_not_checked() -> None:
    report = verify(SHOWN, **DEMAND)
    assert report.exit_code is ExitCode.VALID
    found = outcomes(report)
    assert found.pop("log inclusion") == found.pop("status") == "not checked"
    assert set(found.values()) == {"ok"}
    assert found.keys() == {
        "presentation format",
        "keys",
        "signature",
        "profile",
        "disclosures",
        "key binding",
        "validity",
    }
    assert report.claims is not None
    assert report.claims["phone_number"] == "+79161234567"
    assert "account_id" not in report.claims
    assert report.summary().endswith("NOT checked: log inclusion, status.")


@pytest.mark.parametrize(
    ("text", "demand", "reason", "exit_code"),
    [
        (BARE, DEMAND, "KEY_BINDING_MISSING", ExitCode.INVALID),
        (BARE, {}, "KEY_BINDING_MISSING", ExitCode.INVALID),
        (SHOWN, {}, "NONCE_REQUIRED", ExitCode.USAGE),
        (SHOWN, {**DEMAND, "nonce": "other"}, "KEY_BINDING_NONCE", ExitCode.INVALID),
        (SHOWN, {**DEMAND, "audience": "other"}, "KEY_BINDING_AUDIENCE", ExitCode.INVALID),
        (SHOWN, {**DEMAND, "max_age": 4}, "KEY_BINDING_TOO_OLD", ExitCode.INVALID),
        (Holder.make().present(BARE), DEMAND, "SIGNATURE_INVALID", ExitCode.INVALID),
        (HOLDER.present(BARE, {"typ": "JWT"}), DEMAND, "KEY_BINDING_HEADER", ExitCode.INVALID),
        (UNBOUND, DEMAND, "KEY_BINDING_MISSING", ExitCode.INVALID),
        (HOLDER.present(UNBOUND), {}, "KEY_BINDING_UNEXPECTED", ExitCode.INVALID),
        (HOLDER.present(UNBOUND), DEMAND, "KEY_BINDING_UNEXPECTED", ExitCode.INVALID),
    ],
)
def test_key_binding(text: str, demand: dict[str, Any], reason: str, exit_code: ExitCode) -> None:
    report = verify(text, **demand)
    assert failure(report) == ("key binding", reason)
    assert report.exit_code is exit_code
    assert report.claims is None


def test_a_presentation_bound_to_no_key_is_valid_and_says_so() -> None:
    report = verify(UNBOUND)
    assert report.exit_code is ExitCode.VALID
    assert outcomes(report)["key binding"] == "not checked"
    assert report.claims is not None


@pytest.mark.parametrize(
    ("text", "step", "reason"),
    [
        ("", "presentation format", "SD_JWT_MALFORMED"),
        (b"\xff~", "presentation format", "SD_JWT_MALFORMED"),
        ("~" + "A" * MAX_BYTES, "presentation format", "PRESENTATION_TOO_LARGE"),
        (Issuer.make().attestation(), "signature", "KID_UNKNOWN"),
        (HOLDER.present(ISSUER.attestation(header={"alg": "none"})), "signature", "ALG_REFUSED"),
        (ISSUER.attestation(claims=sample_claims(issuer="https://evil.test")), "profile", "ISSUER_MISMATCH"),
        (ISSUER.attestation(claims=sample_claims(vct="https://other.test")), "profile", "VCT_MISMATCH"),
    ],
)
def test_refuses(text: str | bytes, step: str, reason: str) -> None:
    report = verify(text, **DEMAND)
    assert failure(report) == (step, reason)
    assert report.exit_code is ExitCode.INVALID
    assert report.claims is None
    assert outcomes(report)["key binding"] == "not checked"


def test_an_altered_disclosure_is_refused_by_both_signatures() -> None:
    kb_jwt = SHOWN.rpartition("~")[2]
    report = verify(BARE + raw_disclosure(["salt", "method", "SMS"]) + "~" + kb_jwt, **DEMAND)
    failed = {step.name: step.reason for step in report.steps if step.outcome is Outcome.FAILED}
    assert failed == {"disclosures": "DISCLOSURE_UNREFERENCED", "key binding": "KEY_BINDING_HASH"}


def test_an_expired_attestation_keeps_its_claims() -> None:
    at = NOW + 31 * DAY
    report = verify(HOLDER.present(BARE, payload={"iat": at}), at, **DEMAND)
    assert failure(report) == ("validity", "EXPIRED")
    assert report.exit_code is ExitCode.OUTSIDE_VALIDITY
    assert report.claims is not None


def test_half_a_demand_is_the_caller_s_fault() -> None:
    for name, value in DEMAND.items():
        with pytest.raises(ValueError, match="together"):
            verify(SHOWN, **{name: value})


def must_report(data: bytes) -> Report:
    report = verify(data, **DEMAND)
    assert len(report.steps) == 9
    assert orjson.loads(orjson.dumps(report.to_dict()))["exit_code"] == report.exit_code
    assert (report.exit_code is ExitCode.VALID) == (Outcome.FAILED.value not in outcomes(report).values())
    return report


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_change_of_bytes_is_refused(data: st.DataObject) -> None:
    mutated = bytearray(SHOWN.encode())
    at = data.draw(st.integers(0, len(mutated) - 1))
    change = data.draw(st.sampled_from(("set", "cut", "insert")))
    if change == "set":
        mutated[at] = data.draw(st.integers(0, 255).filter(lambda value: value != mutated[at]))
    elif change == "cut":
        del mutated[at : at + data.draw(st.integers(1, 40))]
    else:
        mutated[at:at] = data.draw(st.binary(min_size=1, max_size=8))
    assert must_report(bytes(mutated)).exit_code is ExitCode.INVALID


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit"]), JSON_VALUES, max_size=2),
    st.dictionaries(st.sampled_from(["nonce", "aud", "iat", "sd_hash", "exp"]), JSON_VALUES, max_size=3),
)
def test_any_signed_kb_jwt_ends_in_a_report(header: dict[str, Any], payload: dict[str, Any]) -> None:
    must_report(HOLDER.present(BARE, header, payload).encode())


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_end_in_a_report(data: bytes) -> None:
    assert must_report(data).exit_code is ExitCode.INVALID
