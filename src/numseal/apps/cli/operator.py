"""`numseal operator`: for operators and those who connect them. One group whose commands are imported when called.

No command's work lives here, and nothing heavy is imported.
"""

from importlib import import_module

import click

_COMMANDS = {
    "simulate": ("numseal.apps.cli.operator_simulate", "Serve a simulated operator over the operator contract."),
    "conformance": ("numseal.apps.cli.conformance", "Check a backend against the operator contract."),
}
"""Each command by its name, which is that of the function in its module, with what it does."""


class _Commands(click.Group):
    """Know the commands by name, and import the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(_COMMANDS[cmd_name][0]), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101 - for the type checker
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in _COMMANDS.items()])


@click.group(name="operator", cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def operator() -> None:
    """Serve a simulated operator, and check backends.

    Exit code 0: served until told to stop, or all holds. 1: the server cannot start, or something does not hold. 2:
    usage or I/O.
    """
