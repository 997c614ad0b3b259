"""The template backend of scripts/examples, served on loopback, whole or with one of `fakes.breaks` in it.

async with serving(tmp_path, "answers_for_another_number") as served:
    ...  # the kit against served.address; BREAKS["answers_for_another_number"].names are the checks that must fail
"""

import asyncio
import importlib.util
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc

from fakes.breaks import capabilities, codes, events, lookups, requests  # noqa: F401 - each registers its breaks
from fakes.breaks.numbers import ABSENT, BARRED, FOREIGN, HOUR, LANDLINE, PORTED
from fakes.breaks.registry import BREAKS, Break
from numseal.api.operator.v1 import operator_pb2_grpc
from numseal.conformance.profile import Profile, Reach

__all__ = ["BREAKS", "EXAMPLES", "Served", "copied", "profile_of", "serving"]

EXAMPLES = Path(__file__).parents[2] / "scripts" / "examples"


def template() -> ModuleType:
    """Load the template afresh, so that what is broken in it stays here."""
    modules = {}
    for name in ("yours", "backend"):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / "python_backend" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        modules[name] = importlib.util.module_from_spec(spec)
        sys.modules[name] = modules[name]
        spec.loader.exec_module(modules[name])
    for name in modules:
        del sys.modules[name]
    return modules["backend"]


@dataclass(frozen=True)
class Served:
    """A backend on loopback: its address, the object behind it, and a profile of its numbers."""

    address: str
    backend: Any
    profile: Profile


def copied(message: Any) -> Any:
    return type(message).FromString(message.SerializeToString())


def _break(backend: Any, broken: Break) -> None:
    original: Any = getattr(backend, broken.method)

    async def call(request: Any, context: Any) -> Any:
        mine = copied(request)
        if broken.before is not None:
            await broken.before(backend, mine, context)
        answer = copied(await original(mine, context))
        if broken.after is not None:
            broken.after(backend, mine, answer)
        return answer

    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        mine = copied(request)
        if broken.before is not None:
            await broken.before(backend, mine, context)
        answers = original(mine, context)
        async for answer in answers if broken.stream is None else broken.stream(backend, mine, answers):
            yield answer

    setattr(backend, broken.method, stream if broken.method == "StreamEvents" else call)


def profile_of(directory: Path) -> Profile:
    """Return the profile of a template that serves subscribers.json and inbox in a directory."""
    swap = (sys.executable, str(EXAMPLES / "swap.py"), str(directory / "subscribers.json"), "{number}")
    return Profile(
        own=("+79160000001", "+79160000002", "+79160000003"),
        absent=ABSENT,
        barred=BARRED,
        landline=LANDLINE,
        ported=PORTED,
        ported_to="other",
        unassigned="+79160000008",
        foreign=FOREIGN,
        messages=Reach(file=str(directory / "inbox" / "{number}.txt")),
        every_message=True,
        event_number="+79160000009",
        sim_change=Reach(command=swap),
        per_second=40,
        seconds=1,
    )


@asynccontextmanager
async def serving(
    directory: Path,
    broken: str = "",
    *,
    change: Callable[[Any], None] | None = None,
    credentials: grpc.ServerCredentials | None = None,
) -> AsyncIterator[Served]:
    """Serve the template, with one thing broken or changed, its records written an hour ago."""
    module = template()
    original_read = module.Records.read

    def read(self: Any) -> None:
        original_read(self)
        self.time -= HOUR

    module.Records.read = read
    if broken and (change_module := BREAKS[broken].module) is not None:
        change_module(module)
    shutil.copy(EXAMPLES / "subscribers.json", directory)
    os.utime(directory / "subscribers.json")
    backend = module.Backend(directory / "subscribers.json", directory / "inbox", heartbeat=0.2)
    if broken and BREAKS[broken].module is None:
        _break(backend, BREAKS[broken])
    if change is not None:
        change(backend)
    server = grpc.aio.server()
    operator_pb2_grpc.add_OperatorBackendServicer_to_server(backend, server)  # type: ignore[no-untyped-call,unused-ignore]
    anywhere = "127.0.0.1:0"
    port = server.add_insecure_port(anywhere) if credentials is None else server.add_secure_port(anywhere, credentials)
    await server.start()
    looking = asyncio.create_task(backend.look_for_changes(every=0.05))
    try:
        yield Served(f"127.0.0.1:{port}", backend, profile_of(directory))
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await server.stop(None)
