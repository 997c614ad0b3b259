"""The time of batches: never back, and never far ahead of what the machine's own clock has ticked since."""

import logging

from numseal.ports.clock import Clock

MAX_JUMP = 5
"""Seconds that the wall clock may gain on the monotonic one between two batches."""

_LOG = logging.getLogger(__name__)


class BatchTime:
    """Gives each batch its time. The writer owns it.

    A wall clock that jumps ahead would expire codes and bindings that are good: it is held at the pace of the
    monotonic clock and alarmed once, until it comes back or the service is started again.
    """

    __slots__ = ("_clock", "_held", "_monotonic", "_wall")

    def __init__(self, clock: Clock) -> None:
        """Trust the wall clock as it is now."""
        self._clock = clock
        self._wall = float(clock.now())
        self._monotonic = clock.monotonic()
        self._held = False

    def after(self, head_time: int) -> int:
        """Return max(head time, wall clock), Unix seconds, with jumps held."""
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        expected = self._wall + monotonic - self._monotonic
        if wall > expected + MAX_JUMP:
            if not self._held:
                self._held = True
                _LOG.warning(
                    "the wall clock jumped %d s ahead; held until it is back or the service is started again",
                    wall - expected,
                )
            return max(head_time, int(expected))
        self._held = False
        if wall >= expected - MAX_JUMP:
            self._wall, self._monotonic = float(wall), monotonic
        return max(head_time, wall)
