import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from numseal.apps.cli.main import _COMMANDS, main


def test_help_names_every_command_without_importing_one() -> None:
    code = (
        "import sys\n"
        "from numseal.apps.cli.main import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = {'grpc', 'aiohttp', 'sqlalchemy', 'uvloop', 'cryptography', 'phonenumbers', 'numseal.domain'}\n"
        "print('heavy:', sorted(heavy & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stdout
    for name, what in _COMMANDS.items():
        assert name in done.stdout
        assert what in done.stdout


def test_help_in_full() -> None:
    lines = CliRunner().invoke(main, ["-h"]).output.splitlines()
    assert lines[0] == "Usage: numseal [OPTIONS] COMMAND [ARGS]..."
    assert [line.split()[0] for line in lines[lines.index("Commands:") + 1 :]] == list(_COMMANDS)
    assert main.list_commands(click.Context(main)) == list(_COMMANDS)


def test_verify_imports_neither_grpc_nor_a_database() -> None:
    code = (
        "import sys\n"
        "from numseal.apps.cli.main import main\n"
        "main(['verify', '--help'], standalone_mode=False)\n"
        "print('heavy:', sorted({'grpc', 'aiohttp', 'sqlalchemy', 'sqlite3', 'uvloop'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stdout


@pytest.mark.parametrize("name", _COMMANDS)
def test_each_command_is_where_its_name_says(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["sing"])
    assert result.exit_code == 2
    assert "No such command 'sing'" in result.output


def test_version() -> None:
    assert CliRunner().invoke(main, ["--version"]).output.startswith("numseal ")
