"""The machine's randomness behind the entropy port: the only place that draws random bytes."""

import builtins
import os
import time

_RANDOM_BYTES = 10
_POOL_BYTES = 4_096
_MILLISECOND = 1_000_000


class SystemEntropy:
    """Give bytes of the operating system's generator, drawn a pool at a time: a draw costs a system call.

    Owns its pool; every byte is given out once. Not for several threads.
    """

    __slots__ = ("_at", "_pool")

    def __init__(self) -> None:
        """Begin with an empty pool."""
        self._pool = b""
        self._at = 0

    def bytes(self, count: int) -> builtins.bytes:
        """Return `count` unpredictable bytes."""
        end = self._at + count
        if end > len(self._pool):
            if count > _POOL_BYTES:
                return os.urandom(count)
            self._pool, self._at, end = os.urandom(_POOL_BYTES), 0, count
        taken = self._pool[self._at : end]
        self._at = end
        return taken

    def identifier(self) -> str:
        """Return 32 lowercase hex digits: 48 bits of Unix milliseconds, then 80 random bits (sorts by time)."""
        return f"{time.time_ns() // _MILLISECOND:012x}{self.bytes(_RANDOM_BYTES).hex()}"
