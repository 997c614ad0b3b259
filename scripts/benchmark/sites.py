"""The directories that Numseal is measured on: development directories whose budgets refuse nothing."""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmark.servers import free_port
from benchmark.subjects import code_key
from numseal.apps.development import CONFIG_NAME, prepare_development

_NO_LIMIT = 2**31 - 1
_MOST_RECHECKS = 100_000


@dataclass(frozen=True, slots=True)
class Site:
    """A directory to serve from, its relying party's token, the key of its one-time codes, its simulator's seed."""

    directory: Path
    token: str
    code_key: bytes
    seed: int

    def command(self, port: int) -> list[str]:
        """Return the command that serves gRPC on a port of 127.0.0.1."""
        return [
            str(Path(sys.executable).with_name("numseal")),
            "serve",
            "--config",
            str(self.directory / CONFIG_NAME),
            "--grpc",
            f"127.0.0.1:{port}",
            "--http",
            f"127.0.0.1:{free_port()}",
        ]

    def uncached(self, directory: Path) -> "Site":
        """Copy the site, database included, to one that keeps no rows in memory; no server may be running on it."""
        shutil.copytree(self.directory, directory)
        _set(directory / CONFIG_NAME, r"cache_rows = \d+", "cache_rows = 0")
        return Site(directory, self.token, self.code_key, self.seed)


def make_site(directory: Path) -> Site:
    """Make a development directory whose budgets refuse nothing."""
    development = prepare_development(directory)
    config = development.config
    for name in config.limits.__slots__:
        limit = 0 if name == "conversion_min_percent" else _NO_LIMIT
        _set(directory / CONFIG_NAME, rf"{name} = \d+", f"{name} = {limit}")
    # After a restart, which its operators' events do not outlive, a server looks every number up again: soon done.
    _set(
        directory / CONFIG_NAME,
        r"rechecks_per_operator_second = \d+",
        f"rechecks_per_operator_second = {_MOST_RECHECKS}",
    )
    return Site(directory, development.token, code_key(config.keys.master), config.simulator.seed)


def _set(file: Path, pattern: str, line: str) -> None:
    """Put a line in the place of the one that sets the key, commented out or not."""
    text, count = re.subn(rf"(?m)^(# )?{pattern}$", line, file.read_text())
    if count != 1:
        raise ValueError(f"{file}: {count} lines match {pattern!r}, expected one")
    file.write_text(text)
