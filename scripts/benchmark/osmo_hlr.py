"""Lookups a second of the OsmoHLR adapter against a real `osmo-hlr`: one after another, and many under way at once.

Every lookup goes through `look_up` of the adapter, on uvloop, in this process; the HLR is a process of its own on the
other core. Half of the numbers are registered at home, a quarter abroad, a quarter nowhere.
"""

import asyncio
import itertools
import os
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import uvloop

from benchmark.figures import Slice, at_least
from benchmark.load import LoadError, Measured
from benchmark.servers import Cores, Server, ServerError, pin_client
from numseal.adapters.clock import SystemClock
from numseal.adapters.operators.osmo_hlr.backend import OsmoHlrOperator
from numseal.adapters.operators.osmo_hlr.settings import CTRL_PORT, Settings
from numseal.domain.evidence import LookupOutcome
from numseal.domain.operator import LookupRequest, Phase

GOAL = 10_000
SUBSCRIBERS = 1_000
UNDER_WAY = 64
ONE_BY_ONE, PIPELINED = "one at a time", "pipelined"

_START_TIMEOUT = 30.0
_RETRY = 0.002
_CONFIG = "line vty\n bind {0}\nctrl\n bind {0}\nhlr\n gsup\n  bind ip {0}\n"
_SCHEMA = ("osmo-hlr-db-tool", "-l")
_NODES = ("79168960001", "79168960002", "4915110000001", None)
_NETWORKS = {"7916896": "250-01", "491511": "262-01"}


def missing() -> str:
    """Return why nothing can be measured here, empty where it can."""
    absent = [name for name in ("osmo-hlr", "osmo-hlr-db-tool") if shutil.which(name) is None]
    return f"{' and '.join(absent)} not found: install it with apt-get install osmo-hlr" if absent else ""


def measure(seconds: float, rounds: int, directory: Path) -> list[Slice]:
    """Return the slices of lookups, measured alternately, in an empty directory.

    Raises LoadError where lookups fail, ServerError where no HLR comes up (as where it is `missing`).
    """
    if missing():
        raise ServerError(missing())
    slices = [Slice(ONE_BY_ONE), Slice(PIPELINED)]
    with _hlr(directory, pin_client()) as (host, server):
        for number in range(rounds):
            for item in slices if number % 2 == 0 else reversed(slices):
                under_way = UNDER_WAY if item.name == PIPELINED else 1
                item.rounds.append(uvloop.run(_load(host, server, under_way, seconds)))
    return slices


def to_object(slices: list[Slice]) -> dict[str, Any]:
    """Return the figures as JSON values, with the goal."""
    (pipelined,) = (item for item in slices if item.name == PIPELINED)
    calls = sum(measured.calls for measured in pipelined.rounds)
    seconds = sum(measured.seconds for measured in pipelined.rounds)
    goal = at_least("OsmoHLR adapter lookups/s, pipelined", calls / seconds, GOAL)
    return {"slices": {item.name: item.to_object() for item in slices}, "goals": [goal.to_object()]}


def to_text(document: dict[str, Any]) -> str:
    """Return the object of `to_object` as a table."""
    lines = [f"{'OsmoHLR adapter':<24}{'lookups/s':>11}{'p50 ms':>9}{'p99 ms':>9}{'HLR µs':>9}{'adapter µs':>12}"]
    lines += [
        f"{name:<24}{item['calls_per_s']:>11,.0f}{item['p50_ms']:>9.2f}{item['p99_ms']:>9.2f}"
        f"{item['server_cpu_us_per_call']:>9.1f}{item['client_cpu_us_per_call']:>12.1f}"
        for name, item in document["slices"].items()
    ]
    (goal,) = document["goals"]
    return "\n".join([*lines, f"goal: {goal['goal']} lookups/s pipelined: {'met' if goal['met'] else 'not met'}"])


async def _load(host: str, server: Server, under_way: int, seconds: float) -> Measured:
    """Keep so many lookups under way for a time; every answer has to be a subscriber."""
    operator = OsmoHlrOperator(
        Settings(host, node_networks=_NETWORKS), "bench", ("250-01",), SystemClock(), os.urandom(32)
    )
    latencies: list[float] = []
    numbers = itertools.cycle(_numbers())
    ids = itertools.count()

    async def ask() -> None:
        request = LookupRequest(str(next(ids)), f"+{next(numbers)}", Phase.BEFORE, "agreement", "SIGN_UP")
        answer = await operator.look_up(request)
        if answer.outcome is not LookupOutcome.SUBSCRIBER:
            raise LoadError(f"{answer.outcome} of a number that is in the HLR")

    async def keep_asking(end: float) -> None:
        begin = time.perf_counter()
        while begin < end:
            await ask()
            now = time.perf_counter()
            latencies.append(now - begin)
            begin = now

    try:
        await asyncio.gather(*(ask() for _ in range(under_way)))
        begin, client, hlr = time.perf_counter(), time.process_time(), server.cpu()
        await asyncio.gather(*(keep_asking(begin + seconds) for _ in range(under_way)))
        return Measured(
            seconds=time.perf_counter() - begin,
            client_cpu=time.process_time() - client,
            server_cpu=server.cpu() - hlr,
            latencies={"LookUpSubscriber": latencies},
        )
    finally:
        await operator.close()


def _numbers() -> Iterator[str]:
    return (f"7916{number:07d}" for number in range(SUBSCRIBERS))


@contextmanager
def _hlr(directory: Path, cores: Cores | None) -> Iterator[tuple[str, Server]]:
    """Run an HLR with its subscribers until the block ends; its ports are fixed, so it has an address of its own."""
    process_id = os.getpid()
    host = f"127.{process_id >> 16 & 0x7F | 0x80}.{process_id >> 8 & 0xFF}.{process_id & 0xFF}"
    database, config, log = directory / "hlr.db", directory / "hlr.cfg", directory / "hlr.log"
    config.write_text(_CONFIG.format(host))
    subprocess.run([*_SCHEMA, database, "create"], check=True, capture_output=True)
    _provision(database)
    with log.open("wb") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(["osmo-hlr", "-s", "-c", config, "-l", database], stdout=output, stderr=output)
        try:
            if cores is not None:
                os.sched_setaffinity(process.pid, {cores.server})
            while not _serves(host):
                if process.poll() is not None or time.perf_counter() - begin > _START_TIMEOUT:
                    raise ServerError(f"osmo-hlr does not serve on {host}:\n{log.read_text(errors='replace')[-2_000:]}")
                time.sleep(_RETRY)
            yield host, Server(process.pid, (host, CTRL_PORT), time.perf_counter() - begin)
        finally:
            process.kill()
            process.wait()


def _provision(database: Path) -> None:
    rows = [(f"25001{number:010d}", msisdn, _NODES[number % len(_NODES)]) for number, msisdn in enumerate(_numbers())]
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany("INSERT INTO subscriber (imsi, msisdn, vlr_number) VALUES (?, ?, ?)", rows)


def _serves(host: str) -> bool:
    try:
        socket.create_connection((host, CTRL_PORT), timeout=1).close()
    except OSError:
        return False
    return True
