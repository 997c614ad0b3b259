"""CTRL as bytes: questions, frames cut out of a stream, answers read strictly."""

import pytest

from numseal.adapters.operators.osmo_hlr.ctrl import (
    MAX_TEXT,
    CtrlError,
    Found,
    FrameReader,
    Refused,
    question,
    read_answer,
    variable,
)

TEXTS = [b"GET_REPLY 1 a b", b"x", b"ERROR 2 No such subscriber."]
STREAM = b"".join((len(text) + 1).to_bytes(2) + b"\xee\x00" + text for text in TEXTS)


def test_a_question_is_one_frame_that_asks_for_the_record_without_keys() -> None:
    text = b"GET 7 subscriber.by-msisdn-79161234567.info"
    assert question(7, variable("79161234567")) == b"\x00\x2c\xee\x00" + text
    assert len(text) + 1 == 0x2C


@pytest.mark.parametrize(
    "digits",
    [
        "",
        "123456",
        "1" * 16,
        "+79161234567",
        "0791612345",
        "7916123456x",
        "7916 123456",
        "７９１６１２３４５６７",
        "1" * 9 + "\n",
    ],
)
def test_only_digits_are_asked_about(digits: str) -> None:
    with pytest.raises(ValueError, match="7 to 15 digits"):
        variable(digits)


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 7, 100])
def test_frames_come_out_whole_however_they_arrive(step: int) -> None:
    reader = FrameReader()
    texts = [text for at in range(0, len(STREAM), step) for text in reader.feed(STREAM[at : at + step])]
    assert texts == TEXTS


def test_the_longest_text_is_taken_and_a_longer_one_is_refused_before_it_came() -> None:
    longest = b"x" * MAX_TEXT
    assert FrameReader().feed((MAX_TEXT + 1).to_bytes(2) + b"\xee\x00" + longest) == [longest]
    with pytest.raises(CtrlError, match=f"a frame of {MAX_TEXT + 1} bytes"):
        FrameReader().feed((MAX_TEXT + 2).to_bytes(2) + b"\xee\x00")


@pytest.mark.parametrize(
    "header", [b"\x00\x05\xfe\x00", b"\x00\x05\xee\x05", b"HTTP", b"\x00\x00\xee\x00", b"\x00\x01\xee\x00"]
)
def test_other_frames_are_refused(header: bytes) -> None:
    with pytest.raises(CtrlError):
        FrameReader().feed(header)


def test_an_answer_has_the_id_and_the_variable_and_a_value_as_it_is() -> None:
    assert read_answer(b"GET_REPLY 5 a.b \nid\t1\nname\tx y") == Found(5, "a.b", "\nid\t1\nname\tx y")


def test_an_error_has_its_reason() -> None:
    absent = read_answer(b"ERROR 5 No such subscriber.")
    assert absent == Refused(5, "No such subscriber.")
    assert absent.no_subscriber
    assert not Refused(5, "Command not found").no_subscriber


def test_a_trap_answers_nothing() -> None:
    assert read_answer(b"TRAP 0 something 1") is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SET_REPLY 1 a OK",
        b"get_reply 1 a b",
        b"GET_REPLY",
        b"GET_REPLY  a b",
        b"GET_REPLY -1 a b",
        b"GET_REPLY +1 a b",
        b"GET_REPLY 0 a b",
        b"GET_REPLY 01 a b",
        b"GET_REPLY 12345678901 a b",
        b"ERROR err Invalid message ID number",
        b"GET_REPLY 1 a \xff",
    ],
)
def test_what_answers_no_question_is_refused(text: bytes) -> None:
    with pytest.raises(CtrlError):
        read_answer(text)
