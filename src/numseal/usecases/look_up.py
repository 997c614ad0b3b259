"""Look a number up at its operator. The answer is evidence, or evidence that there was none; never an exception."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace

from numseal.domain.evidence import Lookup, LookupOutcome
from numseal.domain.operator import LookupRequest, Phase
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorBackend, OperatorError

BEFORE_TIMEOUT = 1.5
AFTER_TIMEOUT = 3.0
"""Seconds an operator has to answer, before the code and after it."""

MAX_REFERENCE = 256

_log = logging.getLogger(__name__)


class LookUp:
    """Asks an operator about a number and distrusts what comes back."""

    def __init__(self, operators: Mapping[str, OperatorBackend], clock: Clock) -> None:
        """Take the operators by their ids."""
        self._operators = operators
        self._clock = clock

    async def __call__(self, operator_id: str, request: LookupRequest) -> Lookup:
        """Return the operator's answer; UNANSWERED where it failed, was too slow, or answered what cannot be."""
        timeout = BEFORE_TIMEOUT if request.phase is Phase.BEFORE else AFTER_TIMEOUT
        backend = self._operators.get(operator_id)
        if backend is None:
            return self._unanswered(operator_id, "OPERATOR_NOT_CONNECTED")
        try:
            async with asyncio.timeout(timeout):
                answer = await backend.look_up(request)
        except TimeoutError:
            return self._unanswered(operator_id, "TIMEOUT")
        except OperatorError as error:
            return self._unanswered(operator_id, error.reason)
        except Exception:  # noqa: BLE001 - a backend is a plugin: whatever escapes it, the verification goes on
            _log.exception("operator %s broke its contract in look_up", operator_id)
            return self._unanswered(operator_id, "BROKEN_CONTRACT")
        if not _credible(answer):
            _log.warning("operator %s gave an answer that cannot be", operator_id)
            return self._unanswered(operator_id, "BROKEN_CONTRACT")
        # The time is ours: an operator's clock may differ.
        now = self._clock.now()
        return answer if answer.time == now else replace(answer, time=now)

    def _unanswered(self, operator_id: str, failure: str) -> Lookup:
        return Lookup(LookupOutcome.UNANSWERED, operator_id, self._clock.now(), failure=failure)


def _credible(answer: Lookup) -> bool:
    if answer.outcome is LookupOutcome.UNANSWERED or len(answer.lookup_reference) > MAX_REFERENCE:
        return False
    if (answer.outcome is LookupOutcome.SUBSCRIBER) != (answer.subscriber is not None):
        return False
    return (answer.outcome is LookupOutcome.PORTED) == bool(answer.ported_to)
