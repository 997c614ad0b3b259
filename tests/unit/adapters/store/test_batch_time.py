import logging

import pytest

from fakes.clock import FakeClock
from numseal.adapters.store.batch_time import MAX_JUMP, BatchTime


def test_time_is_the_wall_clocks_and_never_before_the_head() -> None:
    clock = FakeClock(1000)
    time = BatchTime(clock)
    assert time.after(0) == 1000
    assert time.after(2000) == 2000
    clock.advance(7)
    assert time.after(1000) == 1007


def test_a_small_gain_is_followed() -> None:
    clock = FakeClock(1000)
    time = BatchTime(clock)
    for now in range(1000 + MAX_JUMP, 1000 + 10 * MAX_JUMP, MAX_JUMP):
        clock.step(now)
        assert time.after(0) == now


def test_a_jump_ahead_is_held_and_alarmed_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock(1000)
    time = BatchTime(clock)
    with caplog.at_level(logging.WARNING):
        clock.step(1000 + MAX_JUMP + 1)
        assert time.after(0) == 1000
        clock.advance(10)
        assert time.after(0) == 1010
    assert caplog.text.count("jumped") == 1


def test_a_held_clock_that_comes_back_is_followed_and_alarmed_anew(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock(1000)
    time = BatchTime(clock)
    for _ in range(2):
        clock.step(9000)
        assert time.after(0) == 1000
        clock.step(1000)
        assert time.after(0) == 1000
    assert caplog.text.count("jumped") == 2


def test_a_clock_set_back_and_right_again_is_no_jump(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock(10_000)
    time = BatchTime(clock)
    assert time.after(0) == 10_000
    clock.step(6400)
    assert time.after(10_000) == 10_000
    clock.step(10_000)
    clock.advance(60)
    assert time.after(10_000) == 10_060
    assert "jumped" not in caplog.text
