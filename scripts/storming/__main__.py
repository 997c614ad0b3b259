"""The command: options, the storm in a temporary directory, and what came of it as a table or JSON."""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from storming.ground import StormError
from storming.storm import GOAL_ANSWER_MS, GOAL_SECONDS, STEADY_SECONDS, Outcome, storm

_MOST = 500_000


def main() -> int:
    """Return 0 whether or not goals are met, 1 where the storm could not be measured."""
    given = _read_options()
    # A terminated storm takes its directory along, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with TemporaryDirectory(prefix="numseal-storm-") as directory:
            outcome = asyncio.run(storm(Path(directory) / "data", given.events, given.bindings, given.seconds))
    except (StormError, OSError) as error:
        print(f"scripts/storm: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(json.dumps(outcome.to_dict(), indent=2) if given.json else _to_text(outcome))
    return 0


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/storm",
        description="Let operators send a storm of events, and print how fast bindings' status and answers follow.",
    )
    parser.add_argument("--events", type=_count, default=100_000, help="events sent all at once (100000)")
    parser.add_argument(
        "--bindings", type=_count, default=10_000, help="numbers they are about, at most events (10000)"
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=STEADY_SECONDS, help="how long events then come at a steady rate (10)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    if given.bindings > given.events:
        parser.error(f"--bindings {given.bindings}: expected at most --events {given.events}, one event for each")
    return given


def _count(text: str) -> int:
    return int(_number(text, whole=True))


def _seconds(text: str) -> float:
    return _number(text, whole=False)


def _number(text: str, *, whole: bool) -> float:
    kind = "a whole number from 1" if whole else "a number above 0"
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _MOST or (whole and not value.is_integer()):
        raise argparse.ArgumentTypeError(f"found {text}, expected {kind} to {_MOST:,}")
    return value


def _to_text(outcome: Outcome) -> str:
    burst, steady = outcome.burst, outcome.steady
    rows = (
        ("events", f"{outcome.events:,}"),
        ("bindings that they changed", f"{outcome.bindings:,}"),
        ("changes told to the messenger", f"{outcome.changes:,}"),
        ("from the first event to the last status, s", f"{outcome.wall_seconds:,}"),
        ("CPU, s", f"{outcome.cpu_seconds:,}"),
        ("events/s", f"{outcome.events_per_second:,}"),
        ("another operator's event to CheckNumber, p50/p99 ms", f"{burst.p50_ms:,} / {burst.p99_ms:,}"),
        ("at a steady rate of events/s", f"{outcome.steady_per_second:,}"),
        ("the same operators' event to CheckNumber, p50/p99 ms", f"{steady.p50_ms:,} / {steady.p99_ms:,}"),
    )
    met = "met" if outcome.met else "not met"
    goal = f"goal: 100,000 events under {GOAL_SECONDS:.0f} s, p99 under {GOAL_ANSWER_MS / 1_000:.0f} s: {met}"
    return "\n".join([*(f"{name:<54}{value:>20}" for name, value in rows), goal])


if __name__ == "__main__":
    sys.exit(main())
