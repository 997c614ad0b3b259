"""Child processes that serve: started, pinned, watched until they answer, read for CPU and memory, and always ended."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmark.http2 import Address, Call
from benchmark.load import LoadError, ask

_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 20.0
_RETRY = 0.002
_SETTLE_TIMEOUT = 300.0
_SETTLE_WINDOW = 0.25
_SETTLED_CPU = 0.02
"""CPU seconds in the window that a server uses at most while nobody asks it anything."""
_LOG_TAIL = 2_000
_HAS_PROC = sys.platform == "linux"


class ServerError(Exception):
    """A server did not come up, and the message ends with what it wrote; or it did not come to rest."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers; `startup` is seconds from its spawning to its first right answer."""

    pid: int
    address: Address
    startup: float

    def cpu(self) -> float:
        """Return the CPU seconds of all its threads; they are counted in ticks of 10 ms."""
        if _HAS_PROC:
            # The command's name may hold spaces; user and system time are the 12th and 13th field behind it (proc(5)).
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        *hours, minutes, seconds = self._ps("time").split(":")
        return int(hours[0] if hours else 0) * 3_600 + int(minutes) * 60 + float(seconds)

    def memory(self) -> int:
        """Return the bytes of memory it occupies."""
        if _HAS_PROC:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return int(self._ps("rss")) * 1024

    def _ps(self, field: str) -> str:
        command = ["ps", "-o", f"{field}=", "-p", str(self.pid)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core servers run on and which one the client; None where the system does not let us choose."""

    server: int
    client: int


def settle(servers: Sequence[Server]) -> None:
    """Wait until no server works by itself: it may still follow what was bound, or look again after a restart."""
    end = time.perf_counter() + _SETTLE_TIMEOUT
    before = [server.cpu() for server in servers]
    while time.perf_counter() < end:
        time.sleep(_SETTLE_WINDOW)
        after = [server.cpu() for server in servers]
        if all(new - old <= _SETTLED_CPU for old, new in zip(before, after, strict=True)):
            return
        before = after
    raise ServerError(f"a server still works {_SETTLE_TIMEOUT:.0f} s after it was asked last")


def pin_client() -> Cores | None:
    """Keep this process on a core of its own, where the system has two and lets us choose."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:  # noqa: PLR2004 - one for each side
        return None
    cores = Cores(allowed[0], allowed[1])
    os.sched_setaffinity(0, {cores.client})
    return cores


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def started(
    command: Sequence[str],
    address: Address,
    probe: Call,
    expected: bytes,
    log: Path,
    cores: Cores | None,
    environment: dict[str, str] | None = None,
) -> Iterator[Server]:
    """Run a server until the block ends; it is there once the probe's answer is the expected one."""
    with log.open("wb") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **(environment or {})}
        )
        try:
            if cores is not None:
                os.sched_setaffinity(process.pid, {cores.server})
            _await_answer(process, address, probe, expected, begin + _START_TIMEOUT, log)
            yield Server(process.pid, address, time.perf_counter() - begin)
        finally:
            _end(process)


def _await_answer(
    process: subprocess.Popen[bytes], address: Address, probe: Call, expected: bytes, end: float, log: Path
) -> None:
    problem = ""
    while time.perf_counter() < end:
        if process.poll() is not None:
            raise ServerError(f"{process.args!r} ended with code {process.returncode}:\n{_tail(log)}")
        try:
            if ask(address, probe) == expected:
                return
        except (OSError, LoadError) as error:
            problem = str(error)
        time.sleep(_RETRY)
    raise ServerError(f"{process.args!r} did not answer within {_START_TIMEOUT:.0f} s ({problem}):\n{_tail(log)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_TIMEOUT)
    finally:
        # Also where the wait was interrupted.
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    return log.read_bytes()[-_LOG_TAIL:].decode(errors="replace")
