"""A real OsmoHLR (Debian's `osmo-hlr`) as a process of its own: started, told of subscribers, frozen, killed, ended.

async with running(directory) as hlr:          # its CTRL interface is hlr.host, port 4259
    hlr.create("250010000000001", "79161234567")
    hlr.freeze()

CTRL and GSUP have fixed ports: each instance has a loopback address of its own.
"""

import asyncio
import hashlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

CTRL_PORT = 4_259
_PORTS = (4_222, 4_258, CTRL_PORT)
_START_SECONDS = 20.0
_SOCKET_SECONDS = 10.0
_POLL = 0.005
_CONFIG = """\
log stderr
 logging level set-all error
line vty
 bind {host}
ctrl
 bind {host}
hlr
 gsup
  bind ip {host}
"""

_instances = itertools.count()


class OsmoHlrError(Exception):
    """The HLR did not do what was asked; the message tells what it said."""


def needed() -> str:
    """Return where `osmo-hlr` is; skip the test where it is not, and fail it where `CI` is `true`."""
    found = shutil.which("osmo-hlr")
    if found is not None:
        return found
    reason = "OsmoHLR IS MISSING: nothing was tested against a real HLR; install it with: apt-get install osmo-hlr"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_host() -> str:
    """Return a loopback address on which an HLR's ports are free, of this process alone."""
    for number in _instances:
        drawn = hashlib.sha256(f"{os.getpid()}/{number}".encode()).digest()
        host = f"127.{drawn[0] % 254 + 1}.{drawn[1]}.{drawn[2] % 254 + 1}"
        if all(_is_free(host, port) for port in _PORTS):
            break
    return host


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@dataclass
class OsmoHlr:
    """One HLR; its database outlives its process."""

    binary: str
    directory: Path
    host: str
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, and wait until it can be asked."""
        config = self.directory / "hlr.cfg"
        config.write_text(_CONFIG.format(host=self.host))
        with (self.directory / "hlr.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "-s", "-c", config, "-l", self.directory / "hlr.db"], stdout=log, stderr=log
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._serves():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = (self.directory / "hlr.log").read_text(errors="replace")[-2_000:]
                raise OsmoHlrError(f"no osmo-hlr serves on {self.host}: {said}")
            await asyncio.sleep(_POLL)

    def freeze(self) -> None:
        """Stop it where it stands: its sockets stay open, and it does nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a power cut would end the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def create(self, imsi: str, msisdn: str) -> None:
        """Add a subscriber with a number."""
        self._ctrl(f"SET 1 subscriber.create {imsi}", f"SET 2 subscriber.by-imsi-{imsi}.msisdn {msisdn}")

    def provision(self, imsi: str, *, cs: bool, ps: bool) -> None:
        """Set which networks a subscriber has access to."""
        name = f"subscriber.by-imsi-{imsi}"
        self._ctrl(f"SET 1 {name}.cs-enabled {cs:d}", f"SET 2 {name}.ps-enabled {ps:d}")

    def give_keys(self, imsi: str, ki: str) -> None:
        """Give a subscriber a secret key, 32 hex digits."""
        self._ctrl(f"SET 1 subscriber.by-imsi-{imsi}.aud2g comp128v1,{ki}")

    def move_number(self, msisdn: str, imsi: str) -> None:
        """Give a number to another subscriber, as after a change of SIM."""
        self._ctrl(
            f"SET 1 subscriber.by-msisdn-{msisdn}.msisdn none", f"SET 2 subscriber.by-imsi-{imsi}.msisdn {msisdn}"
        )

    def delete(self, imsi: str) -> None:
        """Remove a subscriber."""
        self._ctrl(f"SET 1 subscriber.delete {imsi}")

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def _serves(self) -> bool:
        try:
            with socket.create_connection((self.host, CTRL_PORT), timeout=_SOCKET_SECONDS):
                return True
        except OSError:
            return False

    def _ctrl(self, *commands: str) -> None:
        """Say these to the HLR; raise `OsmoHlrError` unless it does as told."""
        with socket.create_connection((self.host, CTRL_PORT), timeout=_SOCKET_SECONDS) as connection:
            stream = connection.makefile("rwb")
            for command in commands:
                stream.write((len(command) + 1).to_bytes(2) + b"\xee\x00" + command.encode())
                stream.flush()
                answer = stream.read(int.from_bytes(stream.read(2)) + 1)[2:].decode()
                if not answer.startswith("SET_REPLY "):
                    raise OsmoHlrError(f"the HLR answered {answer!r}")
            stream.close()


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[OsmoHlr]:
    """Give an HLR with an empty database; it is killed at the end of the block. Skips or fails as `needed` does."""
    hlr = OsmoHlr(needed(), directory, free_host())
    try:
        await hlr.start()
        yield hlr
    finally:
        hlr.kill()
