"""The command: options, the run in a temporary directory or of verdicts alone, and the report as a table or JSON."""

import argparse
import json
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark import operators, verdicts
from benchmark.load import LoadError
from benchmark.report import to_object, to_text
from benchmark.run import Options, bench
from benchmark.servers import ServerError

_QUICK = Options(seconds=0.5, rounds=1, bindings=200)
_MOST = 100_000


def main() -> int:
    """Run the bench; return 0 whether or not goals are met, 1 where it could not be run."""
    given = _read_options()
    if given.verdicts:
        costs = verdicts.measure()
        print(json.dumps({"verdict_us": costs}, indent=2) if given.json else verdicts.to_text(costs))
        return 0
    if given.operators:
        figures = operators.measure(quick=given.quick, say=_say)
        print(json.dumps(figures, indent=2) if given.json else operators.to_text(figures))
        return 0
    options = _QUICK if given.quick else Options(given.seconds, given.rounds, given.bindings)
    # A terminated bench ends its servers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with TemporaryDirectory(prefix="numseal-bench-") as directory:
            outcome = bench(options, Path(directory), _say)
    except (LoadError, ServerError, OSError) as error:
        print(f"scripts/bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    document = to_object(outcome)
    print(json.dumps(document, indent=2, ensure_ascii=False) if given.json else to_text(document))
    return 0


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Load a bare gRPC echo server and Numseal alternately, and print what each can do, with ratios.",
    )
    parser.add_argument("--seconds", type=_number, default=4.0, help="length of each slice (4)")
    parser.add_argument("--rounds", type=_count, default=3, help="how often every slice is run (3)")
    parser.add_argument("--bindings", type=_count, default=5_000, help="numbers bound before (5000)")
    parser.add_argument("--quick", action="store_true", help="one round of half a second over 200 bindings")
    parser.add_argument("--verdicts", action="store_true", help="measure the cost of one verdict, and nothing else")
    parser.add_argument("--operators", action="store_true", help="measure what reaching operators costs, and no more")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _MOST:
        raise argparse.ArgumentTypeError(f"found {text}, expected a number above 0 and at most {_MOST:,}")
    return value


def _count(text: str) -> int:
    value = _number(text)
    if not value.is_integer():
        raise argparse.ArgumentTypeError(f"found {text}, expected a whole number")
    return int(value)


def _say(text: str) -> None:
    print(f"scripts/bench: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
