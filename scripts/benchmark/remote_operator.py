"""What the wire costs a lookup: the same simulated operator asked in this process and, alternately, over loopback gRPC.

One call at a time, on uvloop, each a question of its own for all eighteen signals. The remote operator is a process of
its own (`numseal operator simulate`), in clear and unsigned.
"""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from numseal.adapters.clock import SystemClock
from numseal.adapters.operators.remote.backend import RemoteOperator
from numseal.adapters.operators.remote.settings import Settings
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.domain.evidence import LookupOutcome
from numseal.domain.operator import LookupRequest, Phase
from numseal.ports.operator_backend import OperatorBackend

GOAL_MS = 1.0
"""Milliseconds at p50 by which a remote lookup may take longer."""

CALLS = 2_000
WARM_UP = 300
ROUNDS = 5
IN_PROCESS, REMOTE = "in this process", "over gRPC on loopback"

_NUMBERS = 500
_START_TIMEOUT = 30.0
_RETRY = 0.005
_LINE = re.compile(r"serving operator \S+ on (\S+)\n")


def measure(calls: int = CALLS, rounds: int = ROUNDS) -> dict[str, float]:
    """Return p50 and p99 of both in milliseconds, and by how much the remote one's are longer."""
    if calls < 1 or rounds < 1:
        raise ValueError(f"calls and rounds: at least 1 expected, found {calls} and {rounds}")
    with _operator() as address:
        near, far = uvloop.run(_run(address, calls, rounds))
    figures: dict[str, float] = {}
    for name, share in (("p50", 0.50), ("p99", 0.99)):
        inside, outside = _latency(near, share), _latency(far, share)
        figures |= {
            f"in_process_{name}_ms": round(inside, 3),
            f"remote_{name}_ms": round(outside, 3),
            f"overhead_{name}_ms": round(outside - inside, 3),
        }
    return figures


def to_text(figures: Mapping[str, float]) -> str:
    """Return the figures as a table, with the goal."""
    lines = [f"{'a lookup':<28}{'p50 ms':>10}{'p99 ms':>10}"]
    for label, name in ((IN_PROCESS, "in_process"), (REMOTE, "remote"), ("overhead", "overhead")):
        lines.append(f"{label:<28}{figures[f'{name}_p50_ms']:>10.3f}{figures[f'{name}_p99_ms']:>10.3f}")
    met = "met" if figures["overhead_p50_ms"] < GOAL_MS else "not met"
    return "\n".join([*lines, f"goal: overhead under {GOAL_MS:g} ms at p50: {met}"])


async def _run(address: str, calls: int, rounds: int) -> tuple[list[float], list[float]]:
    clock = SystemClock()
    inside = SimulatedOperator(SimulatedNetwork(1, clock), "mts")
    outside = RemoteOperator("mts", Settings(address, tls=False), clock)
    near: list[float] = []
    far: list[float] = []
    try:
        numbers = await _subscribers(inside)
        for name, operator in (("warm-near", inside), ("warm-far", outside)):
            await _ask(operator, name, numbers, WARM_UP)
        for number in range(rounds):
            near += await _ask(inside, f"near-{number}", numbers, calls)
            far += await _ask(outside, f"far-{number}", numbers, calls)
    finally:
        await outside.close()
    return near, far


def _question(name: str, number: str) -> LookupRequest:
    return LookupRequest(name, number, Phase.BEFORE, "bench", "SIGN_UP", since_time=1_700_000_000)


async def _subscribers(operator: OperatorBackend) -> list[str]:
    """Return numbers that were not ported away: an answer about another operator's is short."""
    numbers = [f"+7916123{number:04}" for number in range(_NUMBERS)]
    found = [(await operator.look_up(_question(f"find-{number}", number))).outcome for number in numbers]
    return [number for number, one in zip(numbers, found, strict=True) if one is LookupOutcome.SUBSCRIBER]


async def _ask(operator: OperatorBackend, name: str, numbers: list[str], calls: int) -> list[float]:
    """Return how long each of so many lookups took, milliseconds."""
    took = []
    for call in range(calls):
        request = _question(f"{name}-{call}", numbers[call % len(numbers)])
        began = time.perf_counter()
        found = await operator.look_up(request)
        took.append((time.perf_counter() - began) * 1e3)
        if found.outcome is not LookupOutcome.SUBSCRIBER:
            raise RuntimeError(f"a lookup was answered {found.outcome}")
        await asyncio.sleep(0)
    return took


@contextmanager
def _operator() -> Iterator[str]:
    """Run a simulated operator until the block ends."""
    command = [str(Path(sys.executable).with_name("numseal")), "operator", "simulate", "--listen", "127.0.0.1:0"]
    with TemporaryDirectory(prefix="numseal-bench-") as directory:
        output = Path(directory, "output")
        with output.open("wb") as written:
            process = subprocess.Popen(command, stdout=written, stderr=subprocess.DEVNULL)
        try:
            yield _address(process, output)
        finally:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], output: Path) -> str:
    deadline = time.perf_counter() + _START_TIMEOUT
    while time.perf_counter() < deadline:
        seen = _LINE.search(output.read_text())
        if seen is not None:
            return seen[1]
        if process.poll() is not None:
            break
        time.sleep(_RETRY)
    raise RuntimeError("the simulated operator does not serve")


def _latency(values: list[float], share: float) -> float:
    values = sorted(values)
    return values[min(int(len(values) * share), len(values) - 1)]


if __name__ == "__main__":
    sys.stdout.write(to_text(measure()) + "\n")
