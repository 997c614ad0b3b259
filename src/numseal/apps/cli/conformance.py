"""`numseal operator conformance`: options, files, progress and exit codes. Every check is `numseal.conformance`'s."""

import asyncio
import re
import secrets
import sys
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from numseal.adapters.clock import SystemClock
from numseal.adapters.operators.remote.statement import read_keys
from numseal.apps.cli.given import is_token
from numseal.apps.cli.style import bad, good, note
from numseal.attestation.errors import AttestationError
from numseal.conformance.check import Check
from numseal.conformance.kit import NO_KEYS, StatementKeys
from numseal.conformance.profile import Profile, ProfileError, load_profile
from numseal.conformance.reports import counts, to_json, to_junit
from numseal.conformance.results import Outcome, Result
from numseal.conformance.run import UnreachableError, holds, run
from numseal.conformance.suite import chosen
from numseal.conformance.transport import Target

_BROKEN, _USAGE = 1, 2
_RUN_BYTES = 8
_STDOUT = "-"
_FILE = click.Path(dir_okay=False, path_type=Path)
_MARKS = {
    Outcome.PASSED: good("ok    "),
    Outcome.FAILED: bad("FAILED"),
    Outcome.SKIPPED: note("--    "),
    Outcome.NOT_CHECKED: click.style("?     ", fg="yellow"),
}


class UnusableError(click.ClickException):
    """End with exit code 2 and one sentence on stderr."""

    exit_code = _USAGE


@click.command()
@click.argument("address", metavar="HOST:PORT")
@click.option("--profile", "profile_file", type=_FILE, metavar="FILE", help="The operator's test numbers (TOML).")
@click.option("--tls-ca", type=_FILE, metavar="FILE", help="Ask over TLS; who may vouch for the backend (PEM).")
@click.option("--tls-certificate", type=_FILE, metavar="FILE", help="Certificate that is shown to the backend (PEM).")
@click.option("--tls-key", type=_FILE, metavar="FILE", help="Its key (PEM).")
@click.option("--token-file", type=_FILE, metavar="FILE", help="File of the token that is sent as Bearer.")
@click.option("--statement-keys", type=_FILE, metavar="FILE", help="JWK set of the keys that sign the answers.")
@click.option("--only", multiple=True, metavar="PATTERN", help="Only checks such as 'code.*'; may be repeated.")
@click.option("--skip", multiple=True, metavar="PATTERN", help="All but such checks; may be repeated.")
@click.option("--rate", type=click.IntRange(1, 10_000), metavar="N", help="Lookups a second to sustain.  [default: 50]")
@click.option("--seconds", type=click.IntRange(1, 600), metavar="S", help="For how long.  [default: 5]")
@click.option("--json", "json_file", metavar="FILE", help="Write the results as JSON; - prints them in place of text.")
@click.option("--junit", "junit_file", metavar="FILE", help="Write them as JUnit XML; - prints it in place of text.")
@click.option("--progress/--no-progress", default=None, help="Show progress.  [default: on a terminal]")
def conformance(
    *,
    address: str,
    profile_file: Path | None,
    tls_ca: Path | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    token_file: Path | None,
    statement_keys: Path | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    rate: int | None,
    seconds: int | None,
    json_file: str | None,
    junit_file: str | None,
    progress: bool | None,
) -> None:
    """Check an operator's backend, in whatever language it is written, against the contract.

    Without a profile, only what needs no number of the operator's is checked. The checks send codes to the profile's
    numbers. Exit code 0: all that applies holds. 1: something does not. 2: usage, or no backend answers.
    """
    target = _target(address, tls_ca, tls_certificate, tls_key, token_file)
    profile = _profile(profile_file, rate, seconds)
    keys = NO_KEYS if statement_keys is None else _keys(statement_keys)
    checks = chosen(only, skip)
    if not checks:
        raise click.UsageError("--only and --skip leave no check; patterns are such as 'code.*' or 'events.resume'")
    if json_file == junit_file == _STDOUT:
        raise click.UsageError("--json - and --junit - cannot both be printed: name a file for one")
    try:
        results = _run(target, checks, profile, keys, progress)
    except UnreachableError as error:
        raise UnusableError(str(error)) from None
    printed = False
    for name, make in ((json_file, to_json), (junit_file, to_junit)):
        if name is not None:
            printed = _write(name, make(results, address)) or printed
    if not printed:
        _print(results)
    sys.exit(0 if holds(results) else _BROKEN)


