import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numseal.attestation import base64url
from numseal.attestation.errors import AttestationError


@given(st.binary(max_size=100))
def test_encode_agrees_with_the_standard_library_and_decodes_back(data: bytes) -> None:
    text = base64url.encode(data)
    assert text == base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert base64url.decode(text) == data


@given(st.text(alphabet="AQgw_-9z=+/\n ", max_size=8))
def test_one_value_has_one_text(text: str) -> None:
    try:
        data = base64url.decode(text)
    except AttestationError:
        return
    assert base64url.encode(data) == text


@pytest.mark.parametrize(
    "text", ["Zg==", "Zh", "A", "Zm9v\n", "Zm9v ", "Zm+v", "Zm/v", "Zm9vé", "٣٣٣٣", "Zm9vZm9", "Zm9vYh"]
)
def test_refuses_what_is_not_canonical(text: str) -> None:
    with pytest.raises(AttestationError, match="the thing is") as caught:
        base64url.decode(text, "the thing")
    assert caught.value.reason == "BASE64URL_INVALID"
