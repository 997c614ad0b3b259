import pytest

from numseal.tlog.errors import CheckpointError, NoteError, ProofError, SignatureError, TlogError
from numseal.verify.report import ExitCode, worst, written_time
from numseal.verify.steps import reason_of


def test_the_worst_exit_code_wins() -> None:
    order = [ExitCode(code) for code in (2, 7, 1, 3, 4, 6, 5, 0)]
    for position, code in enumerate(order):
        assert worst(order[position:]) is worst(reversed(order[position:])) is code
    assert worst([]) is ExitCode.VALID


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
        (253_402_300_800, "Unix time 253402300800"),
        (-1, "Unix time -1"),
    ],
)
def test_times_are_written_for_people(seconds: int, text: str) -> None:
    assert written_time(seconds) == text


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ProofError("x"), "LOG_PROOF_INVALID"),
        (SignatureError("x"), "CHECKPOINT_SIGNATURE_INVALID"),
        (CheckpointError("x"), "CHECKPOINT_ORIGIN_OR_FORM"),
        (NoteError("x"), "CHECKPOINT_MALFORMED"),
    ],
)
def test_errors_of_the_log_have_stable_reasons(error: TlogError, reason: str) -> None:
    assert reason_of(error) == reason
