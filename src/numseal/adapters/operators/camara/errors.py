"""What goes wrong when an API is asked, and what each documented error means for a signal, an order and a check.

The one table of CAMARA errors: by status and code, both of which are normative (CAMARA API Design Guide). An error
that is not in it is a failure and no more. Nothing is asked here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from numseal.domain.evidence import SignalState
from numseal.domain.operator import CodeOutcome, NetworkOutcome, SendOutcome
from numseal.ports.operator_backend import OperatorError

TIMEOUT = "TIMEOUT"
UNREACHABLE = "UNREACHABLE"
MALFORMED = "ANSWER_MALFORMED"
TOO_LARGE = "ANSWER_TOO_LARGE"
REDIRECTED = "REDIRECTED"
OTHER_NUMBER = "ANSWER_OF_ANOTHER_NUMBER"
TOKEN_REFUSED = "TOKEN_REFUSED"  # noqa: S105 - a code
INVALID_GRANT = "INVALID_GRANT"
"""The authorization server does not take an authorization code (RFC 6749 §5.2): malformed, unknown, too old or used."""
OTHER_PAGE = "PROOF_OF_ANOTHER_PAGE"
"""What was proved is not what the page asked for: whoever opened it can have changed its address."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error says: of the signals of its API, of an order to send, of a code's check, of a network's proof.

    None where it says nothing but that the question failed.
    """

    signal: SignalState = SignalState.ERROR
    send: SendOutcome | None = None
    check: CodeOutcome | None = None
    network: NetworkOutcome | None = None


_FAILED = Meaning()
_THROTTLED = Meaning(send=SendOutcome.THROTTLED)
_OTP = "ONE_TIME_PASSWORD_SMS."
_BY_NETWORK = "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK"

MEANINGS: Mapping[tuple[int, str], Meaning] = {
    (400, "INVALID_ARGUMENT"): Meaning(send=SendOutcome.CONTENT),
    (400, "OUT_OF_RANGE"): Meaning(SignalState.NO_COVERAGE),
    (400, "INVALID_PROTOCOL"): _FAILED,
    (400, "INVALID_CREDENTIAL"): _FAILED,
    (400, "INVALID_TOKEN"): _FAILED,
    (400, "INVALID_SINK"): _FAILED,
    (400, f"{_OTP}INVALID_OTP"): Meaning(check=CodeOutcome.MISMATCH),
    # Also said of a code that was used, and of one that a later order has replaced.
    (400, f"{_OTP}VERIFICATION_EXPIRED"): Meaning(check=CodeOutcome.EXPIRED),
    (400, f"{_OTP}VERIFICATION_FAILED"): Meaning(check=CodeOutcome.EXHAUSTED),
    (401, "UNAUTHENTICATED"): _FAILED,
    (403, "PERMISSION_DENIED"): _FAILED,
    (403, "INVALID_TOKEN_CONTEXT"): Meaning(network=NetworkOutcome.UNKNOWN),
    (403, f"{_OTP}MAX_OTP_CODES_EXCEEDED"): _THROTTLED,
    (403, f"{_OTP}PHONE_NUMBER_NOT_ALLOWED"): Meaning(send=SendOutcome.LINE_TYPE),
    (403, f"{_OTP}PHONE_NUMBER_BLOCKED"): Meaning(send=SendOutcome.BARRED),
    (403, _BY_NETWORK): Meaning(network=NetworkOutcome.UNKNOWN),
    # The scenarios of one-time-password-sms say it of another operator's number and of an unknown authenticationId.
    (404, "NOT_FOUND"): Meaning(send=SendOutcome.NOT_OURS, check=CodeOutcome.UNKNOWN),
    (404, "IDENTIFIER_NOT_FOUND"): Meaning(SignalState.UNKNOWN, SendOutcome.NOT_OURS, CodeOutcome.UNKNOWN),
    (405, "METHOD_NOT_ALLOWED"): _FAILED,
    (406, "NOT_ACCEPTABLE"): _FAILED,
    (409, "ABORTED"): _FAILED,
    (409, "ALREADY_EXISTS"): _FAILED,
    (409, "CONFLICT"): _FAILED,
    (410, "GONE"): _FAILED,
    (412, "FAILED_PRECONDITION"): _FAILED,
    (415, "UNSUPPORTED_MEDIA_TYPE"): _FAILED,
    (422, "SERVICE_NOT_APPLICABLE"): Meaning(SignalState.UNKNOWN, SendOutcome.LINE_TYPE),
    (422, "UNSUPPORTED_IDENTIFIER"): Meaning(SignalState.NOT_SUPPORTED),
    (422, "IDENTIFIER_MISMATCH"): _FAILED,
    (422, "MISSING_IDENTIFIER"): _FAILED,
    (422, "UNNECESSARY_IDENTIFIER"): _FAILED,
    (429, "QUOTA_EXCEEDED"): _THROTTLED,
    (429, "TOO_MANY_REQUESTS"): _THROTTLED,
    (500, "INTERNAL"): _FAILED,
    (501, "NOT_IMPLEMENTED"): Meaning(SignalState.NOT_SUPPORTED),
    (502, "BAD_GATEWAY"): _FAILED,
    (503, "UNAVAILABLE"): _FAILED,
    (504, "TIMEOUT"): _FAILED,
}

NOT_A_CUSTOMER = (404, "IDENTIFIER_NOT_FOUND")
"""The number is none of this operator's customers; whose it is, or whether anybody's, is not told."""

ALREADY_EXISTS = (409, "ALREADY_EXISTS")
NOT_FOUND = (404, "NOT_FOUND")
NOT_IMPLEMENTED = (501, "NOT_IMPLEMENTED")

REFUSED = "REQUEST_REFUSED"
_OF_THE_REQUEST = frozenset({400, 404, 409, 422})
"""Statuses whose documented errors tell of what was asked, and not of the operator."""

_SURE_BELOW = 500
"""Statuses below it refuse a request; from it on, the request may have been carried out all the same."""


class CamaraError(Exception):
    """An API did not answer as asked. `status` is 0 where no answer came, or none that could be read.

    `sent` is False where the request certainly was not carried out. `retry_delay` is in seconds, where it was told.
    """

    def __init__(
        self, code: str, message: str, *, status: int = 0, sent: bool = True, retry_delay: int | None = None
    ) -> None:
        """Take the code of an answer, or one of this file's own; and a sentence for people, without a secret in it."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.sent = sent and not 0 < status < _SURE_BELOW
        self.retry_delay = retry_delay

    @property
    def key(self) -> tuple[int, str]:
        """Status and code."""
        return self.status, self.code

    @property
    def meaning(self) -> Meaning:
        """What the error says; of one that is not documented, that the question failed."""
        return MEANINGS.get(self.key, _FAILED)

    def for_port(self) -> OperatorError:
        """Return the port's error: the API's own code is the reason, its dots as underscores.

        Documented errors that tell of what was asked are REQUEST_REFUSED, with the code in the sentence.
        """
        if self.status in _OF_THE_REQUEST and self.key in MEANINGS:
            return OperatorError(REFUSED, f"{self.code}: {self}", sent=self.sent)
        return OperatorError(self.code.replace(".", "_")[-64:], str(self), sent=self.sent)
