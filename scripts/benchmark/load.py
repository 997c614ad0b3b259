"""Keep calls in flight for a while, and measure: how many came back, how long each took, what the client cost.

A load is a set of scripts, generators that yield calls and are sent the answers; each has one call in flight at a time
and begins the next when the answer is there (closed loop). Owner of mutable state: `run` owns all of it.
"""

import select
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmark.http2 import Address, Answer, Call, Connection

Script = Generator[Call, bytes, None]
"""Yields a call, is sent the message that came back; ends where it has nothing more to ask."""

_DRAIN = 15.0
"""Seconds that calls in flight at the end are given."""


class LoadError(Exception):
    """The load could not be kept up; the message says which call failed and how."""


class WrongAnswerError(Exception):
    """A script got an answer that is not the right one."""


@dataclass(slots=True)
class Measured:
    """What a slice gave: calls by method with their latencies in seconds, its length, and CPU seconds."""

    seconds: float = 0.0
    client_cpu: float = 0.0
    server_cpu: float = 0.0
    latencies: dict[str, list[float]] = field(default_factory=dict)
    failures: int = 0
    first_failure: str = ""

    @property
    def calls(self) -> int:
        """How many calls succeeded."""
        return sum(len(values) for values in self.latencies.values())


@dataclass(slots=True)
class _Slot:
    script: Script
    connection: Connection
    call: Call
    begin: float


@contextmanager
def connected(address: Address, count: int) -> Iterator[list[Connection]]:
    """Open connections and close them at the end."""
    connections: list[Connection] = []
    try:
        connections.extend(Connection(address) for _ in range(count))
        yield connections
    finally:
        for connection in connections:
            connection.close()


def ask(address: Address, what: Call, timeout: float = 5.0) -> bytes:
    """Make one call and return the message that came back; raises LoadError or OSError."""
    got: list[bytes] = []

    def script() -> Script:
        got.append((yield what))

    with connected(address, 1) as connections:
        measured = _Load(connections, [script()]).run(0.0, timeout, drain=0.0)
    if not got:
        raise LoadError(measured.first_failure)
    return got[0]


def run(
    address: Address,
    scripts: list[Script],
    seconds: float,
    *,
    connections: int,
    lead: float = 0.0,
    meter: Callable[[], float] = lambda: 0.0,
) -> Measured:
    """Run the scripts side by side, and measure for `seconds` after `lead`; `meter` reads the server's CPU seconds.

    The slice ends early when all scripts have. A script whose call fails ends there; failures are counted. Raises
    LoadError where an answer stays away, OSError where the server is gone.
    """
    with connected(address, connections) as opened:
        return _Load(opened, scripts).run(lead, seconds, drain=_DRAIN, meter=meter)


class _Load:
    """One slice's state: the scripts' places, and what was measured so far."""

    def __init__(self, connections: list[Connection], scripts: list[Script]) -> None:
        self._connections = {connection.socket.fileno(): connection for connection in connections}
        self._poll = select.poll()
        self._slots: dict[int, _Slot] = {}
        self._measured = Measured()
        self._measuring = False
        self._draining = False
        for number, script in enumerate(scripts):
            self._enter(number, script, connections[number % len(connections)])
        for descriptor, connection in self._connections.items():
            self._poll.register(descriptor, select.POLLIN)
            self._flush(descriptor, connection)

    def run(self, lead: float, seconds: float, *, drain: float, meter: Callable[[], float] = lambda: 0.0) -> Measured:
        measured = self._measured
        self._until(time.perf_counter() + lead)
        self._measuring = True
        start, client, server = time.perf_counter(), time.process_time(), meter()
        self._until(start + seconds)
        measured.seconds = time.perf_counter() - start
        measured.client_cpu = time.process_time() - client
        measured.server_cpu = meter() - server
        self._measuring, self._draining = False, True
        self._until(time.perf_counter() + drain)
        if self._slots:
            path = next(iter(self._slots.values())).call.method.path
            raise LoadError(f"{path}: {len(self._slots)} calls in flight had no answer within {seconds + drain:.0f} s")
        return measured

    def _enter(self, number: int, script: Script, connection: Connection) -> None:
        what = next(script, None)
        if what is not None:
            self._slots[number] = _Slot(script, connection, what, time.perf_counter())
            connection.start(what, number)

    def _until(self, end: float) -> None:
        while self._slots and (left := end - time.perf_counter()) > 0:
            for descriptor, _ in self._poll.poll(left * 1_000):
                connection = self._connections[descriptor]
                for answer in connection.receive():
                    self._take(answer)
                self._flush(descriptor, connection)

    def _flush(self, descriptor: int, connection: Connection) -> None:
        self._poll.modify(descriptor, select.POLLIN if connection.flush() else select.POLLIN | select.POLLOUT)

    def _take(self, answer: Answer) -> None:
        slot = self._slots[answer.token]
        rpc = slot.call.method
        if answer.message is None:
            self._fail(answer.token, f"{rpc.path}: {answer.problem}")
            return
        now = time.perf_counter()
        if self._measuring:
            self._measured.latencies.setdefault(rpc.name, []).append(now - slot.begin)
        try:
            slot.call = slot.script.send(answer.message)
        except StopIteration:
            del self._slots[answer.token]
        except WrongAnswerError as error:
            self._fail(answer.token, f"{rpc.path}: {error}")
        else:
            if self._draining:
                del self._slots[answer.token]
            else:
                slot.begin = now
                slot.connection.start(slot.call, answer.token)

    def _fail(self, token: int, problem: str) -> None:
        del self._slots[token]
        self._measured.failures += 1
        self._measured.first_failure = self._measured.first_failure or problem
