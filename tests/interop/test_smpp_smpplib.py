"""PDUs of ours read by smpplib, and smpplib's by ours, field by field."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from smpplib import client as smpplib_client
from smpplib import consts, gsm, smpp

from fakes.orders import EXPIRE_TIME, text_order
from numseal.adapters.operators.smpp.commands import Command, Tag
from numseal.adapters.operators.smpp.encoding import LongTexts, parts_of
from numseal.adapters.operators.smpp.encoding import encode as encode_text
from numseal.adapters.operators.smpp.orders import submission_of
from numseal.adapters.operators.smpp.pdu import (
    Address,
    Message,
    Splitter,
    bind_body,
    encode,
    message_body,
    read_id,
    read_message,
)
from numseal.adapters.operators.smpp.receipts import read_receipt
from numseal.adapters.operators.smpp.settings import Settings, SmscSettings
from numseal.domain.evidence import DeliveryState

NUMBER = "79161234567"
SETTINGS = Settings((SmscSettings("one", "localhost", 2775, "numseal", b"secret"),))
TEXTS = {
    "latin": "Your code is 123456. €[]{}\n@example.org #123456",
    "cyrillic": "123456 — ваш код",
    "long": "0123456789" * 31,
    "long cyrillic": "Ваш код. " * 20,
}
FIELDS = {
    "service_type": "service_type",
    "source_addr_ton": "source.ton",
    "source_addr_npi": "source.npi",
    "source_addr": "source.text",
    "dest_addr_ton": "destination.ton",
    "dest_addr_npi": "destination.npi",
    "destination_addr": "destination.text",
    "esm_class": "esm_class",
    "protocol_id": "protocol_id",
    "priority_flag": "priority",
    "schedule_delivery_time": "schedule_delivery_time",
    "validity_period": "validity_period",
    "registered_delivery": "registered_delivery",
    "replace_if_present_flag": "replace_if_present",
    "data_coding": "data_coding",
    "sm_default_msg_id": "default_message_id",
    "short_message": "short_message",
}
"""Of each field, smpplib's name and ours."""


@pytest.fixture
def client() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield smpplib_client.Client("127.0.0.1", 1, allow_unknown_opt_params=True)


def ours(message: Message, path: str) -> object:
    value: Any = message
    for name in path.split("."):
        value = getattr(value, name)
    return value.encode() if isinstance(value, str) else value


def theirs(pdu: Any, name: str) -> object:
    value = getattr(pdu, name)
    return b"" if value is None else value


@pytest.mark.parametrize("long_texts", list(LongTexts)[:2])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_our_submit_is_read_as_it_was_meant(text: str, long_texts: LongTexts, client: Any) -> None:
    order = text_order("+" + NUMBER, text=text)
    settings = replace(SETTINGS, long_texts=long_texts)
    for body in submission_of(order, NUMBER, settings, EXPIRE_TIME - 600, 7).bodies:
        pdu = smpp.parse_pdu(encode(Command.SUBMIT_SM, 9, body), client=client, allow_unknown_opt_params=True)
        assert (pdu.command, pdu.sequence, pdu.status) == ("submit_sm", 9, 0)
        message = read_message(body)
        for name, path in FIELDS.items():
            assert theirs(pdu, name) == ours(message, path), name
        assert pdu.message_payload == message.parameters.get(Tag.MESSAGE_PAYLOAD)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_their_submit_is_read_as_it_was_meant(text: str, client: Any) -> None:
    parts, coding, esm_class = gsm.make_parts(text)
    for part in parts:
        pdu = smpp.make_pdu(
            "submit_sm",
            client=client,
            source_addr_ton=consts.SMPP_TON_ALNUM,
            source_addr="Numseal",
            dest_addr_ton=consts.SMPP_TON_INTL,
            dest_addr_npi=consts.SMPP_NPI_ISDN,
            destination_addr=NUMBER,
            short_message=part,
            data_coding=coding,
            esm_class=esm_class,
            registered_delivery=True,
            validity_period="000000001000000R",
        )
        (read,) = Splitter().feed(pdu.generate())
        assert (read.command, read.sequence) == (Command.SUBMIT_SM, pdu.sequence)
        assert read_message(read.body) == Message(
            Address(5, 0, "Numseal"),
            Address(1, 1, NUMBER),
            part,
            esm_class,
            coding,
            1,
            "000000001000000R",
        )
        # And ours of the same is the same, octet by octet.
        assert message_body(read_message(read.body)) == read.body


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_texts_are_cut_and_coded_alike(text: str) -> None:
    theirs_parts, coding, esm_class = gsm.make_parts(text)
    our_parts = parts_of(text, LongTexts.UDH, 10, 0)
    assert {part.data_coding for part in our_parts} == {coding}
    assert {part.esm_class for part in our_parts} == {esm_class}
    if len(our_parts) == 1:
        assert [part.octets for part in our_parts] == theirs_parts
    else:
        # Their reference is drawn at random; all else of the headers, and the texts, are equal.
        assert [part.octets[:3] + part.octets[4:] for part in our_parts] == [
            bytes(part[:3] + part[4:]) for part in theirs_parts
        ]


# All but "§", whose place smpplib gives to "`".
@pytest.mark.parametrize("letter", "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ¿äöñüà^{}\\[~]|€")
def test_letters_are_coded_alike(letter: str) -> None:
    assert encode_text(letter) == (0, gsm.gsm_encode(letter))


def test_our_bind_is_read_as_it_was_meant(client: Any) -> None:
    body = bind_body("numseal", b"secret", "otp", Address(1, 2, "79"))
    pdu = smpp.parse_pdu(encode(Command.BIND_TRANSCEIVER, 1, body), client=client)
    assert pdu.command == "bind_transceiver"
    assert (pdu.system_id, pdu.password, pdu.system_type) == (b"numseal", b"secret", b"otp")
    assert (pdu.interface_version, pdu.addr_ton, pdu.addr_npi, pdu.address_range) == (0x34, 1, 2, b"79")


@pytest.mark.parametrize("command", ["enquire_link", "enquire_link_resp", "unbind", "unbind_resp", "generic_nack"])
def test_pdus_without_body_are_equal(command: str, client: Any) -> None:
    pdu = smpp.make_pdu(command, client=client)
    pdu.sequence = 77
    assert pdu.generate() == encode(Command[command.upper()], 77)


def test_their_response_has_its_id(client: Any) -> None:
    pdu = smpp.make_pdu("submit_sm_resp", client=client, message_id="9f0c2f4e-1c1d-4b64-9a3b-0a8a5d3b7c11")
    (read,) = Splitter().feed(pdu.generate())
    assert read.command == Command.SUBMIT_SM_RESP
    assert read_id(read.body) == "9f0c2f4e-1c1d-4b64-9a3b-0a8a5d3b7c11"


def test_their_receipt_is_one(client: Any) -> None:
    pdu = smpp.make_pdu(
        "deliver_sm",
        client=client,
        source_addr=NUMBER,
        destination_addr="Numseal",
        esm_class=4,
        short_message=b"id:17 sub:001 dlvrd:001 stat:UNDELIV err:001 text:",
        receipted_message_id="11",
        message_state=5,
    )
    (read,) = Splitter().feed(pdu.generate())
    receipt = read_receipt(read_message(read.body))
    assert receipt is not None
    assert (receipt.ids, receipt.state, receipt.error) == (("11", "17"), DeliveryState.FAILED, "smpp:err=001")
