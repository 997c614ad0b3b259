"""The run: servers up, numbers bound, slices alternately, servers down."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmark.figures import Goal, Slice, at_least, at_most, ratio
from benchmark.http2 import call, method
from benchmark.load import LoadError, Script, ask, run
from benchmark.servers import Cores, Server, free_port, pin_client, settle, started
from benchmark.sites import Site, make_site
from benchmark.subjects import Subject, subjects
from benchmark.workloads import (
    SERVING,
    Flows,
    FlowSizes,
    Methods,
    all_genuine,
    anything,
    batches,
    check_request,
    cycling,
    echo_flows,
    echo_methods,
    flows,
    genuine,
    methods,
)

CONNECTIONS = 4
STREAMS = 16
"""Calls in flight on each connection."""
BATCH = 1_000
_BIND_TIMEOUT = 600.0
_LEAD = 0.25
_SYDENT_LOOPS = 88.0
"""Full loops a second of Sydent on the same kind of disk."""
_GOAL_BINDINGS = 10_000_000
_MIB = 1 << 20

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How long to measure, how often, and over how many bindings."""

    seconds: float
    rounds: int
    bindings: int


@dataclass(frozen=True, slots=True)
class Load:
    """One slice: which server gets which scripts."""

    slice: Slice
    server: Server
    scripts: Callable[[], list[Script]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a run found out; memory in bytes by server, sizes in bytes by message, start-up in seconds."""

    options: Options
    cores: Cores | None
    load_average: float
    slices: list[Slice]
    goals: list[Goal]
    memory: dict[str, int]
    sizes: dict[str, int]
    startup: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where servers are started: their logs' directory, what ends them, and their core."""

    directory: Path
    stack: ExitStack
    cores: Cores | None

    def serve(self, name: str, site: Site, environment: dict[str, str] | None = None) -> Server:
        port = free_port()
        return self.stack.enter_context(
            started(
                site.command(port),
                ("127.0.0.1", port),
                call(methods("").health, b""),
                SERVING,
                self.directory / f"{name}.log",
                self.cores,
                environment,
            )
        )


def bench(options: Options, directory: Path, say: Say) -> Outcome:
    """Run it all in an empty directory; raises LoadError, ServerError or OSError where it cannot be done."""
    cores, load_average = pin_client(), os.getloadavg()[0]
    site = make_site(directory / "cached")
    source = enumerate(subjects(site.seed))
    rpcs = methods(site.token)
    say(f"binding {options.bindings} numbers")
    with ExitStack() as stack:
        first = _Place(directory, stack, cores).serve(
            "first", site, {"PYTHONPYCACHEPREFIX": str(directory / "bytecode")}
        )
        seen = _bind(first, rpcs, site, islice(source, options.bindings))
    uncached_site = site.uncached(directory / "uncached")
    with ExitStack() as stack:
        this = _Place(directory, stack, cores)
        cached, uncached = this.serve("cached", site), this.serve("uncached", uncached_site)
        # Until it hears its operators again, a server says in each answer that it does not.
        settle([cached, uncached])
        sizes = _sizes(cached, rpcs, seen)
        echo = _start_echo(this, rpcs, sizes)
        loads = _loads(echo, cached, uncached, site, seen, source)
        _measure(loads, options, say)
        memory = {"cached": cached.memory(), "uncached": uncached.memory(), "echo": echo.memory()}
    slices = {load.slice.name: load.slice for load in loads}
    startup = {"cold": first.startup, "warm": cached.startup}
    goals = _goals(slices, memory, startup, options)
    return Outcome(options, cores, load_average, list(slices.values()), goals, memory, sizes, startup)


def _bind(server: Server, rpcs: Methods, site: Site, source: Iterator[tuple[int, Subject]]) -> Flows:
    seen = Flows([], FlowSizes(0, 0, 0, 0))
    scripts = [flows(rpcs, site.code_key, source, seen) for _ in range(CONNECTIONS * STREAMS)]
    measured = run(server.address, scripts, _BIND_TIMEOUT, connections=CONNECTIONS)
    if measured.failures:
        raise LoadError(f"{measured.failures} numbers were not bound; the first: {measured.first_failure}")
    return seen


def _sizes(server: Server, rpcs: Methods, seen: Flows) -> dict[str, int]:
    request = check_request(seen.bound[0]).SerializeToString()
    answer = ask(server.address, call(rpcs.check, request))
    if not genuine(answer):
        raise LoadError(f"{rpcs.check.path}: a number just bound is not GENUINE")
    return {
        "CheckNumber request": len(request),
        "CheckNumber response": len(answer),
        "StartVerification request": seen.sizes.start_request,
        "StartVerification response": seen.sizes.start_response,
        "CheckCode request": seen.sizes.check_request,
        "CheckCode response": seen.sizes.check_response,
    }


def _start_echo(this: _Place, rpcs: Methods, sizes: dict[str, int]) -> Server:
    port = free_port()
    names = (rpcs.check.name, rpcs.start.name, rpcs.finish.name)
    command = [
        sys.executable,
        "-m",
        "benchmark.echo",
        f"127.0.0.1:{port}",
        *(f"{name}={sizes[f'{name} response']}" for name in names),
    ]
    probe = call(method("probe", f"/bench.Echo/{rpcs.check.name}", {}), b"")
    expected = bytes(sizes[f"{rpcs.check.name} response"])
    server = started(command, ("127.0.0.1", port), probe, expected, this.directory / "echo.log", this.cores)
    return this.stack.enter_context(server)


def _loads(
    echo: Server,
    cached: Server,
    uncached: Server,
    site: Site,
    seen: Flows,
    source: Iterator[tuple[int, Subject]],
) -> list[Load]:
    rpcs, bare = methods(site.token), echo_methods(site.token)
    bound, sizes = tuple(seen.bound), seen.sizes
    everywhere = range(CONNECTIONS * STREAMS)
    size = min(BATCH, len(bound))
    checks = [call(rpcs.check, check_request(subject).SerializeToString()) for subject in bound]
    echoes = [call(bare.check, one.frame[5:]) for one in checks]
    batched = batches(rpcs.batch, bound, size)
    health = [call(rpcs.health, b"")]

    def beside_a_batch() -> list[Script]:
        return [cycling(health, 0, anything), cycling(batched, 1, all_genuine)]

    return [
        Load(Slice("echo, as CheckNumber"), echo, lambda: [cycling(echoes, n, anything) for n in everywhere]),
        Load(Slice("CheckNumber, cached"), cached, lambda: [cycling(checks, n, genuine) for n in everywhere]),
        Load(Slice("CheckNumber, uncached"), uncached, lambda: [cycling(checks, n, genuine) for n in everywhere]),
        Load(Slice("echo, as a flow"), echo, lambda: [echo_flows(bare, sizes) for _ in everywhere]),
        Load(Slice("whole flow"), cached, lambda: [flows(rpcs, site.code_key, source, seen) for _ in everywhere]),
        Load(
            Slice("BatchCheckNumbers", size),
            cached,
            lambda: [cycling(batched, n, all_genuine) for n in range(CONNECTIONS)],
        ),
        Load(Slice("Health beside a batch"), cached, beside_a_batch),
    ]


def _measure(loads: list[Load], options: Options, say: Say) -> None:
    lead = min(_LEAD, options.seconds / 4)
    servers = list({load.server.pid: load.server for load in loads}.values())
    for number in range(options.rounds):
        # Every other round runs backwards, so that what drifts does not favor one side.
        for load in loads if number % 2 == 0 else reversed(loads):
            say(f"round {number + 1} of {options.rounds}: {load.slice.name}")
            settle(servers)
            try:
                measured = run(
                    load.server.address,
                    load.scripts(),
                    options.seconds,
                    connections=CONNECTIONS,
                    lead=lead,
                    meter=load.server.cpu,
                )
            except OSError as error:
                raise LoadError(f"{load.slice.name}: {error}") from error
            if not measured.calls:
                raise LoadError(
                    f"{load.slice.name}: no call succeeded; {measured.first_failure or 'none was answered'}"
                )
            load.slice.rounds.append(measured)


def _goals(slices: dict[str, Slice], memory: dict[str, int], startup: dict[str, float], options: Options) -> list[Goal]:
    echo, flow, batch = slices["echo, as CheckNumber"], slices["whole flow"], slices["BatchCheckNumbers"]
    seconds = sum(measured.seconds for measured in flow.rounds)
    whole = sum(len(measured.latencies.get("CheckCode", ())) for measured in flow.rounds) / seconds
    batched = sum(measured.calls for measured in batch.rounds) / sum(measured.seconds for measured in batch.rounds)
    beside = slices["Health beside a batch"].latency(0.99, "Health")
    return [
        ratio("CheckNumber uncached ÷ echo", slices["CheckNumber, uncached"], echo, 0.75),
        ratio("CheckNumber cached ÷ echo", slices["CheckNumber, cached"], echo, 0.90),
        ratio("RPCs of the whole flow ÷ echo", flow, slices["echo, as a flow"], 0.30),
        Goal("whole flows/s", round(whole, 1), "", None),
        at_least(f"whole flows/s ÷ Sydent's {_SYDENT_LOOPS:.0f}/s", whole / _SYDENT_LOOPS, 15),
        at_least("BatchCheckNumbers numbers/s", batched * batch.items, 50_000),
        at_most("p99 of another call beside a batch", beside * 1e3, 2, "ms"),
        at_most(
            f"memory of the worker with {options.bindings:,} bindings and more",
            max(memory["cached"], memory["uncached"]) / _MIB,
            200,
            "MiB at 10 M bindings",
            judged=options.bindings >= _GOAL_BINDINGS,
        ),
        at_most("start to serving, warm", startup["warm"], 1, "s"),
        Goal("start to serving, cold (no bytecode, no database)", round(startup["cold"], 3), "", None),
    ]
