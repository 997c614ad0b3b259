"""`numseal verify`: check a bundle or a presentation offline, a line a step, with the exit code of the worst.

Files, options, colours and words for people live here; every judgement is `numseal.verify`'s. Imports neither
gRPC nor a database driver, so that it starts fast and runs where only the base install is.
"""

import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import orjson
from click.core import ParameterSource

from numseal.attestation.bundle import MAX_BYTES
from numseal.verify import (
    AttestationError,
    ExitCode,
    Outcome,
    PublicKeys,
    Report,
    verify_bundle,
    verify_bundle_insecurely,
    verify_presentation,
)

DEFAULT_KEYS = Path(".numseal") / "public-keys.json"
_STDIN = "-"
_ENOUGH = MAX_BYTES + 1  # one byte more than a bundle may have is enough to refuse it
_MARKS = {
    Outcome.OK: ("ok", "green"),
    Outcome.FAILED: ("FAILED", "red"),
    Outcome.NOT_CHECKED: ("--", "yellow"),
}
_HOW_TO_GET_KEYS = (
    "No public keys to verify with. The issuer publishes them at /.well-known/numseal-keys.json: save that "
    f"file as {DEFAULT_KEYS}, or name it with --keys or NUMSEAL_KEYS, and compare it with the issuer over "
    "another channel first (pin it out of band)."
)
_INSECURE_WARNING = (
    "WARNING: the keys are taken from the bundle itself. Whoever made the bundle chose them, so this shows "
    "nothing about who issued it. Pin the issuer's keys with --keys before you rely on a result."
)


class UnusableInputError(click.ClickException):
    """End with exit code 2 and one sentence on stderr."""

    exit_code = int(ExitCode.USAGE)


class Moment(click.ParamType[int]):
    """A time as RFC 3339 text with an offset, or as Unix seconds; converted to Unix seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Convert the option's text; ends in a usage error that shows both forms."""
        if value.isascii() and value.isdigit() and len(value) <= len("253402300799"):
            return int(value)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail("give a time like 2026-11-23T19:00:00Z, or Unix seconds", param, ctx)
        return int(moment.timestamp())


@click.command(name="verify")
@click.argument("bundle", type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--keys",
    "keys_path",
    envvar="NUMSEAL_KEYS",
    metavar="FILE",
    type=click.Path(),
    help=f"The issuer's pinned public keys.  [env: NUMSEAL_KEYS; default: {DEFAULT_KEYS}]",
)
@click.option("--nonce", help="The nonce that a presentation's KB-JWT must carry.")
@click.option("--audience", help="The audience that a presentation's KB-JWT must carry.")
@click.option("--at", type=Moment(), help="Judge validity at this time: RFC 3339 or Unix seconds.  [default: now]")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--insecure-keys-from-bundle",
    "insecure",
    is_flag=True,
    help="Take the keys from the bundle itself. Success then shows only that it is whole, and says nothing about who "
    "signed it.",
)
@click.pass_context
def verify(
    ctx: click.Context,
    *,
    bundle: str,
    keys_path: str | None,
    nonce: str | None,
    audience: str | None,
    at: int | None,
    as_json: bool,
    insecure: bool,
) -> None:
    """Check an attestation bundle or presentation offline.

    BUNDLE is a file, or - for standard input: the JSON bundle, or the SD-JWT that somebody presents, which carries
    neither log proof nor status. Prints a line a step and exits with 0 valid, 1 cryptographic or profile failure,
    2 usage or I/O, 3 revoked or suspended, 4 outside validity, 5 status missing or stale, 6 witness quorum unmet,
    7 evidence of equivocation.
    """
    moment = int(time.time()) if at is None else at  # noqa: TID251  the outermost edge: nobody hands in a clock
    nonce, audience = _demand(nonce, audience)
    if insecure:
        if ctx.get_parameter_source("keys_path") is ParameterSource.COMMANDLINE:
            raise click.UsageError("Give either --keys or --insecure-keys-from-bundle.")
        click.secho(_INSECURE_WARNING, err=True, fg="red", bold=True)
        data = _read_bundle(bundle)
        if nonce or _is_presentation(data):
            raise click.UsageError("A presentation carries no keys: name the issuer's with --keys.")
        report = verify_bundle_insecurely(data, moment)
    else:
        keys = _trusted_keys(keys_path)
        data = _read_bundle(bundle)
        if _is_presentation(data):
            report = verify_presentation(data.strip(), keys, moment, nonce=nonce, audience=audience)
        elif nonce:
            raise click.UsageError("A bundle carries no key binding: --nonce and --audience are for presentations.")
        else:
            report = verify_bundle(data, keys, moment)
    if as_json:
        click.echo(orjson.dumps(report.to_dict(), option=orjson.OPT_INDENT_2))
    else:
        _print(report)
    ctx.exit(int(report.exit_code))


def _demand(nonce: str | None, audience: str | None) -> tuple[str, str]:
    """Return nonce and audience of the KB-JWT demanded, both empty where none is."""
    if nonce is None and audience is None:
        return "", ""
    if not nonce or not audience:
        raise click.UsageError("Give --nonce and --audience together, as the presentation was asked for.")
    return nonce, audience


def _is_presentation(data: bytes) -> bool:
    """Tell an SD-JWT, which has a ~ behind its JWS, from the JSON of a bundle."""
    return b"~" in data and not data.lstrip().startswith(b"{")


def _trusted_keys(keys_path: str | None) -> PublicKeys:
    if keys_path is None and not DEFAULT_KEYS.exists():
        raise UnusableInputError(_HOW_TO_GET_KEYS)
    path = DEFAULT_KEYS if keys_path is None else Path(keys_path)
    try:
        return PublicKeys.from_json(_read_file(path, "key"))
    except AttestationError as error:
        name = click.format_filename(path)
        raise UnusableInputError(f"The key file {name} cannot be used: {error}.") from None


def _read_bundle(path: str) -> bytes:
    return sys.stdin.buffer.read(_ENOUGH) if path == _STDIN else _read_file(Path(path), "bundle")


def _read_file(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_ENOUGH)
    except OSError as error:
        name = click.format_filename(path)
        raise UnusableInputError(f"The {what} file {name} cannot be read: {error.strerror}.") from None


def _print(report: Report) -> None:
    """Print a line a step and a closing sentence; click drops the colours where no terminal is attached."""
    width = max(len(step.name) for step in report.steps)
    for step in report.steps:
        mark, colour = _MARKS[step.outcome]
        reason = f" [{step.reason}]" if step.outcome is Outcome.FAILED else ""
        words = f"not checked: {step.sentence}" if step.outcome is Outcome.NOT_CHECKED else step.sentence
        click.echo(f"{click.style(f'{mark:<6}', fg=colour)}  {step.name:<{width}}  {words}{reason}")
    colour = "green" if report.exit_code is ExitCode.VALID else "red"
    click.secho(f"\n{report.summary()}", fg=colour, bold=True)
