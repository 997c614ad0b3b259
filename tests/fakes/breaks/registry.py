"""What a break is, and how one is registered: by the call it changes and the checks that must name it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

After = Callable[[Any, Any, Any], None]
Before = Callable[[Any, Any, Any], Awaitable[None]]
Stream = Callable[[Any, Any, AsyncIterator[Any]], AsyncIterator[Any]]


@dataclass(frozen=True)
class Break:
    """What is broken: the call, and a change to its request, its answer, its stream or the whole module."""

    names: frozenset[str]
    method: str
    before: Before | None = None
    after: After | None = None
    stream: Stream | None = None
    module: Callable[[ModuleType], None] | None = None


BREAKS: dict[str, Break] = {}


def after(method: str, *names: str) -> Callable[[After], After]:
    def register(change: After) -> After:
        BREAKS[change.__name__] = Break(frozenset(names), method, after=change)
        return change

    return register


def before(method: str, *names: str) -> Callable[[Before], Before]:
    def register(change: Before) -> Before:
        BREAKS[change.__name__] = Break(frozenset(names), method, before=change)
        return change

    return register


def stream(*names: str) -> Callable[[Stream], Stream]:
    def register(change: Stream) -> Stream:
        BREAKS[change.__name__] = Break(frozenset(names), "StreamEvents", stream=change)
        return change

    return register


def module(*names: str) -> Callable[[Callable[[ModuleType], None]], Callable[[ModuleType], None]]:
    def register(change: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
        BREAKS[change.__name__] = Break(frozenset(names), "GetCapabilities", module=change)
        return change

    return register


def forget(backend: Any, method: str, request: Any) -> None:
    """Forget what was answered to a request."""
    backend.answers.pop((method, request.request_id), None)
