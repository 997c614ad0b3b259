"""The shell scripts, with stand-ins for Python and the tools: nothing is installed, nothing is asked of a network."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [
    "scripts/venv",
    "scripts/serve",
    "scripts/test",
    "scripts/parts",
    "scripts/check",
    "scripts/protos",
    ".ci/run",
]
PART_FOLDERS = ["tests/parts/smsc", "tests/parts/prism", "scripts/examples/node_backend"]
TOOLS = ["ruff", "mypy", "lint-imports", "buf", "deptry", "codespell"]


class Clone:
    """A tree with the scripts and pyproject.toml, whose programs write down how they were called."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "log"
        for name in SCRIPTS:
            (root / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        shutil.copy(ROOT / "pyproject.toml", root)
        (root / "src").mkdir()

    def program(self, name: str, body: str = "") -> Path:
        """Put a program in place that logs its name and arguments, then runs `body`."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "{path.name} $*" >>"{self.log}"\n{body}\n')
        path.chmod(0o755)
        return path

    def installed(self, kind: str) -> None:
        """Make .venv look as scripts/venv leaves it."""
        self.program(".venv/bin/python")
        with (self.root / "pyproject.toml").open("rb") as project:
            checksum = subprocess.run(["cksum"], stdin=project, capture_output=True, text=True, check=True).stdout
        (self.root / ".venv/.numseal-installed").write_text(f"{kind} {self.root} {checksum}")

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / script, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(self.root), **environment},
        )

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_can_be_run_and_name_no_host(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    assert subprocess.run(["bash", "-n", ROOT / name], check=False).returncode == 0
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def a_python(clone: Clone) -> Path:
    """Put an interpreter in place that is new enough and makes environments of itself."""
    return clone.program(
        "bin/python9", 'case "$*" in "-m venv "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;; esac'
    )


def test_venv_makes_an_environment_once(clone: Clone) -> None:
    python = str(a_python(clone))
    assert clone.run("scripts/venv", NUMSEAL_PYTHON=python).returncode == 0
    assert f"python9 -m venv --clear {clone.root}/.venv" in clone.calls()
    assert clone.calls()[-1].endswith(f"pip install --quiet --disable-pip-version-check --editable {clone.root}")
    calls, started = len(clone.calls()), time.monotonic()
    assert clone.run("scripts/venv", NUMSEAL_PYTHON=python).returncode == 0
    assert time.monotonic() - started < 2
    assert len(clone.calls()) == calls


def test_venv_installs_again_when_the_project_changed_or_more_is_wanted(clone: Clone) -> None:
    python = str(a_python(clone))
    clone.run("scripts/venv", NUMSEAL_PYTHON=python)
    clone.run("scripts/venv", "dev", NUMSEAL_PYTHON=python)
    assert clone.calls()[-1].endswith(f"--editable {clone.root}[dev]")
    calls = len(clone.calls())
    clone.run("scripts/venv", NUMSEAL_PYTHON=python)
    assert len(clone.calls()) == calls
    with (clone.root / "pyproject.toml").open("a") as project:
        project.write("# changed\n")
    clone.run("scripts/venv", NUMSEAL_PYTHON=python)
    assert clone.calls()[-1].endswith(f"--editable {clone.root}[dev]")
    assert len([call for call in clone.calls() if "-m venv" in call]) == 1


def test_a_failed_installation_is_tried_again(clone: Clone) -> None:
    broken = clone.program(
        "bin/python9",
        'case "$*" in "-m venv "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;; *install*) exit 1 ;; esac',
    )
    assert clone.run("scripts/venv", NUMSEAL_PYTHON=str(broken)).returncode == 1
    assert not (clone.root / ".venv/.numseal-installed").exists()


def test_an_old_python_is_refused_with_a_sentence(clone: Clone) -> None:
    old = clone.program("bin/python3.9", "exit 1")
    done = clone.run("scripts/venv", NUMSEAL_PYTHON=str(old))
    assert done.returncode == 1
    assert done.stderr.startswith("scripts/venv: no Python >= 3.11 found")
    assert not (clone.root / ".venv").exists()


def test_serve_passes_its_options_on(clone: Clone) -> None:
    clone.installed("base")
    clone.program(".venv/bin/numseal", "exit 3")
    assert clone.run("scripts/serve", "--grpc", "127.0.0.1:1", "--directory", "a b").returncode == 3
    assert clone.calls() == ["numseal serve --grpc 127.0.0.1:1 --directory a b"]


def test_check_runs_everything_and_names_what_failed(clone: Clone) -> None:
    clone.installed("dev")
    for tool in TOOLS:
        clone.program(f".venv/bin/{tool}", "exit 1" if tool in {"mypy", "deptry"} else "")
    clone.program("scripts/protos")
    done = clone.run("scripts/check")
    assert done.returncode == 1
    assert done.stderr == "scripts/check: failed: mypy, deptry\n"
    names = [call.split()[0] for call in clone.calls()]
    assert names == ["ruff", "ruff", "mypy", "lint-imports", "buf", "protos", "deptry", "codespell"]


def test_check_passes_where_all_pass(clone: Clone) -> None:
    clone.installed("dev")
    for tool in TOOLS:
        clone.program(f".venv/bin/{tool}")
    clone.program("scripts/protos")
    assert clone.run("scripts/check").returncode == 0


def test_test_runs_what_it_is_asked_without_thresholds(clone: Clone) -> None:
    clone.installed("dev")
    clone.run("scripts/test", "-k", "otp")
    assert clone.calls() == ["python -m pytest -k otp"]


def test_test_holds_every_room_to_its_threshold(clone: Clone) -> None:
    clone.installed("dev")
    clone.program("scripts/parts")
    assert clone.run("scripts/test").returncode == 0
    asked = [call for call in clone.calls() if "coverage report" in call]
    assert [call.split("--fail-under=")[1].split()[0] for call in asked] == ["100", "100", "100", "100", "95"]
    for room in ("domain", "tlog", "attestation", "verify"):
        assert sum(f"--include=src/numseal/{room}/*" in call for call in asked) == 1


def test_test_does_not_begin_without_what_ci_demands(clone: Clone) -> None:
    clone.installed("dev")
    clone.program("scripts/parts", "exit 1")
    assert clone.run("scripts/test").returncode == 1
    assert clone.calls() == ["parts "]


class Parts:
    """A clone with the folders that scripts/parts installs into, and a PATH of the test's own programs only."""

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        for folder in PART_FOLDERS:
            (clone.root / folder).mkdir(parents=True)
            (clone.root / folder / "package-lock.json").write_text("{}")
        (clone.root / "tools").mkdir()
        for tool in ("bash", "cat", "cmp", "cp", "dirname", "mkdir", "tail"):
            (clone.root / "tools" / tool).symlink_to(shutil.which(tool) or tool)
        clone.program("tools/osmo-hlr")
        clone.program("tools/npm", 'mkdir -p "$3/node_modules"')

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.clone.run("scripts/parts", PATH=str(self.clone.root / "tools"), **environment)


@pytest.fixture
def parts(clone: Clone) -> Parts:
    return Parts(clone)


def test_parts_are_installed_once(parts: Parts) -> None:
    assert parts.run(CI="true").returncode == 0
    assert [call.split(" --no")[0] for call in parts.clone.calls()] == [
        f"npm ci --prefix {parts.clone.root / folder}" for folder in PART_FOLDERS
    ]
    assert parts.run(CI="true").returncode == 0
    assert len(parts.clone.calls()) == 3
    (parts.clone.root / PART_FOLDERS[0] / "package-lock.json").write_text('{"other": 1}')
    assert parts.run(CI="true").returncode == 0
    assert len(parts.clone.calls()) == 4


def test_a_missing_hlr_is_installed_by_root(parts: Parts) -> None:
    (parts.clone.root / "tools/osmo-hlr").unlink()
    parts.clone.program("tools/id", "echo 0")
    parts.clone.program("tools/env")
    parts.clone.program("tools/apt-get")
    assert parts.run(CI="true").returncode == 0
    assert parts.clone.calls()[1] == (
        "env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends osmo-hlr"
    )


@pytest.mark.parametrize(
    ("missing", "programs", "reason"),
    [
        ("osmo-hlr", {}, "this system has no apt-get"),
        ("osmo-hlr", {"apt-get": "", "id": "echo 1000"}, "only root may install it"),
        (
            "osmo-hlr",
            {"apt-get": "exit 1", "id": "echo 0", "env": "echo broken; exit 1"},
            "apt-get could not install osmo-hlr",
        ),
        ("npm", {}, "there is no npm"),
        ("npm", {"npm": "echo broken; exit 1"}, "npm ci failed there"),
    ],
)
def test_what_cannot_be_had_is_named_and_fails_in_ci(
    parts: Parts, missing: str, programs: dict[str, str], reason: str
) -> None:
    (parts.clone.root / "tools" / missing).unlink()
    for name, body in programs.items():
        parts.clone.program(f"tools/{name}", body)
    done = parts.run()
    assert done.returncode == 0
    assert reason in done.stderr
    assert "the tests that need it are skipped" in done.stderr
    assert parts.run(CI="true").returncode == 1


def test_test_fails_below_a_threshold(clone: Clone) -> None:
    clone.installed("dev")
    clone.program("scripts/parts")
    clone.program(".venv/bin/python", 'case "$*" in *coverage*tlog*) echo "log 99%"; exit 2 ;; esac')
    done = clone.run("scripts/test")
    assert done.returncode == 1
    assert "coverage of tlog: below 100 %" in done.stderr
    assert "log 99%" in done.stdout
    assert "coverage of verify: at least 100 %" in done.stdout


def test_ci_stops_at_a_failed_check(clone: Clone) -> None:
    clone.program("scripts/check", "exit 1")
    clone.program("scripts/test")
    assert clone.run(".ci/run").returncode == 1
    assert clone.calls() == ["check "]
