"""When an SMSC is suspect, and how it recovers."""

import pytest

from fakes.clock import FakeClock
from numseal.adapters.operators.smpp.health import Health, HealthLimits


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def health(clock: FakeClock) -> Health:
    return Health(HealthLimits(0.5, sample=4, window=100, suspect_time=300), clock.monotonic)


def test_an_smsc_is_trusted_until_too_much_is_missing(health: Health) -> None:
    for _ in range(3):
        health.missed()
        assert not health.suspect
    health.missed()
    assert health.suspect


def test_half_missing_is_not_more_than_half(health: Health) -> None:
    for _ in range(2):
        health.missed()
        health.heard()
    assert not health.suspect
    health.missed()
    assert health.suspect


def test_what_is_long_past_does_not_count(health: Health, clock: FakeClock) -> None:
    for _ in range(3):
        health.missed()
    clock.advance(100)
    health.missed()
    assert not health.suspect


def test_newer_fates_push_out_older_ones(health: Health) -> None:
    for _ in range(3):
        health.missed()
    for _ in range(8):
        health.heard()
    for _ in range(4):
        health.missed()
    assert not health.suspect
    health.missed()
    assert health.suspect


def test_a_suspect_recovers_after_a_time_with_a_clean_slate(health: Health, clock: FakeClock) -> None:
    for _ in range(4):
        health.missed()
    clock.advance(299)
    assert health.suspect
    clock.advance(1)
    assert not health.suspect
    for _ in range(3):
        health.missed()
    assert not health.suspect
    health.missed()
    assert health.suspect


def test_a_suspect_recovers_by_good_fates(health: Health) -> None:
    for _ in range(4):
        health.missed()
    for _ in range(3):
        health.heard()
    assert health.suspect
    health.heard()
    assert not health.suspect
