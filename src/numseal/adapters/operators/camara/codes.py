"""Codes that the operator makes, sends and checks: one-time-password-sms 1.1.

The authenticationId is all that the operator knows a code by; sealed to its number, it is the challenge.
"""

import re

from numseal.adapters.operators.camara.client import Client, Operation, fields_of
from numseal.adapters.operators.camara.errors import MALFORMED, CamaraError
from numseal.adapters.operators.camara.memory import Answers
from numseal.adapters.operators.camara.seals import Seals
from numseal.adapters.operators.camara.settings import Settings
from numseal.adapters.operators.camara.transport import Reply
from numseal.domain import otp
from numseal.domain.evidence import Method
from numseal.domain.operator import CodeCheck, CodeChecked, CodeOrder, CodeOutcome, CodeSent, SendOutcome
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorError

MAX_MESSAGE = 160
"""Characters of a message (schema Message), placeholder included."""

MAX_CODE = 10
"""Characters of a code (schema Code)."""

THROTTLED_DELAY = 60
"""Seconds to wait where the operator throttles and does not tell for how long."""

_SCOPE = "one-time-password-sms:send-validate"
_SEND = Operation("/send-code", _SCOPE)
_VALIDATE = Operation("/validate-code", _SCOPE)
_NO_CONTENT = 204
_ID = re.compile(r"[\x21-\x7e]{1,128}")
"""The schema allows 36 characters; longer ones do no harm."""


class Codes:
    """Orders and checks one operator's codes; owns the answers it gave within a day."""

    def __init__(self, settings: Settings, client: Client, clock: Clock, seals: Seals) -> None:
        """Take whom to ask."""
        self._settings = settings
        self._client = client
        self._clock = clock
        self._seals = seals
        self._sends: Answers[CodeOrder, CodeSent] = Answers()
        self._checks: Answers[CodeCheck, CodeChecked] = Answers()

    async def send(self, order: CodeOrder) -> CodeSent:
        """Have the operator send a code of its own; how many digits it has, and how long it lives, the operator says.

        Raises `OperatorError`; what cannot be a message is CONTENT and asks nobody.
        """
        if order.method is not Method.OPERATOR_CODE:
            raise OperatorError("METHOD_NOT_SUPPORTED", "the CAMARA API sends codes of the operator's own only")
        now = self._clock.now()
        answer = self._sends.recall(order.request_id, order, now)
        if answer is not None:
            return answer
        if order.text or otp.PLACEHOLDER not in order.template or len(order.template) > MAX_MESSAGE:
            return CodeSent(SendOutcome.CONTENT)
        body = {"phoneNumber": order.phone_number, "message": order.template}
        try:
            reply = await self._client.call(
                self._settings.apis.one_time_password_sms, _SEND, body, order.request_id, self._settings.send_timeout
            )
            name = _authentication_id(reply)
        except CamaraError as error:
            return _refused(error)
        challenge = self._seals.seal("code", order.phone_number, name.encode("ascii"))
        sent = CodeSent(SendOutcome.ACCEPTED, challenge, prior_codes_valid=False)
        return self._sends.keep(order.request_id, order, sent, now)

    async def check(self, check: CodeCheck) -> CodeChecked:
        """Have the operator compare its code. A used code is EXPIRED to it, as one that a later order replaced.

        What cannot be a code is a mismatch and asks nobody; a challenge of another number is UNKNOWN. Attempts that
        remain are not told. Raises `OperatorError`.
        """
        name = self._seals.open("code", check.phone_number, check.challenge)
        if name is None:
            return CodeChecked(CodeOutcome.UNKNOWN)
        if not 1 <= len(check.code) <= MAX_CODE or not check.code.isascii() or not check.code.isprintable():
            return CodeChecked(CodeOutcome.MISMATCH)
        now = self._clock.now()
        answer = self._checks.recall(check.request_id, check, now)
        if answer is not None:
            return answer
        return self._checks.keep(check.request_id, check, await self._compare(check, name.decode("ascii")), now)

    async def _compare(self, check: CodeCheck, name: str) -> CodeChecked:
        body = {"authenticationId": name, "code": check.code}
        try:
            await self._client.call(
                self._settings.apis.one_time_password_sms,
                _VALIDATE,
                body,
                check.request_id,
                self._settings.timeout,
                accept=(_NO_CONTENT,),
            )
        except CamaraError as error:
            outcome = error.meaning.check
            if outcome is None:
                raise error.for_port() from error
            return CodeChecked(outcome)
        return CodeChecked(CodeOutcome.MATCH)


def _authentication_id(reply: Reply) -> str:
    name = fields_of(reply).get("authenticationId")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise CamaraError(MALFORMED, "authenticationId: what the API describes is expected")
    return name


def _refused(error: CamaraError) -> CodeSent:
    """Return what a refusal says, which is not remembered: nothing was sent. Raises `OperatorError` for a failure."""
    outcome = error.meaning.send
    if outcome is None:
        raise error.for_port() from error
    if outcome is SendOutcome.THROTTLED:
        return CodeSent(outcome, retry_delay=THROTTLED_DELAY if error.retry_delay is None else error.retry_delay)
    return CodeSent(outcome)
