"""A backend gone wrong: it runs in our process, and answers every question with whatever the test says.

ask = saying(None)                       # every call returns None
ask = saying(ValueError("a bug"))        # every call raises it
ask = asking(Plugin(does))               # every call awaits `does()`
ask = asking(Plugin(stream=iterator))    # stream_events(cursor) is `iterator(cursor)`
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fakes.clock import FakeClock
from fakes.evidence import NOW
from numseal.usecases.ask_operator import AskOperator

SECONDS = 5.0
"""More than any answer of these tests takes."""


class Text(str):
    """Text that is not quite text."""

    __slots__ = ()


class Plugin:
    """Has every call of `ports.operator_backend` and keeps to nothing of its contract."""

    operator_id = "mts"

    def __init__(
        self, does: Callable[[], Awaitable[Any]] | None = None, stream: Callable[[str], Any] | None = None
    ) -> None:
        self._does = does
        self._stream = stream

    async def look_up(self, *_asked: object) -> Any:
        assert self._does is not None
        return await self._does()

    send_code = check_code = start_network_check = finish_network_check = look_up
    watch_subscriber = unwatch_subscriber = capabilities = look_up

    def stream_events(self, cursor: str) -> Any:
        assert self._stream is not None
        return self._stream(cursor)


def asking(backend: object = None, clock: FakeClock | None = None) -> AskOperator:
    """Ask this backend as "mts", or where there is none."""
    operators: dict[str, Any] = {} if backend is None else {"mts": backend}
    return AskOperator(operators, clock or FakeClock(NOW))


def saying(said: Any) -> AskOperator:
    """Ask an operator that answers everything with this, or raises it."""

    async def say() -> Any:
        if isinstance(said, BaseException):
            raise said
        return said

    return asking(Plugin(say))
