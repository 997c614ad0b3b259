import pytest

from numseal.attestation import strict_json
from numseal.attestation.errors import AttestationError


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a":1,"a":2}', "JSON_DUPLICATE_NAME"),
        (b'{"x":{"a":1,"\\u0061":2}}', "JSON_DUPLICATE_NAME"),
        (b"[NaN]", "JSON_INVALID"),
        (b"[-Infinity]", "JSON_INVALID"),
        (b"{", "JSON_INVALID"),
        (b"", "JSON_INVALID"),
        (b"\xff", "JSON_INVALID"),
        (b"\xef\xbb\xbf{}", "JSON_INVALID"),
        ('{"a":1}'.encode("utf-16"), "JSON_INVALID"),
        (b'"\\ud800"', "JSON_INVALID"),
        (b'{"\\udfff":1}', "JSON_INVALID"),
        (b"9" * 5000, "JSON_INVALID"),
        (b"[" * 17 + b"]" * 17, "JSON_TOO_DEEP"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "JSON_TOO_DEEP"),
        (b"[" * 9000, "JSON_TOO_DEEP"),
        (b" " * 10_001, "JSON_TOO_LARGE"),
    ],
)
def test_refuses(data: bytes, reason: str) -> None:
    with pytest.raises(AttestationError, match="the document") as caught:
        strict_json.loads(data, "the document", 10_000)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a":[1,"\xc3\xa9","\\ud83d\\ude00",null,true]}', {"a": [1, "é", "😀", None, True]}),
        (b"[" * 16 + b"]" * 16, [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]),
        (b"[" + b"[]," * 30 + b"[]]", [[]] * 31),
    ],
)
def test_reads(data: bytes, value: object) -> None:
    assert strict_json.loads(data, "the document", 10_000) == value


@pytest.mark.parametrize(
    "data",
    [
        b"[" + b"1," * strict_json.MAX_NODES + b"1]",
        b'{"a":[' + b"{}," * strict_json.MAX_NODES + b"{}]}",
        b"[" * (strict_json.MAX_NODES + 1),
        b'{"a":' * strict_json.MAX_NODES,
    ],
)
def test_many_values_are_refused_before_any_is_made(data: bytes) -> None:
    with pytest.raises(AttestationError, match="the document") as caught:
        strict_json.loads(data, "the document", len(data))
    assert caught.value.reason == "JSON_TOO_MANY_NODES"


def test_a_long_text_of_few_values_is_read() -> None:
    text = "a" * (2 * strict_json.MAX_NODES)
    assert strict_json.loads(f'["{text}"]'.encode(), "the document", 100_000) == [text]


def test_as_many_values_as_allowed_are_read() -> None:
    # The list and its brackets count as two.
    numbers = [10] * (strict_json.MAX_NODES - 1)
    data = str(numbers).replace(" ", "").encode()
    assert strict_json.loads(data, "the document", len(data)) == numbers


def test_an_object_is_demanded() -> None:
    assert strict_json.loads_object(b'{"a":1}', "the document", 100) == {"a": 1}
    with pytest.raises(AttestationError, match="not a JSON object"):
        strict_json.loads_object(b"[]", "the document", 100)
