"""A server of a messenger's with operators as its configuration names them, none simulated.

site = Site.make(directory, OPERATORS, ranges={"+7916": "example"})
async with site.serving() as messenger:
    opened = await messenger.start("+79161234567")
site.explained(opened.verification_id)           # what `numseal explain --json` says
"""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes import channels
from fakes.messenger import Messenger
from numseal.apps.config import load_config
from numseal.apps.development import prepare_development
from numseal.apps.server import serving

NUMSEAL = Path(sys.executable).with_name("numseal")
_CONFIG = """\
[listen]
grpc = "127.0.0.1:0"
http = "127.0.0.1:0"

[issuer]
name = "https://numseal.example"
vct = "https://numseal.example/phone-number"
log_origin = "localhost/numseal-development"

[number_plan]
file = "plan.csv"

[[relying_parties]]
id = "messenger"
token_sha256 = ["{token_sha256}"]

[[relying_parties.apps]]
id = "app"
sender_id = "Messenger"

[[agreements]]
id = "everything"
relying_party = "messenger"
operators = [{names}]
valid_from = 2020-01-01
valid_until = 2100-01-01

{operators}
"""


@dataclass(frozen=True)
class Site:
    """A directory with keys, a configuration and a token."""

    directory: Path
    token: str

    @classmethod
    def make(cls, directory: Path, operators: str, ranges: Mapping[str, str]) -> "Site":
        """Write the configuration: `operators` are [[operators]] in TOML, `ranges` prefixes with who has them."""
        made = prepare_development(directory)
        plan = [f"{prefix},11,{name}" for prefix, name in ranges.items()]
        (directory / "plan.csv").write_text("\n".join(["prefix,length,operator", *plan]) + "\n")
        (registered,) = made.config.relying_parties
        (digest,) = registered.token_sha256
        names = ", ".join(f'"{name}"' for name in sorted(set(ranges.values())))
        text = _CONFIG.format(token_sha256=digest, names=names, operators=operators)
        (directory / "numseal.toml").write_text(text)
        return cls(directory, made.token)

    @property
    def configuration(self) -> Path:
        return self.directory / "numseal.toml"

    def add(self, text: str) -> None:
        """Add tables to the configuration."""
        self.configuration.write_text(self.configuration.read_text() + text)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Messenger]:
        """Serve in this process, and give the messenger's own stubs."""
        async with (
            serving(load_config(self.configuration)) as addresses,
            channels.plain(addresses.grpc) as channel,
        ):
            yield Messenger(channel, (("authorization", f"Bearer {self.token}"),))

    def explained(self, verification_id: str) -> dict[str, Any]:
        """Return what `numseal explain` says of a verification."""
        command = [str(NUMSEAL), "explain", verification_id, "--config", str(self.configuration), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))


def secret_file(path: Path, content: str) -> Path:
    """Write a file that only its owner may read."""
    path.write_text(content)
    path.chmod(0o600)
    return path
