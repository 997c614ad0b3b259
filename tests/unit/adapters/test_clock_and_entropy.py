import time

from numseal.adapters.clock import SystemClock
from numseal.adapters.entropy import SystemEntropy


def test_the_clock_is_the_machines() -> None:
    clock = SystemClock()
    assert clock.now() * 1_000_000_000 <= time.time_ns() < (clock.now() + 2) * 1_000_000_000
    first = clock.monotonic()
    assert clock.monotonic() >= first


def test_bytes_are_as_many_as_asked_and_differ() -> None:
    entropy = SystemEntropy()
    assert len(entropy.bytes(32)) == 32
    assert entropy.bytes(32) != entropy.bytes(32)
    assert entropy.bytes(0) == b""


def test_identifiers_are_32_hex_digits_that_begin_with_the_time() -> None:
    entropy = SystemEntropy()
    before = time.time_ns() // 1_000_000
    names = [entropy.identifier() for _ in range(100)]
    after = time.time_ns() // 1_000_000
    assert len(set(names)) == 100
    for name in names:
        assert len(bytes.fromhex(name)) == 16
        assert name == name.lower()
        assert before <= int(name[:12], 16) <= after


def test_bytes_of_a_pool_are_given_out_once() -> None:
    entropy = SystemEntropy()
    drawn = [entropy.bytes(16) for _ in range(1_000)]
    assert len(set(drawn)) == 1_000
    assert all(len(item) == 16 for item in drawn)
    assert len(entropy.bytes(100_000)) == 100_000
