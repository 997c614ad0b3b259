"""PDUs as bytes and back, and what is no PDU."""

import pytest

from numseal.adapters.operators.smpp.commands import Command, Status, Tag
from numseal.adapters.operators.smpp.pdu import (
    MAX_LENGTH,
    Address,
    MalformedPduError,
    Message,
    Pdu,
    Splitter,
    bind_body,
    data_body,
    encode,
    message_body,
    read_data,
    read_id,
    read_message,
)

FULL = Message(
    Address(5, 0, "Numseal"),
    Address(1, 1, "79161234567"),
    b"\x05\x00\x03\x07\x02\x01text",
    0x40,
    8,
    1,
    "000000001000000R",
    "250101000000000+",
    "CMT",
    1,
    2,
    1,
    3,
    {Tag.MESSAGE_STATE: b"\x02", Tag.RECEIPTED_MESSAGE_ID: b"17\0"},
)


def test_a_pdu_in_octets() -> None:
    assert encode(Command.ENQUIRE_LINK, 7).hex() == "00000010000000150000000000000007"
    assert encode(Command.GENERIC_NACK, 1, status=Status.RINVCMDLEN).hex() == "00000010800000000000000200000001"


def test_a_bind_in_octets() -> None:
    body = bind_body("system", b"pass", "type", Address(1, 2, "79"))
    assert body == b"system\0pass\0type\0\x34\x01\x0279\0"


def test_a_message_is_read_as_it_was_written() -> None:
    assert read_message(message_body(FULL)) == FULL


def test_a_data_message_is_read_as_it_was_written() -> None:
    sent = Message(
        Address(1, 1, "79161234567"),
        Address(5, 0, "Numseal"),
        esm_class=4,
        data_coding=8,
        registered_delivery=1,
        service_type="CMT",
        parameters={Tag.MESSAGE_PAYLOAD: b"id:1"},
    )
    assert read_data(data_body(sent)) == sent


@pytest.mark.parametrize("size", [1, 3, 16, 17, 1_000])
def test_a_stream_is_cut_into_its_pdus_however_it_arrives(size: int) -> None:
    body = message_body(FULL)
    stream = encode(5, 1, body) + encode(0x15, 2) + encode(0x80000004, 3, b"id\0")
    splitter = Splitter()
    found: list[Pdu] = []
    for start in range(0, len(stream), size):
        found += splitter.feed(stream[start : start + size])
    assert found == [Pdu(5, 0, 1, body), Pdu(0x15, 0, 2), Pdu(0x80000004, 0, 3, b"id\0")]


@pytest.mark.parametrize("length", [0, 15, MAX_LENGTH + 1, 0xFFFFFFFF])
def test_an_impossible_length_is_refused_at_once(length: int) -> None:
    with pytest.raises(MalformedPduError, match=f"command_length {length}, expected 16 to 65536") as caught:
        list(Splitter().feed(length.to_bytes(4)))
    assert caught.value.status is Status.RINVCMDLEN


def test_the_longest_pdu_is_taken() -> None:
    (pdu,) = Splitter().feed(encode(5, 1, bytes(MAX_LENGTH - 16)))
    assert len(pdu.body) == MAX_LENGTH - 16


def test_a_message_cut_anywhere_but_at_a_parameters_edge_is_malformed() -> None:
    body = message_body(FULL)
    first = len(body) - (4 + 1) - (4 + 3)
    for end in range(len(body)):
        if end in {first, first + 5}:
            assert read_message(body[:end]).short_message == FULL.short_message
        else:
            with pytest.raises(MalformedPduError):
                read_message(body[:end])


def test_a_data_message_cut_anywhere_is_malformed() -> None:
    body = data_body(Message(Address(1, 1, "79"), Address(1, 1, "79"), parameters={Tag.MESSAGE_STATE: b"\x02"}))
    for end in range(len(body)):
        if end != len(body) - 5:
            with pytest.raises(MalformedPduError):
                read_data(body[:end])


def test_an_id_is_read_with_or_without_a_body() -> None:
    assert read_id(b"") == ""
    assert read_id(b"\0") == ""
    assert read_id(b"a0000001\0") == "a0000001"
    assert read_id(b"x" * 64 + b"\0") == "x" * 64


@pytest.mark.parametrize("body", [b"17", b"x" * 65 + b"\0"])
def test_an_id_without_end_or_too_long_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedPduError):
        read_id(body)
