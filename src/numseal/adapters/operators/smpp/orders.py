"""What an order becomes on the wire: addresses, times and parts of its text. Pure."""

import re
import time
from dataclasses import dataclass

from numseal.adapters.operators.smpp.commands import FINAL_RECEIPT, Tag
from numseal.adapters.operators.smpp.encoding import LongTexts, TextRefusedError, parts_of
from numseal.adapters.operators.smpp.pdu import Address, Message, message_body
from numseal.adapters.operators.smpp.settings import Settings
from numseal.domain.operator import CodeOrder

_INTERNATIONAL, _ALPHANUMERIC = 1, 5
_ISDN = 1
_MAX_LETTERS = 11
"""Characters of an alphanumeric address (TS 23.040 §9.1.2.5)."""

_MAX_DIGITS = 20
_MSISDN = re.compile(r"\+[1-9][0-9]{1,14}")
_MONTH = 30


@dataclass(frozen=True, slots=True)
class Submission:
    """What is sent for one order: the number's digits, and the body of each submit_sm."""

    number: str
    bodies: tuple[bytes, ...]


def digits_of(phone_number: str) -> str | None:
    """Return the digits of an E.164 number, None for anything else."""
    return phone_number[1:] if _MSISDN.fullmatch(phone_number) else None


def submission_of(order: CodeOrder, number: str, settings: Settings, now: int, reference: int) -> Submission:
    """Return what to send to a number (its digits); raise `TextRefusedError` for what cannot be put on the wire."""
    source = _source(settings.source_address or order.sender_id, settings)
    destination = Address(_INTERNATIONAL, _ISDN, number)
    validity = validity_period(settings.validity, order.expire_time, now)
    if not order.text.strip():
        raise TextRefusedError("no text, expected one")
    parts = parts_of(order.text, LongTexts(settings.long_texts), settings.max_messages, reference)
    return Submission(
        number,
        tuple(
            message_body(
                Message(
                    source,
                    destination,
                    b"" if part.payload else part.octets,
                    part.esm_class,
                    part.data_coding,
                    FINAL_RECEIPT,
                    validity,
                    service_type=settings.service_type,
                    protocol_id=settings.protocol_id,
                    priority=settings.priority,
                    parameters={Tag.MESSAGE_PAYLOAD: part.octets} if part.payload else {},
                )
            )
            for part in parts
        ),
    )


def validity_period(kind: str, expire_time: int, now: int) -> str:
    """Return when a message is not delivered any more: relative (§7.1.1.2), absolute in UTC (§7.1.1.1), or nothing."""
    if kind == "none":
        return ""
    if kind == "absolute":
        return time.strftime("%y%m%d%H%M%S", time.gmtime(expire_time)) + "000+"
    days, rest = divmod(expire_time - now, 86_400)
    # A month is not always 30 days: an SMSC may count it as 31.
    days = min(days, _MONTH)
    hours, rest = divmod(rest, 3_600)
    minutes, seconds = divmod(rest, 60)
    return f"0000{days:02}{hours:02}{minutes:02}{seconds:02}000R"


def _source(sender: str, settings: Settings) -> Address:
    """Return where a message says that it comes from (§5.2.5): an international number, a short code, or letters."""
    number = sender.removeprefix("+")
    if number.isascii() and number.isdigit():
        if len(number) > _MAX_DIGITS:
            raise TextRefusedError(f"a sender of {len(number)} digits, expected at most {_MAX_DIGITS}")
        if number == sender and len(number) <= settings.short_code_digits:
            return Address(settings.short_code_ton, settings.short_code_npi, number)
        return Address(_INTERNATIONAL, _ISDN, number)
    if not (0 < len(sender) <= _MAX_LETTERS and sender.isascii() and sender.isprintable()):
        raise TextRefusedError(f"a sender of {len(sender)} characters, expected 1 to {_MAX_LETTERS} of ASCII")
    return Address(_ALPHANUMERIC, 0, sender)
