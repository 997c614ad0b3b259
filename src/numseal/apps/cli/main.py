"""The command `numseal`: one group whose commands are imported when they are called, so that each starts fast.

No command's work lives here, and nothing heavy is imported.
"""

import os
import re
from importlib import import_module

import click

_SURROGATE = re.compile("[\ud800-\udfff]")
_COMMANDS = {
    "serve": "Serve gRPC and HTTP.",
    "signup": "Verify a number as a messenger would, and write the bundle.",
    "present": "Make a presentation that discloses only what is chosen.",
    "verify": "Check an attestation bundle or presentation offline.",
    "explain": "Explain a verification from the server's database.",
    "audit": "Replay verdicts and read evidence, offline.",
    "admin": "Keep agreements, and read the audit trail.",
    "operator": "Serve a simulated operator, and check backends.",
    "simulate": "Play people and attackers, and measure what is found.",
    "demo": "Show what Numseal finds out, on a server of its own.",
}
"""Each command by its name, which is that of its module and of the function in it, with what it does."""


class _NotTextError(click.ClickException):
    """End with exit code 2 and one sentence on stderr."""

    exit_code = 2


class _Commands(click.Group):
    """Know the commands by name, and import the one that is called."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. Paths may have any bytes; where text is needed of such an argument, that is told."""
        try:
            return super().invoke(ctx)
        except UnicodeEncodeError as error:
            # Python keeps what is not UTF-8 on the command line as lone surrogates (PEP 383).
            if not _SURROGATE.search(error.object):
                raise
            shown = os.fsencode(error.object).decode("utf-8", "backslashreplace")
            raise _NotTextError(f"an argument is not UTF-8 text: {shown}; text in UTF-8 is expected") from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(f"numseal.apps.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101 - for the type checker
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(name="numseal", cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="numseal", message="%(prog)s %(version)s")
def main() -> None:
    """Bind messenger accounts to phone numbers by asking the operator, and prove it."""
