"""SMPP 3.4 PDUs as bytes and back: the header, the bodies this ESME sends and gets. Pure; no session state.

Lengths come from the wire and are checked before they are believed: what does not fit raises `MalformedPduError`.
Texts of C-octet strings are read as Latin-1, which never fails; bounds of single fields are not enforced on what an
SMSC sends, but for the message id, since SMSCs overrun the others harmlessly.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from numseal.adapters.operators.smpp.commands import INTERFACE_VERSION, Status

HEADER = 16
MAX_LENGTH = 64 * 1024
"""Octets of a PDU; a message_payload of the largest kind and nothing longer."""

MAX_MESSAGE_ID = 64
"""Characters of a message id, its NUL apart (§5.2.23)."""

_HEAD = struct.Struct(">IIII")
_LENGTH = struct.Struct(">I")
_TLV = struct.Struct(">HH")
_ADDRESS = struct.Struct(">BB")
_CLASSES = struct.Struct(">BBB")
_FLAGS = struct.Struct(">BBBBB")
_DATA_FLAGS = struct.Struct(">BBB")


class MalformedPduError(ValueError):
    """The peer sent what is no PDU; `status` is what a generic_nack answers it with (§3.3)."""

    def __init__(self, message: str, status: Status = Status.RINVCMDLEN) -> None:
        """Take what was wrong and what would be right."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU: its header (§3.2) and its body, not looked into."""

    command: int
    status: int
    sequence: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Address:
    """A source or destination: type of number, numbering plan, digits or letters (§5.2.5 to §5.2.9)."""

    ton: int = 0
    npi: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What submit_sm (§4.4.1), deliver_sm (§4.6.1) and data_sm (§4.7.1) carry; `parameters` by tag (§5.3).

    data_sm has no `short_message`, nor what stands between `esm_class` and `data_coding` but registered delivery.
    """

    source: Address
    destination: Address
    short_message: bytes = b""
    esm_class: int = 0
    data_coding: int = 0
    registered_delivery: int = 0
    validity_period: str = ""
    schedule_delivery_time: str = ""
    service_type: str = ""
    protocol_id: int = 0
    priority: int = 0
    replace_if_present: int = 0
    default_message_id: int = 0
    parameters: dict[int, bytes] = field(default_factory=dict)


class Splitter:
    """Cuts a stream of bytes into PDUs. Owns the bytes of one that is not whole yet, at most MAX_LENGTH."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Pdu]:
        """Yield the PDUs that are whole now; raise `MalformedPduError` for an impossible length (§3.2)."""
        buffer = self._rest + data if self._rest else data
        # Kept whole until every PDU was taken: a reader that stops early, by an error, has closed its connection.
        start, end = 0, len(buffer)
        while end - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if not HEADER <= length <= MAX_LENGTH:
                raise MalformedPduError(f"command_length {length}, expected {HEADER} to {MAX_LENGTH}")
            if end - start < length:
                break
            _, command, status, sequence = _HEAD.unpack_from(buffer, start)
            yield Pdu(command, status, sequence, buffer[start + HEADER : start + length])
            start += length
        self._rest = buffer[start:]


def encode(command: int, sequence: int, body: bytes = b"", status: int = Status.ROK) -> bytes:
    """Return a PDU as bytes."""
    return _HEAD.pack(HEADER + len(body), command, status, sequence) + body


def bind_body(system_id: str, password: bytes, system_type: str, address: Address) -> bytes:
    """Return the body of bind_transceiver (§4.1.5); `address` is what the session serves, empty for the SMSC's own."""
    return (
        _text(system_id)
        + password
        + b"\0"
        + _text(system_type)
        + bytes((INTERFACE_VERSION, address.ton, address.npi))
        + _text(address.text)
    )


def message_body(message: Message) -> bytes:
    """Return the body of submit_sm or deliver_sm (§4.4.1, §4.6.1); `short_message` has at most 254 octets."""
    source, destination = message.source, message.destination
    return b"".join(
        (
            _text(message.service_type),
            _ADDRESS.pack(source.ton, source.npi),
            _text(source.text),
            _ADDRESS.pack(destination.ton, destination.npi),
            _text(destination.text),
            _CLASSES.pack(message.esm_class, message.protocol_id, message.priority),
            _text(message.schedule_delivery_time),
            _text(message.validity_period),
            _FLAGS.pack(
                message.registered_delivery,
                message.replace_if_present,
                message.data_coding,
                message.default_message_id,
                len(message.short_message),
            ),
            message.short_message,
            *(_TLV.pack(tag, len(value)) + value for tag, value in message.parameters.items()),
        )
    )


