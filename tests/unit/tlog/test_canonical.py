import pytest
from hypothesis import given
from hypothesis import strategies as st

from numseal.tlog.canonical import MAX_SIZE, decode_base64, decode_hash, encode_base64, parse_decimal


@given(st.binary())
def test_base64_comes_back(raw: bytes) -> None:
    assert decode_base64(encode_base64(raw)) == raw


@pytest.mark.parametrize("text", ["QQ", "QQ=", "QR==", "QQ==\n", " QQ==", "Q-==", "QQ==QQ==", "é", "="])
def test_base64_has_one_form(text: str) -> None:
    with pytest.raises(ValueError, match="base64"):
        decode_base64(text)


def test_hash_has_32_bytes() -> None:
    assert decode_hash(encode_base64(bytes(32))) == bytes(32)
    with pytest.raises(ValueError, match="31 bytes where a hash has 32"):
        decode_hash(encode_base64(bytes(31)))


@given(st.integers(0, MAX_SIZE))
def test_decimal_comes_back(number: int) -> None:
    assert parse_decimal(str(number)) == number


@pytest.mark.parametrize(
    "text", ["", "00", "01", "-1", "+1", " 1", "1 ", "1\n", "1_0", "١", str(MAX_SIZE + 1), "9" * 5000]
)
def test_decimal_has_one_form(text: str) -> None:
    with pytest.raises(ValueError, match="decimal"):
        parse_decimal(text)
