"""A server that is a process of its own, and `numseal admin` run against it.

site = Site(server, directory)
site.run("agreements", "end", "demo-mts", ..., code=1).stderr     # the exit code is asserted
site.json("operators")                                            # what --json prints
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from fakes.server_process import ServerProcess
from numseal.apps.cli.main import main

WHY = ("--reason", "codes were sold on", "--reference", "order 7")


@dataclass(frozen=True, slots=True)
class Site:
    """A running server and its directory."""

    server: ServerProcess
    directory: Path

    def run(self, *arguments: str, code: int = 0) -> Result:
        """Run a command of administrators."""
        where = ("--address", self.server.grpc, "--directory", str(self.directory))
        done = CliRunner().invoke(main, ["admin", *arguments, *where])
        assert done.exit_code == code, done.output
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code).stdout)
