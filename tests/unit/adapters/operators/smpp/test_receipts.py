"""Delivery receipts in the forms that SMSCs give them."""

import pytest

from numseal.adapters.operators.smpp.commands import INTERMEDIATE, RECEIPT, UCS2, Tag
from numseal.adapters.operators.smpp.pdu import Address, Message
from numseal.adapters.operators.smpp.receipts import STATES, Receipt, read_receipt
from numseal.domain.evidence import DeliveryState

NUMBER = Address(1, 1, "79161234567")
SENDER = Address(5, 0, "Numseal")
TEXT = (
    "id:0123456789 sub:001 dlvrd:001 submit date:2506151506 done date:2506151507 stat:DELIVRD err:000 text:Your code is"
)


def told(
    text: str = "",
    parameters: dict[int, bytes] | None = None,
    esm_class: int = RECEIPT,
    source: Address = NUMBER,
    data_coding: int = 0,
) -> Receipt | None:
    octets = text.encode("utf-16-be" if data_coding == UCS2 else "latin-1")
    return read_receipt(
        Message(source, SENDER, octets, esm_class, data_coding=data_coding, parameters=parameters or {})
    )


def test_a_receipt_in_its_text() -> None:
    assert told(TEXT) == Receipt(("0123456789",), ("79161234567", ""), DeliveryState.DELIVERED)


def test_a_receipt_in_its_parameters() -> None:
    parameters: dict[int, bytes] = {Tag.RECEIPTED_MESSAGE_ID: b"a0b1\0", Tag.MESSAGE_STATE: b"\x05"}
    assert told("", parameters) == Receipt(("a0b1",), ("79161234567", ""), DeliveryState.FAILED, "smpp:stat=UNDELIV")


def test_both_ids_count_where_they_differ() -> None:
    receipt = told(TEXT, {Tag.RECEIPTED_MESSAGE_ID: b"75BCD15\0", Tag.MESSAGE_STATE: b"\x02"})
    assert receipt is not None
    assert receipt.ids == ("75BCD15", "0123456789")


def test_the_parameter_goes_before_the_text() -> None:
    receipt = told(TEXT, {Tag.RECEIPTED_MESSAGE_ID: b"0123456789\0", Tag.MESSAGE_STATE: b"\x08"})
    assert receipt is not None
    assert (receipt.ids, receipt.state) == (("0123456789",), DeliveryState.FAILED)


@pytest.mark.parametrize("text", [TEXT, TEXT.upper(), "id:0123456789 stat:DELIVRD", "stat: delivrd id: 0123456789"])
def test_the_text_is_read_however_it_is_written(text: str) -> None:
    receipt = told(text)
    assert receipt is not None
    assert (receipt.ids, receipt.state) == (("0123456789",), DeliveryState.DELIVERED)


def test_a_text_in_ucs2_or_in_the_payload() -> None:
    assert told(TEXT, data_coding=UCS2) == told(TEXT)
    assert told("", {Tag.MESSAGE_PAYLOAD: TEXT.encode()}) == told(TEXT)


@pytest.mark.parametrize("message_id", ["9f0c2f4e-1c1d-4b64-9a3b-0a8a5d3b7c11", "under_score", "A" * 64, "7.1/b"])
def test_ids_of_many_shapes(message_id: str) -> None:
    receipt = told(f"id:{message_id} stat:DELIVRD err:000")
    assert receipt is not None
    assert receipt.ids == (message_id,)


@pytest.mark.parametrize(("stat", "state"), STATES.items())
def test_each_stat_in_text_and_number(stat: str, state: DeliveryState) -> None:
    in_text = told(f"id:1 stat:{stat}")
    value = ["", "ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD"].index(stat)
    in_parameter = told("", {Tag.RECEIPTED_MESSAGE_ID: b"1", Tag.MESSAGE_STATE: bytes((value,))})
    assert in_text is not None
    assert in_text == in_parameter
    assert in_text.state is state


@pytest.mark.parametrize(
    ("text", "network", "error"),
    [
        ("id:1 stat:UNDELIV err:001", b"", "smpp:err=001"),
        ("id:1 stat:UNDELIV err:001", b"\x03\x00\x08", "smpp:err=001"),
        ("id:1 stat:UNDELIV err:000", b"\x03\x00\x1b", "smpp:network=3/27"),
        ("id:1 stat:EXPIRED err:000", b"", "smpp:stat=EXPIRED"),
        ("id:1 stat:REJECTD", b"\x03\x00", "smpp:stat=REJECTD"),
        ("id:1 stat:UNKNOWN err:000", b"", ""),
        ("id:1 stat:DELIVRD err:012", b"", ""),
    ],
)
def test_what_went_wrong(text: str, network: bytes, error: str) -> None:
    receipt = told(text, {Tag.NETWORK_ERROR_CODE: network} if network else None)
    assert receipt is not None
    assert receipt.error == error


@pytest.mark.parametrize("esm_class", [RECEIPT, RECEIPT | 0x40, RECEIPT | 0x03, INTERMEDIATE])
def test_what_counts_as_a_receipt(esm_class: int) -> None:
    assert told("id:1 stat:DELIVRD", esm_class=esm_class) is not None


def test_a_receipt_without_its_flag_is_known_by_its_parameter_only() -> None:
    assert told("id:1 stat:DELIVRD", {Tag.RECEIPTED_MESSAGE_ID: b"1\0"}, esm_class=0) is not None
    assert told("id:1 stat:DELIVRD", esm_class=0) is None


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", {}),
        ("hello", {}),
        ("id:1", {}),
        ("stat:DELIVRD", {}),
        ("id:1 stat:WHATEVER", {}),
        ("id:" + "1" * 65 + " stat:DELIVRD", {}),
        ("", {Tag.RECEIPTED_MESSAGE_ID: b"1\0", Tag.MESSAGE_STATE: b"\x00"}),
        ("", {Tag.RECEIPTED_MESSAGE_ID: b"1\0", Tag.MESSAGE_STATE: b"\xff"}),
        ("", {Tag.RECEIPTED_MESSAGE_ID: b"\0", Tag.MESSAGE_STATE: b"\x02"}),
        ("", {Tag.MESSAGE_STATE: b"\x02"}),
    ],
)
def test_what_says_nothing_usable(text: str, parameters: dict[int, bytes]) -> None:
    assert told(text, parameters) is None


@pytest.mark.parametrize(
    ("source", "numbers"),
    [
        ("+79161234567", ("79161234567", "")),
        ("89161234567", ("89161234567", "")),
        ("", ()),
        ("Numseal", ()),
        ("٣٣", ()),
    ],
)
def test_the_numbers_are_digits_or_none(source: str, numbers: tuple[str, ...]) -> None:
    receipt = told(TEXT, source=Address(1, 1, source))
    assert receipt is not None
    assert receipt.numbers == numbers
