"""What is left of a plugin's failure: a reason, whether a code may be under way, and for the log how it came about.

Whatever a plugin raises is looked at here and nowhere else, since looking at it may raise again.
"""

from dataclasses import dataclass
from pathlib import PurePath
from traceback import walk_tb

from numseal.ports.operator_backend import CursorTooOldError, OperatorError
from numseal.usecases.answer_checks import ImpossibleAnswer
from numseal.usecases.operator_answers import read_reason

NOT_CONNECTED = "OPERATOR_NOT_CONNECTED"
TIMEOUT = "TIMEOUT"
BROKEN_CONTRACT = "BROKEN_CONTRACT"
CURSOR_TOO_OLD = "CURSOR_TOO_OLD"
CIRCUIT_OPEN = "OPERATOR_UNWELL"
OVERLOADED = "OPERATOR_OVERLOADED"

NOT_ASKED = frozenset({NOT_CONNECTED, CIRCUIT_OPEN, OVERLOADED})
"""The reasons that tell that the operator was certainly not asked."""

_OURS = frozenset({NOT_CONNECTED, CURSOR_TOO_OLD, CIRCUIT_OPEN, OVERLOADED})
# A rate is its asker's doing, and waiting for it is the asker's too. Refused credentials are ours: nobody is answered.
_OF_THE_QUESTION = frozenset({"NOT_OURS", "REQUEST_REFUSED", "KINDS_MALFORMED", "RATE_EXCEEDED"})


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer: why, whether a code may be under way all the same, and for the log how the contract was broken."""

    reason: str
    sent: bool = True
    breach: str = ""

    @property
    def unwell(self) -> bool:
        """Whether it tells of the operator's health, and not of what was asked."""
        return self.reason not in _OF_THE_QUESTION and not self.reason.endswith("_NOT_SUPPORTED")


def failure_of(error: BaseException) -> Failed:
    """Return what a plugin raised as a plain value; CURSOR_TOO_OLD stands for `CursorTooOldError` and nothing else."""
    try:
        if isinstance(error, CursorTooOldError):
            return Failed(CURSOR_TOO_OLD)
        if isinstance(error, OperatorError):
            return Failed(read_reason(error.reason, ours=_OURS), sent=error.sent is not False)
        if isinstance(error, ImpossibleAnswer):
            return Failed(BROKEN_CONTRACT, breach=str(error))
    except BaseException as sly:  # noqa: BLE001 - an error of a plugin's own making may fail when it is looked at
        error = sly
    return Failed(BROKEN_CONTRACT, breach=_raised(error))


def _raised(error: BaseException) -> str:
    """Tell an exception by its type and place; its message may hold what was asked or answered."""
    place = ""
    for frame, line in walk_tb(error.__traceback__):
        place = f"{PurePath(frame.f_code.co_filename).name}:{line}"
    return f"{type(error).__name__} at {place}"
