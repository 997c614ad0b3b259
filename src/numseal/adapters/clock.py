"""The machine's clock behind the clock port: the only place that reads the wall clock."""

import time

# Goes on while the machine sleeps, where the system has such a clock.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """Tell the time as the machine has it."""

    __slots__ = ()

    def now(self) -> int:
        """Return Unix seconds, UTC."""
        return int(time.time())  # noqa: TID251 - this is the adapter that the others ask

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        return time.clock_gettime(_STEADY)
