"""The machine's randomness behind the entropy port: the only place that draws random bytes."""

import builtins
import os
import time

_RANDOM_BYTES = 10
_MILLISECOND = 1_000_000


class SystemEntropy:
    """Give bytes of the operating system's generator."""

    __slots__ = ()

    def bytes(self, count: int) -> builtins.bytes:
        """Return `count` unpredictable bytes."""
        return os.urandom(count)

    def identifier(self) -> str:
        """Return 32 lowercase hex digits: 48 bits of Unix milliseconds, then 80 random bits (sorts by time)."""
        return f"{time.time_ns() // _MILLISECOND:012x}{os.urandom(_RANDOM_BYTES).hex()}"
