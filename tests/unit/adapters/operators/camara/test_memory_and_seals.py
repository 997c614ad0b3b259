"""Answers remembered by request id, and what is sealed under the adapter's key."""

import pytest

from numseal.adapters.operators.camara import memory
from numseal.adapters.operators.camara.client import correlator_of
from numseal.adapters.operators.camara.memory import WINDOW, Answers
from numseal.adapters.operators.camara.seals import Seals
from numseal.ports.operator_backend import OperatorError


def test_an_answer_is_remembered_for_a_day() -> None:
    answers: Answers[str, int] = Answers()
    assert answers.recall("1", "q", 100) is None
    assert answers.keep("1", "q", 5, 100) == 5
    assert answers.recall("1", "q", 100 + WINDOW - 1) == 5
    assert answers.recall("1", "q", 100 + WINDOW) is None
    with pytest.raises(OperatorError, match="another request"):
        answers.recall("1", "other", 100)


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LIMIT", 2)
    answers: Answers[str, int] = Answers()
    for number in range(3):
        answers.keep(str(number), "q", number, 0)
    assert [answers.recall(str(number), "q", 0) for number in range(3)] == [None, 1, 2]


def test_a_seal_is_for_one_use_one_subject_and_one_key() -> None:
    seals = Seals(bytes(32))
    sealed = seals.seal("code", "+1", b"content")
    assert seals.open("code", "+1", sealed) == b"content"
    for label, about, other in (("page", "+1", sealed), ("code", "+2", sealed), ("code", "+1", sealed + b"x")):
        assert seals.open(label, about, other) is None
    # Where one text ends and the next begins counts too.
    assert seals.open("cod", "e+1", sealed) is None
    assert Seals(bytes([1]) * 32).open("code", "+1", sealed) is None
    assert seals.open("code", "+1", b"") is None
    assert seals.derive("a", "b") == seals.derive("a", "b") != seals.derive("ab", "")
    assert len(seals.derive("a", "b")) == 43


@pytest.mark.parametrize(
    ("request_id", "same"), [("a-Z_0:;./<>{}", True), ("with space", False), ("ünïcode", False), ("", False)]
)
def test_a_correlator_has_only_what_is_allowed(request_id: str, same: bool) -> None:
    assert (correlator_of(request_id) == request_id) is same
    assert correlator_of(request_id).isalnum() or same
    assert correlator_of("x" * 300) != correlator_of("x" * 301)
