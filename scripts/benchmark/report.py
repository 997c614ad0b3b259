"""The report: one object of all figures, and the table that people read. Nothing is judged here."""

import platform
from typing import Any

from benchmark.run import CONNECTIONS, STREAMS, Outcome

_VERDICTS = {True: "met", False: "not met", None: ""}


def to_object(outcome: Outcome) -> dict[str, Any]:
    """Return all figures as JSON values."""
    cores = outcome.cores
    return {
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "python": platform.python_version(),
            "server_core": cores.server if cores else None,
            "client_core": cores.client if cores else None,
            "load_average_before": round(outcome.load_average, 2),
        },
        "options": {
            "seconds": outcome.options.seconds,
            "rounds": outcome.options.rounds,
            "bindings": outcome.options.bindings,
            "connections": CONNECTIONS,
            "streams_per_connection": STREAMS,
        },
        "message_bytes": outcome.sizes,
        "slices": {item.name: item.to_object() for item in outcome.slices},
        "memory_mib": {name: round(size / (1 << 20), 1) for name, size in outcome.memory.items()},
        "startup_s": {name: round(seconds, 3) for name, seconds in outcome.startup.items()},
        "goals": [goal.to_object() for goal in outcome.goals],
    }


def to_text(document: dict[str, Any]) -> str:
    """Return the object of `to_object` as tables."""
    parts = (_slices(document), _goals(document), _sizes(document), _setting(document))
    return "\n\n".join("\n".join(part) for part in parts)


def _slices(document: dict[str, Any]) -> list[str]:
    lines = [
        f"{'':<24}{'calls/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'server µs':>11}{'client µs':>11}{'client/server':>15}"
        f"{'failed':>8}"
    ]
    for name, item in document["slices"].items():
        lines.append(
            f"{name:<24}{item['calls_per_s']:>10,.0f}{item['p50_ms']:>9.2f}{item['p99_ms']:>9.2f}"
            f"{item['server_cpu_us_per_call']:>11.1f}{item['client_cpu_us_per_call']:>11.1f}"
            f"{item['client_cpu_share']:>15.0%}{item['failures']:>8}"
        )
        if item["failures"]:
            lines.append(f"  first failure: {item['first_failure']}")
    return [*lines, "server µs, client µs: CPU time a call"]


def _goals(document: dict[str, Any]) -> list[str]:
    width = max(len(goal["name"]) for goal in document["goals"]) + 2
    lines = [f"{'':<{width}}{'measured':>12}  {'goal':<26}{'':<9}{'by CPU':>6}  rounds"]
    for goal in document["goals"]:
        value, by_cpu = f"{goal['value']:,}", "" if goal["by_cpu"] is None else goal["by_cpu"]
        line = f"{goal['name']:<{width}}{value:>12}  {goal['goal']:<26}{_VERDICTS[goal['met']]:<9}{by_cpu:>6}  "
        lines.append((line + " ".join(str(rate) for rate in goal["rounds"])).rstrip())
    return lines


def _sizes(document: dict[str, Any]) -> list[str]:
    sizes = ", ".join(f"{name} {size}" for name, size in document["message_bytes"].items())
    memory = ", ".join(f"{name} {size}" for name, size in document["memory_mib"].items())
    return [f"message bytes: {sizes}", f"memory MiB after the load: {memory}"]


def _setting(document: dict[str, Any]) -> list[str]:
    machine, options = document["machine"], document["options"]
    pinned = "neither side pinned to a core"
    if machine["server_core"] is not None:
        pinned = f"servers pinned to core {machine['server_core']}, client to core {machine['client_core']}"
    return [
        f"{machine['system']} {machine['processor']}, Python {machine['python']}, {pinned}, "
        f"load average {machine['load_average_before']} before the run; "
        f"{options['connections']} connections x {options['streams_per_connection']} calls in flight; "
        f"{options['rounds']} x {options['seconds']} s a slice; {options['bindings']:,} bindings at the start"
    ]