def data_body(message: Message) -> bytes:
    """Return the body of data_sm (§4.7.1)."""
    source, destination = message.source, message.destination
    return b"".join(
        (
            _text(message.service_type),
            _ADDRESS.pack(source.ton, source.npi),
            _text(source.text),
            _ADDRESS.pack(destination.ton, destination.npi),
            _text(destination.text),
            _DATA_FLAGS.pack(message.esm_class, message.registered_delivery, message.data_coding),
            *(_TLV.pack(tag, len(value)) + value for tag, value in message.parameters.items()),
        )
    )


def read_message(body: bytes) -> Message:
    """Read the body of submit_sm or deliver_sm; raise `MalformedPduError`."""
    try:
        service_type, at = _read_text(body, 0)
        source, at = _read_address(body, at)
        destination, at = _read_address(body, at)
        esm_class, protocol_id, priority = _CLASSES.unpack_from(body, at)
        schedule, at = _read_text(body, at + _CLASSES.size)
        validity, at = _read_text(body, at)
        registered, replaced, coding, default_id, length = _FLAGS.unpack_from(body, at)
    except (ValueError, struct.error) as error:
        raise MalformedPduError("a message that ends within its fields, expected all of them (§4.4.1)") from error
    at += _FLAGS.size
    end = at + length
    if end > len(body):
        raise MalformedPduError(f"sm_length {length}, expected at most the {len(body) - at} octets that are left")
    return Message(
        source,
        destination,
        body[at:end],
        esm_class,
        coding,
        registered,
        validity,
        schedule,
        service_type,
        protocol_id,
        priority,
        replaced,
        default_id,
        _read_parameters(body, end),
    )


def read_data(body: bytes) -> Message:
    """Read the body of data_sm; raise `MalformedPduError`."""
    try:
        service_type, at = _read_text(body, 0)
        source, at = _read_address(body, at)
        destination, at = _read_address(body, at)
        esm_class, registered, coding = _DATA_FLAGS.unpack_from(body, at)
    except (ValueError, struct.error) as error:
        raise MalformedPduError("a data_sm that ends within its fields, expected all of them (§4.7.1)") from error
    return Message(
        source,
        destination,
        esm_class=esm_class,
        data_coding=coding,
        registered_delivery=registered,
        service_type=service_type,
        parameters=_read_parameters(body, at + _DATA_FLAGS.size),
    )


def read_id(body: bytes) -> str:
    """Read the id that a submit_sm_resp carries (§4.4.2), empty where the body is; raise `MalformedPduError`."""
    if not body:
        return ""
    try:
        message_id, _ = _read_text(body, 0)
    except ValueError as error:
        raise MalformedPduError("a message id without its end, expected a NUL (§4.4.2)") from error
    if len(message_id) > MAX_MESSAGE_ID:
        raise MalformedPduError(f"a message id of {len(message_id)} characters, expected at most {MAX_MESSAGE_ID}")
    return message_id


def _text(text: str) -> bytes:
    """Return a C-octet string (§3.1)."""
    return text.encode("latin-1") + b"\0"


def _read_text(body: bytes, at: int) -> tuple[str, int]:
    """Return a C-octet string and where the next field begins; raise ValueError where its NUL is missing."""
    end = body.index(0, at)
    return body[at:end].decode("latin-1"), end + 1


def _read_address(body: bytes, at: int) -> tuple[Address, int]:
    ton, npi = _ADDRESS.unpack_from(body, at)
    text, at = _read_text(body, at + _ADDRESS.size)
    return Address(ton, npi, text), at


def _read_parameters(body: bytes, at: int) -> dict[int, bytes]:
    """Read optional parameters to the end of a body (§5.3.1); one that comes twice counts as it came last."""
    parameters: dict[int, bytes] = {}
    while at < len(body):
        if len(body) - at < _TLV.size:
            raise MalformedPduError("an optional parameter without tag and length, expected both (§5.3.1)")
        tag, length = _TLV.unpack_from(body, at)
        at += _TLV.size
        if length > len(body) - at:
            raise MalformedPduError(f"optional parameter {tag:#06x} of {length} octets, expected {len(body) - at}")
        parameters[tag] = body[at : at + length]
        at += length
    return parameters