def _target(address: str, ca: Path | None, certificate: Path | None, key: Path | None, token: Path | None) -> Target:
    if not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):[0-9]{1,5}", address):
        raise click.UsageError(f"{address}: HOST:PORT is expected, such as 127.0.0.1:7001 or [::1]:7001")
    if (certificate is None) != (key is None):
        raise click.UsageError("--tls-certificate and --tls-key go together")
    if certificate is not None and ca is None:
        raise click.UsageError("--tls-certificate is shown over TLS only: name --tls-ca too")
    text = "" if token is None else _read(token).decode(errors="replace").strip()
    if token is not None and not is_token(text):
        raise UnusableError(f"{token}: one line of printable ASCII characters is expected, the token")
    authority, shown, secret = (b"" if file is None else _read(file) for file in (ca, certificate, key))
    return Target(address, authority, shown, secret, text)


def _profile(file: Path | None, rate: int | None, seconds: int | None) -> Profile:
    try:
        profile = Profile() if file is None else load_profile(file)
    except ProfileError as error:
        raise UnusableError(str(error)) from None
    return replace(profile, per_second=rate or profile.per_second, seconds=seconds or profile.seconds)


def _keys(file: Path) -> StatementKeys:
    try:
        return read_keys(_read(file))
    except AttestationError as error:
        raise UnusableError(f"{file}: {error}; a JWK set of the operator's public keys is expected") from None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UnusableError(f"{file}: {error.strerror}; a file that can be read is expected") from None


def _run(
    target: Target, checks: tuple[Check, ...], profile: Profile, keys: StatementKeys, shown: bool | None
) -> tuple[Result, ...]:
    console = Console(stderr=True)
    silent = not (console.is_terminal if shown is None else shown)
    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=silent) as bar:
        task = bar.add_task("checks", total=len(checks))

        def told(result: Result) -> None:
            bar.update(task, advance=1, description=result.id)

        run_id = secrets.token_hex(_RUN_BYTES)
        return asyncio.run(run(target, checks, profile, SystemClock(), run_id, statement_keys=keys, progress=told))


def _write(name: str, text: str) -> bool:
    """Write a report; return whether it was printed."""
    if name == _STDOUT:
        click.echo(text, nl=False)
        return True
    try:
        Path(name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnusableError(f"{name}: {error.strerror}; a file that can be written is expected") from None
    return False


def _print(results: tuple[Result, ...]) -> None:
    """Print a line a check, under what is wrong its clause, and a closing sentence."""
    width = max(len(result.id) for result in results)
    for result in results:
        words = result.title
        if result.outcome is Outcome.SKIPPED:
            words = note(f"does not apply: {'; '.join(result.sentences)}")
        elif result.outcome is Outcome.NOT_CHECKED:
            words = f"not checked: {'; '.join(result.sentences)}"
        elif result.outcome is Outcome.PASSED and result.sentences:
            words += note(f" ({'; '.join(result.sentences)})")
        click.echo(f"{_MARKS[result.outcome]}  {result.id:<{width}}  {words}")
        if result.outcome is Outcome.FAILED:
            for sentence in result.sentences:
                click.echo(f"        {bad(sentence)}")
            click.echo(note(f"        {result.clause}"))
    found = counts(results)
    passed, failed = found[Outcome.PASSED], found[Outcome.FAILED]
    rest = f"{found[Outcome.SKIPPED]} do not apply, {found[Outcome.NOT_CHECKED]} could not be made"
    if failed:
        click.secho(f"\n{failed} of {passed + failed} checks fail; {rest}.", fg="red", bold=True)
    else:
        click.secho(f"\nAll {passed} checks that were made hold; {rest}.", fg="green", bold=True)
