"""The README is run and compared: commands, the sign-up on the wire, generated blocks, links, what it says of code."""

import asyncio
import inspect
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fakes.server_process import ServerProcess, quiet_ports, spawn
from numseal.adapters.clock import SystemClock
from numseal.apps.cli.verify import verify
from numseal.apps.config_operators import read_operators
from numseal.apps.config_reader import Table, read_toml
from numseal.domain.binding import check_number
from numseal.domain.evidence import SIGNAL_NAMES
from numseal.domain.rules import RULES
from numseal.domain.verification import mermaid
from numseal.verify.report import _WORST_FIRST, ExitCode

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ("README.md", "src/numseal/apps/CONFIGURATION.md")
GRPC, HTTP = "127.0.0.1:50051", "127.0.0.1:8080"


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """A directory to run commands in, as a clone is after `./scripts/serve`."""

    directory: Path
    server: ServerProcess

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name != "NUMSEAL_KEYS"}
        return subprocess.run(
            command, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def addressed(self, text: str) -> str:
        """Put the server's addresses in place of the default ones."""
        return text.replace(GRPC, self.server.grpc).replace(HTTP, self.server.http)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("clone")
    (directory / ".venv/bin").mkdir(parents=True)
    (directory / ".venv/bin/numseal").symlink_to(Path(sys.executable).with_name("numseal"))
    server = spawn(directory / ".numseal")
    try:
        asyncio.run(server.serving())
        yield Place(directory, server)
    finally:
        server.kill()
        server.process.wait()


def test_the_sign_up_on_the_wire_prints_what_the_readme_says(place: Place) -> None:
    (program,), (printed,) = blocks("python"), blocks("text")
    assert GRPC in program
    done = place.run(sys.executable, "-c", place.addressed(program))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == printed
    assert place.run(".venv/bin/numseal", "verify", "bundle.json").returncode == 0


def test_the_commands_of_the_second_terminal(place: Place) -> None:
    serve, second, *_ = blocks("sh")
    assert serve == "./scripts/serve\n"
    signup, check = second.splitlines()
    done = place.run("sh", "-c", f"{signup} --server {place.server.grpc}")
    assert done.returncode == 0, done.stderr
    done = place.run("sh", "-c", check)
    assert done.returncode == 0, done.stderr
    assert "NOT checked: status, witnesses" in done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_public_files_are_where_curl_is_sent(place: Place) -> None:
    checkpoint, keys, jwks = [
        place.run("sh", "-c", place.addressed(command)).stdout for command in blocks("sh")[-1].splitlines()
    ]
    assert checkpoint.startswith("localhost/numseal-development\n")
    assert keys == (place.directory / ".numseal/public-keys.json").read_text(encoding="utf-8")
    assert json.loads(jwks) == json.loads(keys)["attestation_keys"]


def test_the_first_command_serves(tmp_path: Path) -> None:
    stamp = ROOT / ".venv/.numseal-installed"
    with (ROOT / "pyproject.toml").open("rb") as project:
        checksum = subprocess.run(["cksum"], stdin=project, capture_output=True, text=True, check=True).stdout.strip()
    if not stamp.exists() or not stamp.read_text().strip().endswith(f"{ROOT} {checksum}"):
        pytest.skip("the environment is not that of scripts/venv: serving would install")
    options = ["--directory", str(tmp_path / "data"), "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    pipe = subprocess.PIPE
    server = subprocess.Popen([str(ROOT / "scripts/serve"), *options], stdout=pipe, stderr=pipe, text=True)
    try:
        assert server.stdout is not None
        assert re.fullmatch(
            r"serving gRPC on 127\.0\.0\.1:\d+ and HTTP on 127\.0\.0\.1:\d+\n", server.stdout.readline()
        )
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=30)
    finally:
        server.kill()
        server.wait()
    assert server.returncode == 0
    assert "DEVELOPMENT KEYS" in errors


def test_every_command_that_is_named_exists() -> None:
    named = set(re.findall(r"\./?(scripts/\w+)|`(scripts/\w+)`", README))
    assert named
    for name in {first or second for first, second in named}:
        assert os.access(ROOT / name, os.X_OK), name


def test_relative_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", README)
    relative = [link for link in links if "://" not in link]
    assert len(relative) > 20
    for link in relative:
        assert (ROOT / link).exists(), link


def test_the_diagram_is_that_of_the_table() -> None:
    assert f"<!-- states -->\n```mermaid\n{mermaid()}```\n<!-- /states -->\n" in README


def test_the_generated_blocks_are_what_the_code_gives() -> None:
    done = subprocess.run(
        [ROOT / "scripts/readme", "--check"],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("page", "old", "new", "told"),
    [
        ("src/numseal/apps/CONFIGURATION.md", "| `100000` |", "| `5` |", "are not what the code gives"),
        ("README.md", "PENDING --> CODE_SENT", "PENDING --> VERIFIED", "are not what the code gives"),
        ("README.md", "<!-- /states -->", "", "must stand in it once"),
    ],
)
def test_a_page_that_says_otherwise_is_found_out_and_mended(
    tmp_path: Path, page: str, old: str, new: str, told: str
) -> None:
    for name in PAGES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    right = (tmp_path / page).read_text(encoding="utf-8")
    (tmp_path / page).write_text(right.replace(old, new), encoding="utf-8")
    program = [sys.executable, str(ROOT / "scripts/readme_blocks.py"), str(tmp_path)]
    done = subprocess.run([*program, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert told in done.stderr
    mended = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (mended.returncode == 0) is ((tmp_path / page).read_text(encoding="utf-8") == right)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
async def test_the_operators_of_the_page_on_configuration_are_some_with_the_files_that_it_makes(tmp_path: Path) -> None:
    page = (ROOT / "src/numseal/apps/CONFIGURATION.md").read_text(encoding="utf-8")
    texts = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (commands,) = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    environment = {**os.environ, "SMSC_PASSWORD": secrets.token_hex(8)}
    subprocess.run(["sh", "-ec", commands], cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=60)
    shutil.copy(tmp_path / "keys/numseal.pem", tmp_path / "keys/operator-ca.pem")
    made = []
    for text in texts:
        (tmp_path / "numseal.toml").write_text(text, encoding="utf-8")
        root = Table(tmp_path / "numseal.toml", "", read_toml(tmp_path / "numseal.toml", "configuration"))
        (operator,) = read_operators(root.tables("operators"))
        await operator.backend(SystemClock()).close()  # type: ignore[attr-defined]
        made.append([name for name, _ in operator.parts])
    assert made == [["hlr", "smsc", "camara"], ["remote"]]


async def test_the_commands_for_operators(place: Place) -> None:
    (block,) = [block for block in blocks("sh") if "operator conformance" in block]
    serve, judge = [line.removesuffix(" &").split() for line in block.splitlines()]
    assert serve[-1] == judge[-1]
    (port,) = quiet_ports(1)
    address = f"127.0.0.1:{port}"
    simulated = subprocess.Popen(
        [*serve[:-1], address], cwd=place.directory, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert simulated.stdout is not None
        assert simulated.stdout.readline() == f"serving operator mts on {address}\n"
        judged = place.run(*judge[:-1], address)
    finally:
        simulated.terminate()
        simulated.communicate()
    assert judged.returncode == 0, judged.stdout
    assert "FAILED" not in judged.stdout


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 400


def test_rules_and_signals_are_counted_right() -> None:
    text = " ".join(README.split())
    assert f"; {len(RULES)} [rules]" in text
    assert (len(SIGNAL_NAMES), "Eighteen [signals]" in text) == (18, True)


def test_exit_codes_are_those_of_the_code() -> None:
    told = " ".join(README.split())
    found = re.search(r"Exit codes: (.+?) \(worst first: ([\d, ]+)\)", told)
    assert found is not None
    assert verify.help is not None
    assert found[1] in " ".join(verify.help.split())
    assert [int(number) for number in re.findall(r"(\d) ", found[1])] == sorted(ExitCode)
    outcomes = [code for code in _WORST_FIRST if code not in {ExitCode.USAGE, ExitCode.VALID}]
    assert [int(number) for number in found[2].split(",")] == outcomes


def test_the_precedence_of_check_number_is_that_of_the_code() -> None:
    told = re.search(r"`CheckNumber` answers the first of these that holds:\n\n(.*?)\n\n", README, re.DOTALL)
    coded = re.search(r"\n\n(1\. .*?)\n\n", inspect.getdoc(check_number) or "", re.DOTALL)
    assert told is not None
    assert coded is not None
    plain = [" ".join(text.replace("`", "").split()) for text in (told[1], coded[1])]
    assert plain[0] == plain[1]
