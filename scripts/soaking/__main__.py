"""The command: options, progress while it runs, and what came of it in words or as JSON."""

import argparse
import asyncio
import json
import shutil
import signal
import sys
from pathlib import Path
from tempfile import mkdtemp

import grpc

from fakes.killing import Killing, Report
from fakes.promises import PromiseBrokenError
from fakes.server_process import ServerProcessError
from numseal.tlog.errors import TlogError

_BROKEN = (PromiseBrokenError, TlogError, ServerProcessError, grpc.aio.AioRpcError)
"""A server that does not come up again, or refuses what it should answer, has not kept its promises either."""


def main() -> int:
    """Return 0 where every promise was kept, 1 where one was broken, 2 where the soak could not be run."""
    options = _read_options()
    directory = Path(mkdtemp(prefix="numseal-soak-")) / "data" if options.directory is None else options.directory
    if directory.exists():
        print(f"scripts/soak: {directory}: is there already; expected a name that is free", file=sys.stderr)
        return 2
    # A terminated soak ends its server, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    killing = Killing(directory, options.seed)
    failure, code = "", 0
    try:
        asyncio.run(killing.run(options.kills, lambda report: _show(report, options.kills)))
    except _BROKEN as error:
        failure, code = f"broken: {error}", 1
    except OSError as error:
        failure, code = f"could not go on: {error}", 2
    except KeyboardInterrupt:
        failure, code = "interrupted", 130
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if options.directory is None and not failure:
        shutil.rmtree(directory.parent)
    _tell(killing.report, options, failure, directory)
    return code


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        description="Kill a loaded server again and again, and audit after each restart that it lost nothing.",
    )
    parser.add_argument("--kills", type=_count, default=200, help="how often the server is killed (200)")
    parser.add_argument("--seed", type=_count, default=1, help="what the moments of the kills come from (1)")
    parser.add_argument("--directory", type=Path, help="where to keep the server's files (a temporary directory)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def _show(report: Report, kills: int) -> None:
    line = f"{report.kills}/{kills} kills, {report.verified} bindings acknowledged, {report.seconds:.0f} s"
    if sys.stderr.isatty():
        print(f"\r{line} ", end="", file=sys.stderr, flush=True)
    elif report.kills % 20 == 0:
        print(line, file=sys.stderr, flush=True)


def _tell(report: Report, options: argparse.Namespace, failure: str, directory: Path) -> None:
    if options.json:
        print(json.dumps({"seed": options.seed, "failure": failure or None, **report.to_dict()}, indent=2))
    else:
        for name, value in report.to_dict().items():
            print(f"{name.replace('_', ' '):<22}{value:>10}")
        print(failure or "every promise was kept")
    if failure:
        print(f"scripts/soak: {failure}; the server's files are kept in {directory.parent}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
