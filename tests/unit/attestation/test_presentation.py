import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.attestation_issuer import Issuer, digest_of, raw_disclosure, sample_disclosed
from fakes.holder import Holder
from numseal.attestation import sd_jwt
from numseal.attestation.errors import AttestationError
from numseal.attestation.presentation import MAX_BYTES, bind, open_presentation, presentation, read_held

ISSUER = Issuer.make()
HOLDER = Holder.make()
KEYS = ISSUER.public_keys().attestation_keys
TEXT = ISSUER.attestation(claims=HOLDER.claims())
NAMES = tuple(sample_disclosed().to_dict())


def reason_of(caught: pytest.ExceptionInfo[AttestationError]) -> str:
    assert str(caught.value)
    return caught.value.reason


@given(st.sets(st.sampled_from(NAMES)))
def test_only_what_was_chosen_is_disclosed_in_the_order_it_had(chosen: set[str]) -> None:
    shown = presentation(TEXT, chosen)
    opened = sd_jwt.open_sd_jwt(shown, KEYS)
    assert opened.disclosed == {name: value for name, value in sample_disclosed().to_dict().items() if name in chosen}
    order = [TEXT.index(text) for text in sd_jwt.split(shown).disclosures]
    assert order == sorted(order)


def test_a_presentation_can_be_narrowed_and_not_widened() -> None:
    narrow = presentation(TEXT, {"phone_number", "method"})
    assert sd_jwt.open_sd_jwt(presentation(narrow, {"method"}), KEYS).disclosed == {"method": "SMS"}
    with pytest.raises(AttestationError, match="can disclose: phone_number, method") as caught:
        presentation(narrow, {"account_id"})
    assert reason_of(caught) == "CLAIM_NOT_DISCLOSABLE"
    with pytest.raises(AttestationError, match="can disclose: nothing"):
        presentation(presentation(TEXT, ()), {"method"})


@pytest.mark.parametrize("name", ["email", "iss", "_sd", "...", "", "Phone_Number"])
def test_a_name_that_is_no_disclosable_claim_is_refused(name: str) -> None:
    with pytest.raises(AttestationError) as caught:
        presentation(TEXT, {"method", name})
    assert reason_of(caught) == "CLAIM_NOT_DISCLOSABLE"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "SD_JWT_MALFORMED"),
        ("a.b~", "JWS_MALFORMED"),
        (HOLDER.present(TEXT), "KEY_BINDING_NOT_CHECKED"),
        (ISSUER.attestation(payload={"_sd_alg": "md5"}), "SD_ALG"),
        (TEXT + raw_disclosure(["salt", "method", "VOICE"]) + "~", "DISCLOSURE_UNREFERENCED"),
    ],
)
def test_what_no_verifier_would_accept_is_not_presented(text: str, reason: str) -> None:
    with pytest.raises(AttestationError) as caught:
        presentation(text, ())
    assert reason_of(caught) == reason


def test_a_holder_reads_claims_and_what_can_be_disclosed() -> None:
    held = read_held(TEXT)
    assert held.claims == HOLDER.claims()
    assert tuple(held.disclosures) == NAMES


def test_a_presentation_opens_with_its_kb_jwt_left_open() -> None:
    for shown in (TEXT, HOLDER.present(TEXT), HOLDER.present(TEXT, payload={"nonce": "other"})):
        opened = open_presentation(shown, KEYS)
        assert opened.profile.claims == HOLDER.claims()
        assert opened.disclosed == sample_disclosed().to_dict()
        assert opened.parts.bare == TEXT
        assert (opened.parts.key_binding is None) == (shown == TEXT)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (Issuer.make().attestation(), "KID_UNKNOWN"),
        (ISSUER.attestation(header={"typ": "kb+jwt"}), "TYP_REFUSED"),
        (ISSUER.attestation(payload={"exp": 1}), "CLAIM_INVALID"),
        (TEXT + TEXT.split("~")[1] + "~", "DISCLOSURE_REPEATED"),
        ("~" + "A" * MAX_BYTES, "PRESENTATION_TOO_LARGE"),
        ("é~", "SD_JWT_MALFORMED"),
    ],
)
def test_a_presentation_that_is_not_genuine_is_refused(text: str, reason: str) -> None:
    with pytest.raises(AttestationError) as caught:
        open_presentation(text, KEYS)
    assert reason_of(caught) == reason


def test_what_no_verifier_would_read_is_not_made() -> None:
    long = raw_disclosure(["s" * 6000, "method", "SMS"]), raw_disclosure(["t" * 7000, "operator", "mts-ru"])
    text = ISSUER.signed(ISSUER.signing_input(ISSUER.unsigned(), payload={"_sd": [*map(digest_of, long)]}), long)
    assert len(text) > MAX_BYTES
    assert presentation(text, {"method"})
    with pytest.raises(AttestationError) as caught:
        presentation(text, {"method", "operator"})
    assert reason_of(caught) == "PRESENTATION_TOO_LARGE"
    with pytest.raises(AttestationError) as caught:
        bind(TEXT, b"a" * MAX_BYTES, bytes(64))
    assert reason_of(caught) == "PRESENTATION_TOO_LARGE"
