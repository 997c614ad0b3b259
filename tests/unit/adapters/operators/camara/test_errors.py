"""The table of CAMARA errors: every one that the documents name is in it, and says what it should."""

import re

import pytest

from fakes.prism import DOCUMENTS, document, documented_errors
from numseal.adapters.operators.camara.errors import MEANINGS, CamaraError, Meaning
from numseal.domain.evidence import SignalState
from numseal.domain.operator import CodeOutcome, NetworkOutcome, SendOutcome

_ENUM = re.compile(
    r"status:\n +enum:\n +- (?P<status>\d{3})\n +code:\n +enum:\n(?P<codes>(?: +- [A-Z0-9_.]+\n)+)", re.MULTILINE
)


def named_errors(api: str) -> set[tuple[int, str]]:
    """Return every status and code that an API's document allows an error to have."""
    return {
        (int(found["status"]), line.strip(" -"))
        for found in _ENUM.finditer(document(api).read_text())
        for line in found["codes"].splitlines()
    }


@pytest.mark.parametrize("api", list(DOCUMENTS))
def test_every_documented_error_is_in_the_table(api: str) -> None:
    named = named_errors(api)
    assert len(named) >= 4
    assert named <= set(MEANINGS)
    assert {(status, code) for _, status, code in documented_errors(api)} <= set(MEANINGS)


STATES = {
    SignalState.NO_COVERAGE: {(400, "OUT_OF_RANGE")},
    SignalState.UNKNOWN: {(404, "IDENTIFIER_NOT_FOUND"), (422, "SERVICE_NOT_APPLICABLE")},
    SignalState.NOT_SUPPORTED: {(422, "UNSUPPORTED_IDENTIFIER"), (501, "NOT_IMPLEMENTED")},
}
OTP = "ONE_TIME_PASSWORD_SMS"
SENT = {
    (400, "INVALID_ARGUMENT"): SendOutcome.CONTENT,
    (403, f"{OTP}.MAX_OTP_CODES_EXCEEDED"): SendOutcome.THROTTLED,
    (403, f"{OTP}.PHONE_NUMBER_NOT_ALLOWED"): SendOutcome.LINE_TYPE,
    (403, f"{OTP}.PHONE_NUMBER_BLOCKED"): SendOutcome.BARRED,
    (404, "NOT_FOUND"): SendOutcome.NOT_OURS,
    (404, "IDENTIFIER_NOT_FOUND"): SendOutcome.NOT_OURS,
    (422, "SERVICE_NOT_APPLICABLE"): SendOutcome.LINE_TYPE,
    (429, "QUOTA_EXCEEDED"): SendOutcome.THROTTLED,
    (429, "TOO_MANY_REQUESTS"): SendOutcome.THROTTLED,
}
CHECKED = {
    (400, f"{OTP}.INVALID_OTP"): CodeOutcome.MISMATCH,
    (400, f"{OTP}.VERIFICATION_EXPIRED"): CodeOutcome.EXPIRED,
    (400, f"{OTP}.VERIFICATION_FAILED"): CodeOutcome.EXHAUSTED,
    (404, "NOT_FOUND"): CodeOutcome.UNKNOWN,
    (404, "IDENTIFIER_NOT_FOUND"): CodeOutcome.UNKNOWN,
}
NETWORK = {
    (403, "INVALID_TOKEN_CONTEXT"): NetworkOutcome.UNKNOWN,
    (403, "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK"): NetworkOutcome.UNKNOWN,
}


@pytest.mark.parametrize("key", list(MEANINGS), ids=lambda key: f"{key[0]} {key[1]}")
def test_what_an_error_says(key: tuple[int, str]) -> None:
    state = next((state for state, keys in STATES.items() if key in keys), SignalState.ERROR)
    expected = Meaning(state, SENT.get(key), CHECKED.get(key), NETWORK.get(key))
    assert CamaraError(key[1], "", status=key[0]).meaning == expected


@pytest.mark.parametrize("key", [(418, "TEAPOT"), (500, "IDENTIFIER_NOT_FOUND"), (0, "TIMEOUT"), (400, "NOT_FOUND")])
def test_an_error_that_is_not_documented_is_a_failure(key: tuple[int, str]) -> None:
    """Status and code belong together: a code under another status is not believed."""
    assert CamaraError(key[1], "", status=key[0]).meaning == Meaning()


@pytest.mark.parametrize(
    ("status", "sent", "expected"),
    [
        (400, True, False),
        (499, True, False),
        (500, True, True),
        (0, True, True),
        (0, False, False),
        (503, False, False),
    ],
)
def test_a_refusal_carries_nothing_out(status: int, sent: bool, expected: bool) -> None:
    error = CamaraError(f"{OTP}.X", "sentence", status=status, sent=sent).for_port()
    assert (error.reason, error.sent, str(error)) == (f"{OTP}_X", expected, "sentence")


def test_documented_errors_that_tell_of_the_request_do_not_count_against_the_operator() -> None:
    refused = {key for key in MEANINGS if CamaraError(key[1], "", status=key[0]).for_port().reason == "REQUEST_REFUSED"}
    assert refused == {key for key in MEANINGS if key[0] in {400, 404, 409, 422}}
    error = CamaraError(f"{OTP}.INVALID_OTP", "sentence", status=400).for_port()
    assert (error.reason, str(error), error.sent) == ("REQUEST_REFUSED", f"{OTP}.INVALID_OTP: sentence", False)


@pytest.mark.parametrize(
    ("status", "code"), [(400, "TEAPOT"), (404, "ANSWER_MALFORMED"), (403, "PERMISSION_DENIED"), (500, "CONFLICT")]
)
def test_every_other_error_counts(status: int, code: str) -> None:
    assert CamaraError(code, "sentence", status=status).for_port().reason == code
