"""What a delivery receipt says, in whatever form it comes. Pure; whose receipt it is, `deliveries` finds out.

SMSCs put the id, the state and the error into optional parameters (§5.3.2.12, §5.3.2.35, §5.3.2.31), into the text
(Appendix B), or into both, and then not always the same id.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from numseal.adapters.operators.smpp.commands import INTERMEDIATE, MESSAGE_TYPE, RECEIPT, UCS2, Tag
from numseal.adapters.operators.smpp.pdu import MAX_MESSAGE_ID, Message
from numseal.domain.evidence import DeliveryState

STATES: Mapping[str, DeliveryState] = {
    "ENROUTE": DeliveryState.ACCEPTED,
    "DELIVRD": DeliveryState.DELIVERED,
    "EXPIRED": DeliveryState.FAILED,
    "DELETED": DeliveryState.FAILED,
    "UNDELIV": DeliveryState.FAILED,
    "ACCEPTD": DeliveryState.ACCEPTED,
    "UNKNOWN": DeliveryState.UNKNOWN,
    "REJECTD": DeliveryState.FAILED,
}
"""`stat` of a receipt's text (Appendix B, table B-2). In the wild ACCEPTD is a step on the way, so it ends nothing."""

_NUMBERED = (
    "",
    "ENROUTE",
    "DELIVRD",
    "EXPIRED",
    "DELETED",
    "UNDELIV",
    "ACCEPTD",
    "UNKNOWN",
    "REJECTD",
)
"""`stat` by the value of message_state (§5.2.28)."""

FINAL = frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED})

_ID = re.compile(rf"\bid:\s*([^\s:]{{1,{MAX_MESSAGE_ID}}})(?=\s|$)", re.IGNORECASE)
_STAT = re.compile(r"\bstat:\s*([A-Za-z]{1,16})", re.IGNORECASE)
_ERR = re.compile(r"\berr:\s*([0-9A-Za-z]{1,16})", re.IGNORECASE)
_NO_ERROR = re.compile(r"0*")
_NETWORK_ERROR_SIZE = 3


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message: its ids as told, likelier first, and its state.

    `numbers` are the digits of source and destination, none where the source is no number: it is the number that the
    message went to, though some SMSCs leave the two as they were in the message. `error` is empty where the SMSC tells
    of none: "smpp:err=…" from the text, "smpp:network=TYPE/CODE" from a parameter (decimal), "smpp:stat=…" for a
    failure without either.
    """

    ids: tuple[str, ...]
    numbers: tuple[str, ...]
    state: DeliveryState
    error: str = ""


def read_receipt(message: Message) -> Receipt | None:
    """Return the receipt that a deliver_sm or data_sm is, None where it is another message or says nothing usable.

    A message counts as one by its `esm_class` (§5.2.12) or by receipted_message_id, which only a receipt has: never by
    its text alone, which any handset can send.
    """
    told = message.parameters.get(Tag.RECEIPTED_MESSAGE_ID)
    if message.esm_class & MESSAGE_TYPE not in {RECEIPT, INTERMEDIATE} and told is None:
        return None
    octets = message.parameters.get(Tag.MESSAGE_PAYLOAD) or message.short_message
    # All that is read is ASCII; SMSCs mean their own alphabet by data_coding 0, where "_" of an id is no "§".
    text = octets.decode("utf-16-be" if message.data_coding == UCS2 else "latin-1", errors="replace")
    ids = tuple(dict.fromkeys(name for name in (_cut(told), _first(_ID, text)) if name))
    stat = _stat(message.parameters.get(Tag.MESSAGE_STATE)) or _first(_STAT, text).upper()
    state = STATES.get(stat)
    if not ids or state is None:
        return None
    error = "" if state is DeliveryState.DELIVERED else _error(message, text, stat)
    source, destination = digits(message.source.text), digits(message.destination.text)
    return Receipt(ids, (source, destination) if source else (), state, error)


def digits(address: str) -> str:
    """Return an address's digits, empty where it is no number."""
    number = address.removeprefix("+")
    return number if number.isascii() and number.isdigit() else ""


def _cut(value: bytes | None) -> str:
    """Return a C-octet string of a parameter; some SMSCs leave its NUL out, some put more behind it."""
    return "" if value is None else value.split(b"\0", 1)[0].decode("latin-1")[:MAX_MESSAGE_ID].strip()


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _stat(value: bytes | None) -> str:
    return _NUMBERED[value[0]] if value and value[0] < len(_NUMBERED) else ""


def _error(message: Message, text: str, stat: str) -> str:
    told = _first(_ERR, text)
    if told and not _NO_ERROR.fullmatch(told):
        return f"smpp:err={told}"
    network = message.parameters.get(Tag.NETWORK_ERROR_CODE, b"")
    if len(network) == _NETWORK_ERROR_SIZE:
        return f"smpp:network={network[0]}/{int.from_bytes(network[1:])}"
    return f"smpp:stat={stat}" if STATES[stat] in FINAL else ""
