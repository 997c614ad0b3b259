"""`numseal serve` as a process of its own: started, waited for, told to stop or killed, and always ended.

async with running(directory) as server:        # its addresses are server.grpc and server.http
    server.kill()
    assert await server.ended() == -signal.SIGKILL
done = refused("--config", "no.toml")             # a server that does not come up; done.returncode, done.stderr
"""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from fakes import channels
from fakes.messenger import Messenger

NUMSEAL = Path(sys.executable).with_name("numseal")
ANYWHERE = ("--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
START_SECONDS = 30.0
STOP_SECONDS = 20.0

_POLL = 0.005
_LINE = re.compile(r"serving gRPC on (\S+) and HTTP on (\S+)\n")

T = TypeVar("T")


class ServerProcessError(Exception):
    """The process did not do what was waited for; the message ends with what it wrote."""


async def until(what: str, look: Callable[[], T | None], seconds: float = STOP_SECONDS) -> T:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + seconds
    while (seen := look()) is None:
        if time.monotonic() > deadline:
            raise ServerProcessError(f"waited {seconds} s in vain for {what}")
        await asyncio.sleep(_POLL)
    return seen


@dataclass
class ServerProcess:
    """One process; `grpc` and `http` are host:port once it serves."""

    process: subprocess.Popen[bytes]
    output: Path
    errors: Path
    grpc: str = ""
    http: str = ""

    async def serving(self, seconds: float = START_SECONDS) -> None:
        """Wait for the line that says that it serves."""

        def look() -> re.Match[str] | None:
            if self.process.poll() is not None:
                code = self.process.returncode
                raise ServerProcessError(f"the server ended with {code}: {self.errors.read_text()[-2_000:]}")
            return _LINE.search(self.output.read_text())

        seen = await until("a server that serves", look, seconds)
        self.grpc, self.http = seen.groups()

    def kill(self) -> None:
        """End it at once, as a power cut would end the process."""
        self.process.kill()

    def terminate(self) -> None:
        """Tell it to stop."""
        self.process.send_signal(signal.SIGTERM)

    async def ended(self, seconds: float = STOP_SECONDS) -> int:
        """Wait for its end and return the exit code, negative for a signal."""
        return await until("a server's end", self.process.poll, seconds)


def spawn(directory: Path, *options: str) -> ServerProcess:
    """Start a process on a development directory, or with `--config`; what it writes stands beside the directory."""
    output, errors = directory.with_name(directory.name + ".out"), directory.with_name(directory.name + ".err")
    where = options if "--config" in options else ("--directory", str(directory), *options)
    addresses = () if "--grpc" in options else ANYWHERE
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen([NUMSEAL, "serve", *where, *addresses], stdout=out, stderr=err)
    return ServerProcess(process, output, errors)


@asynccontextmanager
async def running(directory: Path, *options: str) -> AsyncIterator[ServerProcess]:
    """Give a server that serves; it is killed at the end of the block where it still runs."""
    server = spawn(directory, *options)
    try:
        await server.serving()
        yield server
    finally:
        server.kill()
        server.process.wait()


def refused(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a server that is expected not to come up."""
    return subprocess.run(
        [NUMSEAL, "serve", *arguments], capture_output=True, text=True, timeout=START_SECONDS, check=False
    )


@asynccontextmanager
async def door(server: ServerProcess, directory: Path) -> AsyncIterator[Messenger]:
    """Give the development directory's relying party at a server in clear."""
    token = (directory / "token").read_text().strip()
    async with channels.plain(server.grpc) as channel:
        yield Messenger(channel, (("authorization", f"Bearer {token}"),))


def quiet_ports(count: int) -> list[int]:
    """Return free ports below those that systems hand out by themselves, so that nobody takes one by chance."""
    ports: list[int] = []
    for port in range(20_000 + os.getpid() * 7 % 8_000, 30_000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise ServerProcessError("there is no free port from 20000 to 29999")
