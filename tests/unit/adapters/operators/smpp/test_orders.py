"""What an order becomes on the wire."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.orders import EXPIRE_TIME, text_order
from numseal.adapters.operators.smpp.commands import UDHI, Tag
from numseal.adapters.operators.smpp.encoding import TextRefusedError
from numseal.adapters.operators.smpp.orders import digits_of, submission_of, validity_period
from numseal.adapters.operators.smpp.pdu import Address, Message, read_message
from numseal.adapters.operators.smpp.settings import Settings, SmscSettings
from numseal.domain.operator import CodeOrder

NUMBER = "79161234567"
NOW = EXPIRE_TIME - 600
SMSC = SmscSettings("one", "localhost", 2775, "numseal", b"secret")


def messages(order: CodeOrder, **changes: Any) -> list[Message]:
    settings = replace(Settings((SMSC,)), **changes)
    return [read_message(body) for body in submission_of(order, NUMBER, settings, NOW, 7).bodies]


def test_an_order_in_one_message() -> None:
    assert messages(text_order("+" + NUMBER)) == [
        Message(
            Address(5, 0, "Numseal"),
            Address(1, 1, NUMBER),
            b"Your code is 123456",
            registered_delivery=1,
            validity_period="000000001000000R",
        )
    ]


def test_settings_that_go_into_every_message() -> None:
    (message,) = messages(text_order("+" + NUMBER), service_type="OTP", protocol_id=65, priority=3, validity="none")
    assert (message.service_type, message.protocol_id, message.priority) == ("OTP", 65, 3)
    assert message.validity_period == ""


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        ("Numseal", Address(5, 0, "Numseal")),
        ("My App", Address(5, 0, "My App")),
        ("7777", Address(3, 0, "7777")),
        ("12345678", Address(3, 0, "12345678")),
        ("123456789", Address(1, 1, "123456789")),
        ("+1234", Address(1, 1, "1234")),
        ("+", Address(5, 0, "+")),
    ],
)
def test_who_it_comes_from(sender: str, address: Address) -> None:
    assert messages(replace(text_order("+" + NUMBER), sender_id=sender))[0].source == address
    assert messages(text_order("+" + NUMBER), source_address=sender)[0].source == address


def test_a_short_code_is_what_the_settings_say() -> None:
    order = replace(text_order("+" + NUMBER), sender_id="77777")
    (message,) = messages(order, short_code_digits=5, short_code_ton=6, short_code_npi=9)
    assert message.source == Address(6, 9, "77777")
    assert messages(order, short_code_digits=4)[0].source == Address(1, 1, "77777")


@pytest.mark.parametrize("sender", ["", "TwelveLetter", "Größe", "a\tb", "1" * 21])
def test_who_it_cannot_come_from(sender: str) -> None:
    with pytest.raises(TextRefusedError, match="a sender of"):
        messages(replace(text_order("+" + NUMBER), sender_id=sender))


@pytest.mark.parametrize("text", ["", " \n"])
def test_no_text_is_refused(text: str) -> None:
    with pytest.raises(TextRefusedError, match="no text"):
        messages(text_order("+" + NUMBER, text=text))


def test_a_long_text_in_parts_and_in_a_payload() -> None:
    order = text_order("+" + NUMBER, text="a" * 161)
    first, second = messages(order)
    assert (first.esm_class, second.esm_class) == (UDHI, UDHI)
    assert first.short_message[:6].hex() == "050003070201"
    (whole,) = messages(order, long_texts="payload")
    assert (whole.short_message, whole.parameters) == (b"", {Tag.MESSAGE_PAYLOAD: b"a" * 161})


@pytest.mark.parametrize(
    ("kind", "seconds", "text"),
    [
        ("relative", 600, "000000001000000R"),
        ("relative", 86_399, "000000235959000R"),
        ("relative", 86_400, "000001000000000R"),
        ("relative", 400 * 86_400 + 1, "000030000001000R"),
        ("absolute", 600, "250615151640000+"),
        ("none", 600, ""),
    ],
)
def test_how_long_it_is_worth_delivering(kind: str, seconds: int, text: str) -> None:
    assert validity_period(kind, NOW + seconds, NOW) == text


@pytest.mark.parametrize(
    ("phone_number", "digits"),
    [("+79161234567", NUMBER), ("79161234567", None), ("+0791", None), ("+7916123456789012", None), ("+٧٩", None)],
)
def test_the_digits_of_a_number(phone_number: str, digits: str | None) -> None:
    assert digits_of(phone_number) == digits
