import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numseal.domain import otp
from numseal.domain.limits import MAX_SENDS

KEYS = st.binary(min_size=32, max_size=32)


@given(key=KEYS, name=st.text(min_size=1, max_size=32))
def test_codes_of_a_verification_have_six_digits_and_never_repeat(key: bytes, name: str) -> None:
    codes = [otp.code_of(key, name, number) for number in range(1, MAX_SENDS + 1)]
    assert len(set(codes)) == MAX_SENDS
    assert all(len(code) == otp.DIGITS and otp.is_code(code) for code in codes)
    assert codes == [otp.code_of(key, name, number) for number in range(1, MAX_SENDS + 1)]


def test_codes_never_repeat_even_where_few_are_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otp, "DIGITS", 1)
    assert {otp.code_of(b"k" * 32, "v", number) for number in range(1, 11)} == set("0123456789")


def test_codes_depend_on_key_and_verification() -> None:
    codes = {otp.code_of(key, name, 1) for key in (b"a" * 32, b"b" * 32) for name in ("v", "w")}
    assert len(codes) == 4


def test_a_leading_zero_is_kept() -> None:
    codes = (otp.code_of(b"k" * 32, str(number), 1) for number in range(1_000))
    assert any(code.startswith("0") and len(code) == otp.DIGITS for code in codes)


def test_a_digest_is_bound_to_key_and_verification() -> None:
    key = b"k" * 32
    digest = otp.digest(key, "v", "123456")
    assert digest == hmac.digest(key, b"v|123456", hashlib.sha256).hex()
    assert otp.same(digest, otp.digest(key, "v", "123456"))
    others = [(b"l" * 32, "v", "123456"), (key, "w", "123456"), (key, "v", "123457")]
    assert not any(otp.same(digest, otp.digest(*other)) for other in others)


@pytest.mark.parametrize(
    ("text", "is_code"),
    [
        ("123", False),
        ("1234", True),
        ("0123456789", True),
        ("01234567890", False),
        ("12345a", False),
        ("１２３４５６", False),
        ("12 456", False),
        ("", False),
    ],
)
def test_what_could_be_a_code(text: str, is_code: bool) -> None:
    assert otp.is_code(text) is is_code


def test_the_code_stands_in_every_place_for_it() -> None:
    assert otp.message("{{code}} is it\n@example.org #{{code}}", "012345") == "012345 is it\n@example.org #012345"
