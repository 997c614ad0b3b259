"""The conformance kit against the template backends, the simulator, and a backend broken in every way that is known."""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.broken_backend import BREAKS, EXAMPLES, profile_of, serving
from numseal.adapters.clock import SystemClock
from numseal.conformance.pace import Pace
from numseal.conformance.profile import Profile, load_profile
from numseal.conformance.results import Outcome, Result
from numseal.conformance.run import holds, run
from numseal.conformance.suite import chosen
from numseal.conformance.transport import Target

HURRY = Pace(
    heartbeat=1.0,
    before=0.7,
    after=1.2,
    arrival=1.5,
    event=2.0,
    opening=0.3,
    quiet=0.5,
    code_life=1.5,
    late=0,
)
OUT_OF_PROCESS = replace(HURRY, heartbeat=20.0, event=10.0, quiet=2.0, opening=2.0, arrival=5.0, before=1.5, after=3.0)
SLOW = ("watch.*", "events.*", "code.expired", "send.once")
"""What only takes time where another part of a backend is broken."""

NODE = EXAMPLES / "node_backend"
NUMSEAL = Path(sys.executable).with_name("numseal")
START_SECONDS = 30.0


async def run_kit(
    address: str, profile: Profile, skip: tuple[str, ...] = ("rate.*",), pace: Pace = HURRY
) -> tuple[Result, ...]:
    return await run(Target(address), chosen(skip=skip), profile, SystemClock(), os.urandom(8).hex(), pace=pace)


def failed(results: tuple[Result, ...]) -> dict[str, tuple[str, ...]]:
    return {result.id: result.sentences for result in results if result.outcome is Outcome.FAILED}


def unchecked(results: tuple[Result, ...]) -> list[str]:
    return [result.id for result in results if result.outcome is Outcome.NOT_CHECKED]


@asynccontextmanager
async def started(*command: str, cwd: Path) -> AsyncIterator[str]:
    """Start a backend; yields the port that it names in its first lines."""
    process = await asyncio.create_subprocess_exec(*command, cwd=cwd, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            while (found := re.search(rb"(?:port |:)(\d+)\s*$", line := await process.stdout.readline())) is None:
                assert line, f"{command[0]} ended before it served"
        yield found[1].decode()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def test_the_python_template_passes_whole(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        results = await run_kit(served.address, served.profile, skip=())
    assert failed(results) == {}
    assert holds(results)
    assert unchecked(results) == []


@pytest.mark.parametrize("name", BREAKS)
async def test_a_break_is_named(tmp_path: Path, name: str) -> None:
    slow = any(check.id in BREAKS[name].names for check in chosen(SLOW))
    async with serving(tmp_path, name) as served:
        results = await run_kit(served.address, served.profile, skip=("rate.*", *(() if slow else SLOW)))
    assert set(failed(results)) == BREAKS[name].names, failed(results)


async def test_without_a_profile_what_is_left_out_is_told(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        results = await run_kit(served.address, Profile())
    assert failed(results) == {}
    assert holds(results)
    assert {"lookup.own", "code.match", "events.resume", "signals.state"} <= set(unchecked(results))
    made = {result.id for result in results if result.outcome is Outcome.PASSED}
    assert {"capabilities.version", "malformed.phone_number", "events.heartbeat", "events.cursor_too_old"} <= made


async def test_the_python_template_passes_as_its_guide_says(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "subscribers.json", tmp_path)
    backend = str(EXAMPLES / "python_backend" / "backend.py")
    async with started(sys.executable, backend, "--listen", "127.0.0.1:0", cwd=tmp_path) as port:
        results = await run_kit(f"127.0.0.1:{port}", profile_of(tmp_path), pace=OUT_OF_PROCESS)
    assert failed(results) == {}
    assert unchecked(results) == []


async def test_the_node_template_passes_whole(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules" / "@grpc" / "grpc-js").is_dir():
        reason = f"node, or the packages of {NODE} (npm ci there), are missing: the Node template was NOT tested"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    shutil.copy(EXAMPLES / "subscribers.json", tmp_path)
    async with started(node, str(NODE / "backend.js"), "--listen", "127.0.0.1:0", cwd=tmp_path) as port:
        results = await run_kit(f"127.0.0.1:{port}", profile_of(tmp_path), skip=(), pace=OUT_OF_PROCESS)
    assert failed(results) == {}
    assert unchecked(results) == []


async def test_the_simulator_served_remotely_is_judged(tmp_path: Path) -> None:
    profile = replace(load_profile(EXAMPLES / "simulator.toml"), seconds=1)
    command = (str(NUMSEAL), "operator", "simulate", "--listen", "127.0.0.1:0")
    async with started(*command, cwd=tmp_path) as port:
        results = await run_kit(f"127.0.0.1:{port}", profile, skip=(), pace=OUT_OF_PROCESS)
    assert not failed(results)


def test_the_profile_of_the_guide_is_that_of_the_templates(tmp_path: Path) -> None:
    told = load_profile(EXAMPLES / "profile.toml")
    wanted = profile_of(tmp_path)
    same = ("own", "absent", "barred", "landline", "ported", "ported_to", "unassigned", "foreign", "event_number")
    assert [getattr(told, name) for name in same] == [getattr(wanted, name) for name in same]
    assert told.messages.file == "inbox/{number}.txt"


async def test_a_slow_backend_misses_the_rate(tmp_path: Path) -> None:
    async def slow(_backend: object, _request: object, _context: object) -> None:
        await asyncio.sleep(0.3)

    def change(backend: object) -> None:
        original = backend.LookUpSubscriber  # type: ignore[attr-defined]

        async def call(request: object, context: object) -> object:
            await slow(backend, request, context)
            return await original(request, context)

        backend.LookUpSubscriber = call  # type: ignore[attr-defined]

    async with serving(tmp_path, change=change) as served:
        results = await run(
            Target(served.address), chosen(("rate.*",)), replace(served.profile, p99_ms=200), SystemClock(), "ab" * 8
        )
    (result,) = results
    assert result.outcome is Outcome.FAILED
    assert re.search(
        r"40/s for 1 s: p50 3\d\d\.\d ms, p99 \d{3}\.\d ms, 0 errors: a p99 of 200 ms", result.sentences[0]
    )
