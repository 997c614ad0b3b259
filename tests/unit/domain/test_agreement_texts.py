import pytest

from numseal.domain.agreement_texts import check_words, names_number, uri_names_number
from numseal.domain.errors import Kind, Refusal

NAMED = [
    "79161234567",
    "+79161234567",
    "spam by +7 (916) 123-45-67",
    "see +49.30.1234567",
    "+ 123 45 67",
    "subscriber 8 (916) 123-45-67, account alice",
    "8(916)1234567",
    "916 123 45 67",
    "8 916 123 45 67 8 916 123 45 68",
    "8+916+1234567",
    "8\u2013916\u2013123\u201345\u201367",
    "\uff18\uff19\uff11\uff16\uff11\uff12\uff13\uff14\uff15\uff16\uff17",
    "tel:79161234567",
    "ref79161234567x",
    "2026-11-24 79161234567",
    "8 916 123-45-67 of 24.11.2026",
    "2026-79161234567",
    "2026-916 123-45-67",
    "2020-123-4567",
    "+20 2012-12345678",
    "1234567890",
    "123456789012345",
]
OTHERS = [
    "",
    "2026-11-24",
    "2026-01-01 - 2026-12-31",
    "2026-11-24T10:30:00Z",
    "order 123 of 24.11.2026",
    "01.01.2026 - 31.12.2026",
    "20261124-0001",
    "2026-11-24-001234",
    "A-2026/1234",
    "A40-123456/2026",
    "order 2016-12345678",
    "ORD-2026-000123",
    "77-14-003321",
    "article 15.1 + 16",
    "решение № 7",
    "123-45-67",
    "123456789",
    "1234567890123456",
    "40702810000000000001",
    "550e8400-e29b-41d4-a716-446655440000",
    "a" * 32 + "1234567890" * 3 + "bc",
    "12345/67890",
]


@pytest.mark.parametrize("text", NAMED)
def test_what_reads_as_a_phone_number_is_refused_by_its_field(text: str) -> None:
    assert names_number(text)
    with pytest.raises(Refusal, match=r"^reference: names a phone number; ") as caught:
        check_words("reference", text, 255)
    reasoning = caught.value.reasoning
    assert (reasoning.kind, reasoning.reason, reasoning.field) == (
        Kind.INVALID_ARGUMENT,
        "REFERENCE_NAMES_NUMBER",
        "reference",
    )


@pytest.mark.parametrize("text", OTHERS)
def test_other_references_pass(text: str) -> None:
    assert not names_number(text)
    check_words("reference", text or "x", 255)


@pytest.mark.parametrize(
    "uri",
    [
        "https://o.example/79161234567",
        "https://o.example/%2B79161234567",
        "https://o.example/?n=8%20%28916%29%20123-45-67",
        "https://o.example/?n=8+916+123+45+67",
        "tel:+4930123456",
    ],
)
def test_a_uri_that_has_a_phone_number_in_it(uri: str) -> None:
    assert uri_names_number(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "https://operator.example/offer",
        "https://o.example/document/1300863612",
        "https://o.example/View/0001202607310012",
        "https://o.example/2026/11/24/offer-v1.10.pdf",
        "https://o.example/offers/20261124-0001.pdf",
        "https://o.example:8443/f/550e8400-e29b-41d4-a716-446655440000",
        "http://127.0.0.1:8080/offer",
    ],
)
def test_uris_with_other_digits_pass(uri: str) -> None:
    assert not uri_names_number(uri)


@pytest.mark.parametrize("text", ["", "x" * 256, "line\nbreak", "п" * 128])
def test_words_are_bounded(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_words("reason", text, 255)
    assert caught.value.reasoning.kind is Kind.INVALID_ARGUMENT
    assert caught.value.reason == "REASON_MALFORMED"


def test_words_may_be_as_long_as_is_said() -> None:
    check_words("reason", "x" * 255, 255)
