"""`numseal present`: make a presentation of one's attestation that discloses only what is chosen.

Files, options and words for people live here; the formats are `numseal.attestation`'s. Imports neither gRPC nor a
database driver. Nothing is verified: whoever it is presented to does that.
"""

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click
import orjson

from numseal.adapters.signers.pem import Es256Signer, read_es256
from numseal.adapters.signers.secret_file import KeyFileError
from numseal.apps.cli.style import bad, label, note
from numseal.attestation import jwk, key_binding
from numseal.attestation.bundle import MAX_BYTES, Bundle
from numseal.attestation.errors import AttestationError
from numseal.attestation.presentation import Held, bind, presentation, read_held
from numseal.verify.report import printable

_STDIN = "-"
_ENOUGH = MAX_BYTES + 1
_NOTHING = "none"
_WRONG, _USAGE = 1, 2


class _UnusableInputError(click.ClickException):
    exit_code = _USAGE


@dataclass(frozen=True, slots=True)
class _Binding:
    """What a KB-JWT is made with."""

    signer: Es256Signer
    nonce: str
    audience: str


@click.command(name="present")
@click.argument("bundle", type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--disclose",
    "names",
    multiple=True,
    metavar="CLAIM",
    help="A claim to disclose; give it once for each, or none for nothing.  [default: phone_number]",
)
@click.option("--key", "key_path", type=click.Path(path_type=Path), help="The account's key: P-256, PEM (PKCS #8).")
@click.option("--nonce", help="What the verifier gave out for this presentation.")
@click.option("--audience", help="The verifier's name, as it told it.")
@click.option("--output", type=click.Path(path_type=Path), help="Where to write it.  [default: standard output]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def present(
    bundle: str,
    names: tuple[str, ...],
    key_path: Path | None,
    nonce: str | None,
    audience: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Make a presentation that discloses only what is chosen.

    BUNDLE is a bundle or an attestation (SD-JWT) as it was issued; - is standard input. An attestation that is bound
    to the account's key is presented with --key, --nonce and --audience. Exit code 0: made. 1: it cannot be made of
    this attestation so, with the reason. 2: usage or I/O.
    """
    disclose = _chosen(names)
    data = _read(bundle)
    try:
        text = _sd_jwt(data)
        held = read_held(text)
        binding = _binding(held, key_path, nonce, audience)
        made = presentation(text, disclose)
        if binding is not None:
            made = _bound(made, binding)
    except AttestationError as error:
        click.echo(bad(printable(f"{error.reason}: {error}")), err=True)
        sys.exit(_WRONG)
    _hand_over(made, output, as_json=as_json)
    _say(held, disclose, binding, output, as_json=as_json, made=made)


def _chosen(names: tuple[str, ...]) -> frozenset[str]:
    if _NOTHING not in names:
        return frozenset(names or ("phone_number",))
    if len(names) > 1:
        raise click.UsageError("--disclose none stands alone.")
    return frozenset()


def _read(path: str) -> bytes:
    if path == _STDIN:
        return sys.stdin.buffer.read(_ENOUGH)
    try:
        with Path(path).open("rb") as file:
            return file.read(_ENOUGH)
    except OSError as error:
        name = click.format_filename(path)
        raise _UnusableInputError(f"The bundle file {name} cannot be read: {error.strerror}.") from None


def _sd_jwt(data: bytes) -> str:
    """Take the attestation out of a bundle, or as it is."""
    if data.lstrip().startswith(b"{"):
        return Bundle.from_json(data).sd_jwt
    return data.strip().decode("ascii", "replace")  # what is not ASCII is refused as such


def _binding(held: Held, key_path: Path | None, nonce: str | None, audience: str | None) -> _Binding | None:
    """Decide by the attestation whether its key must present it, and read that key."""
    wanted = held.claims.confirmation_jwk
    given = (key_path, nonce, audience)
    if wanted is None:
        if any(item is not None for item in given):
            raise click.UsageError("The attestation is bound to no key: leave --key, --nonce and --audience out.")
        return None
    if key_path is None or nonce is None or audience is None:
        raise click.UsageError("The attestation is bound to the account's key: give --key, --nonce and --audience.")
    try:
        signer = read_es256(key_path)
    except KeyFileError as error:
        raise _UnusableInputError(str(error)) from None
    if signer.key_id != jwk.thumbprint(wanted):
        raise AttestationError("KEY_MISMATCH", f"{key_path} holds another key than the one the attestation is bound to")
    return _Binding(signer, nonce, audience)


def _bound(bare: str, binding: _Binding) -> str:
    now = int(time.time())  # noqa: TID251  the outermost edge: nobody hands in a clock
    signing_input = key_binding.signing_input(bare, nonce=binding.nonce, audience=binding.audience, issued_at=now)
    return bind(bare, signing_input, asyncio.run(binding.signer.sign(signing_input)))


def _hand_over(made: str, output: Path | None, *, as_json: bool) -> None:
    if output is None:
        if not as_json:
            click.echo(made)
        return
    try:
        output.write_text(f"{made}\n", encoding="ascii")
    except OSError as error:
        raise _UnusableInputError(f"{output}: {error.strerror}; the presentation was not written.") from None


def _say(
    held: Held, disclose: frozenset[str], binding: _Binding | None, output: Path | None, *, as_json: bool, made: str
) -> None:
    """Say what was disclosed; beside the presentation itself, so on the other stream where that is printed."""
    disclosed = [name for name in held.disclosures if name in disclose]
    withheld = [name for name in held.disclosures if name not in disclose]
    shown = [*withheld, *([f"{held.left_out} left out of it before"] if held.left_out else [])]
    if as_json:
        document = {
            "presentation": made,
            "disclosed": disclosed,
            "withheld": withheld,
            "withheld_before": held.left_out,
            "key_bound": binding is not None,
            "output": None if output is None else str(output),
        }
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        return
    aside = output is None
    click.echo(f"{label('disclosed')} {', '.join(disclosed) or 'nothing'}", err=aside)
    click.echo(f"{label('withheld')} {', '.join(shown) or 'nothing'}", err=aside)
    if binding is None:
        click.echo(f"{label('bound')} {note('to no key: whoever gets a copy can present it too')}", err=aside)
    else:
        words = f"to {binding.audience} and its nonce, good for {key_binding.MAX_AGE} s"
        click.echo(f"{label('bound')} {words}", err=aside)
    if output is not None:
        click.echo(f"{label('written')} {output}")
