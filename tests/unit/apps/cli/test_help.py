"""What `--help` says: every command explains itself, its arguments, options and exit codes, and says so fast."""

import inspect
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from numseal.apps.cli.main import _COMMANDS, main


def command_of(name: str) -> click.Command:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return command


@pytest.mark.parametrize("name", _COMMANDS)
def test_a_command_explains_itself(name: str) -> None:
    command = command_of(name)
    told = inspect.cleandoc(command.help or "")
    assert told.splitlines()[0].endswith(".")
    assert "Exit code 0" in told or "exits with 0" in told
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            assert parameter.make_metavar(click.Context(command)) in told
        else:
            assert isinstance(parameter, click.Option)
            assert parameter.help, parameter.name


@pytest.mark.parametrize("name", _COMMANDS)
def test_help_is_printed_without_doing_anything(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: numseal {name} ")
    assert list(tmp_path.iterdir()) == []


def test_the_program_tells_its_commands_without_importing_what_they_need() -> None:
    program = Path(sys.executable).with_name("numseal")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", program, "--help"], capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "click" in imported
    assert not imported & {
        "grpc",
        "google",
        "sqlalchemy",
        "alembic",
        "aiohttp",
        "uvloop",
        "cryptography",
        "phonenumbers",
    }
    assert all(name in done.stdout for name in _COMMANDS)
