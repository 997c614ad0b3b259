"""The questions that are put to an operator and the shapes of its answers, apart from lookups' evidence."""

from dataclasses import dataclass
from enum import StrEnum

from numseal.domain.evidence import SIGNAL_NAMES, Method


class Phase(StrEnum):
    """When in a verification a lookup is made."""

    BEFORE = "BEFORE"
    AFTER = "AFTER"
    RECHECK = "RECHECK"


@dataclass(frozen=True, slots=True)
class LookupRequest:
    """Ask for signals of a number; never tells the operator which account asks.

    `max_age` is in seconds (None: the operator's own). `since_time` is what `recycled` answers for (Unix seconds).
    """

    request_id: str
    phone_number: str
    phase: Phase
    agreement_id: str
    purpose: str
    signals: tuple[str, ...] = SIGNAL_NAMES
    max_age: int | None = None
    since_time: int | None = None
    consent_reference: str = ""


@dataclass(frozen=True, slots=True)
class CodeOrder:
    """Order one code to be sent.

    Exactly one of `text` (the whole message, the code made by Numseal) and `template` (the operator makes the code
    and puts it in place of every `{{code}}`, at least one) is set. `length` counts digits. `previous_challenge` is that
    of a resend.
    """

    request_id: str
    phone_number: str
    method: Method
    sender_id: str
    locale: str
    expire_time: int
    agreement_id: str
    text: str = ""
    template: str = ""
    length: int = 6
    previous_challenge: bytes = b""


class SendOutcome(StrEnum):
    """What became of an order."""

    ACCEPTED = "ACCEPTED"
    NOT_OURS = "NOT_OURS"
    BARRED = "BARRED"
    LINE_TYPE = "LINE_TYPE"
    CONTENT = "CONTENT"
    THROTTLED = "THROTTLED"


@dataclass(frozen=True, slots=True)
class CodeSent:
    """The operator's answer to an order.

    `challenge` is opaque, at most 1 KiB. `prior_codes_valid` is False where a new code kills the older ones.
    `retry_delay` is in seconds and set for THROTTLED.
    """

    outcome: SendOutcome
    challenge: bytes = b""
    delivery_id: str = ""
    expire_time: int | None = None
    prior_codes_valid: bool = True
    retry_delay: int | None = None


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """Ask the operator to compare a code that it made."""

    request_id: str
    phone_number: str
    challenge: bytes
    code: str


class CodeOutcome(StrEnum):
    """What an operator says of a code it made."""

    MATCH = "MATCH"
    MISMATCH = "MISMATCH"
    EXPIRED = "EXPIRED"
    EXHAUSTED = "EXHAUSTED"
    USED = "USED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class CodeChecked:
    """The operator's answer to a check; `attempts_remaining` is None where it does not tell."""

    outcome: CodeOutcome
    attempts_remaining: int | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an operator can do; `prior_codes_valid` and `idempotent` describe its `send_code`."""

    contract_version: str
    operator_id: str
    plmns: tuple[str, ...]
    signals: tuple[str, ...]
    methods: tuple[Method, ...]
    idempotent: bool
    prior_codes_valid: bool
    server_time: int
