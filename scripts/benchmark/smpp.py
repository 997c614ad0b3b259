"""Codes a second through the SMPP adapter, receipts included, against the tests' SMSC: a Node process on loopback.

A code counts once `send_code` said ACCEPTED and the events told DELIVERED. The SMSC is npm `smpp`, single-threaded; its
CPU is measured beside ours, since it shares the machine.
"""

import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from numseal.adapters.clock import SystemClock
from numseal.adapters.operators.smpp.backend import SmppOperator
from numseal.adapters.operators.smpp.settings import Settings, SmscSettings
from numseal.domain.evidence import DeliveryState, Method
from numseal.domain.operator import CodeOrder, SendOutcome

GOAL = 3_000
"""Codes a second."""

CODES = 20_000
WARM_UP = 500
ROUNDS = 3
WINDOW = 200
CALLERS = 256
_WAIT = 60.0
_PART = Path(__file__).parents[2] / "tests" / "parts" / "smsc"
_TEXT = "{code} is your code for Messenger.\n@messenger.example #{code}"


class SmscMissingError(Exception):
    """Node, or its packages, are not there."""


def measure(codes: int = CODES, rounds: int = ROUNDS) -> dict[str, float]:
    """Return codes a second (median of the rounds), and CPU in microseconds a code of Numseal and of the SMSC."""
    if codes < 1 or rounds < 1:
        raise ValueError(f"codes and rounds: at least 1 expected, found {codes} and {rounds}")
    with _smsc() as (port, process):
        found = sorted(uvloop.run(_run(port, codes, rounds)))
        process.terminate()
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    rate, own = found[len(found) // 2]
    sent = rounds * codes + WARM_UP
    return {
        "codes_per_s": round(rate, 1),
        "numseal_cpu_us": round(own, 1),
        "smsc_cpu_us": round((used.ru_utime + used.ru_stime) / sent * 1e6, 1),
    }


def to_text(figures: dict[str, float]) -> str:
    """Return the figures as a table, with the goal."""
    lines = [
        f"{'codes/s by SMPP, receipts included':<44}{figures['codes_per_s']:>10,.0f}",
        f"{'CPU of Numseal, µs a code':<44}{figures['numseal_cpu_us']:>10,.1f}",
        f"{'CPU of the SMSC, µs a code':<44}{figures['smsc_cpu_us']:>10,.1f}",
        f"goal: at least {GOAL:,} codes/s: {'met' if figures['codes_per_s'] >= GOAL else 'not met'}",
    ]
    return "\n".join(lines)


@contextmanager
def _smsc() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    node = shutil.which("node")
    if node is None or not (_PART / "node_modules").is_dir():
        raise SmscMissingError("node and `npm ci` in tests/parts/smsc are needed")
    with subprocess.Popen([node, "smsc.js"], cwd=_PART, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None or not (line := process.stdout.readline()):
                raise SmscMissingError("the SMSC did not start")
            yield json.loads(line)["port"], process
        finally:
            if process.returncode is None:
                process.kill()


async def _run(port: int, codes: int, rounds: int) -> list[tuple[float, float]]:
    """Return codes a second and our CPU a code of each round."""
    smsc = SmscSettings("bench", "127.0.0.1", port, "numseal", b"secret")
    operator = SmppOperator(Settings((smsc,), window=WINDOW), "bench", ("001-01",), SystemClock())
    try:
        await _round(operator, "warm-up", WARM_UP)
        return [await _round(operator, f"round-{number}", codes) for number in range(rounds)]
    finally:
        await operator.close()


async def _round(operator: SmppOperator, name: str, codes: int) -> tuple[float, float]:
    numbers = iter(range(codes))
    delivered = asyncio.create_task(_delivered(operator, codes))
    # Events before the stream is open would not be counted.
    await asyncio.sleep(0)
    expire_time = SystemClock().now() + 600

    async def call() -> None:
        for number in numbers:
            order = CodeOrder(
                f"{name}-{number}",
                f"+7916{number:07}",
                Method.SMS,
                "Messenger",
                "en",
                expire_time,
                "bench",
                text=_TEXT.format(code=f"{number:06}"),
            )
            sent = await operator.send_code(order)
            if sent.outcome is not SendOutcome.ACCEPTED:
                raise RuntimeError(f"an order was answered {sent.outcome}")

    began, used = time.perf_counter(), _cpu()
    await asyncio.gather(*(call() for _ in range(CALLERS)))
    async with asyncio.timeout(_WAIT):
        await delivered
    return codes / (time.perf_counter() - began), (_cpu() - used) / codes * 1e6


async def _delivered(operator: SmppOperator, codes: int) -> None:
    """Return once so many deliveries were told."""
    async for event in operator.stream_events(""):
        if event.delivery is DeliveryState.DELIVERED:
            codes -= 1
            if not codes:
                return


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.stdout.write(to_text(measure()) + "\n")
