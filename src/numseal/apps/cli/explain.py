"""`numseal explain`: for the administrator on the server's machine, one verification as a readable page.

Files, options and the way to the database live here; what stands on the page is `apps.explain`'s.
"""

import asyncio
import os
import time
from pathlib import Path

import click
import orjson

from numseal.adapters.entropy import SystemEntropy
from numseal.adapters.signers.secret_file import KeyFileError, read_secret
from numseal.adapters.store.inspect import Inspected, inspect
from numseal.adapters.store.sealing import StoreKeys
from numseal.apps.cli.verify import UnusableInputError
from numseal.apps.config import ConfigError, load_config
from numseal.apps.development import CONFIG_NAME, DEFAULT_DIRECTORY
from numseal.apps.explain.page import terminal_width, text_of
from numseal.apps.explain.verification import evidence_behind, page_of, values_of
from numseal.attestation.errors import AttestationError
from numseal.attestation.evidence_record import MAX_BYTES, read_evidence, write_evidence_file
from numseal.attestation.strict_json import loads_object
from numseal.domain.evidence import Evidence
from numseal.domain.log import AttestationRecord
from numseal.ports.store import StoreError

_FILE = click.Path(path_type=Path)


@click.command(name="explain")
@click.argument("verification")
@click.option("--config", "config_file", type=_FILE, metavar="FILE", help="The configuration that the server runs on.")
@click.option(
    "--directory",
    type=_FILE,
    metavar="DIR",
    help=f"The development directory that the server runs from.  [default without --config: {DEFAULT_DIRECTORY}]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--unmasked", is_flag=True, help="Print the number in full, and what is known of the client.")
@click.option("--evidence", type=_FILE, metavar="FILE", help="Write the evidence for an auditor into a new file.")
@click.option("--policy", type=_FILE, metavar="FILE", help="Write the policy it was judged under into a new file.")
def explain(
    *,
    verification: str,
    config_file: Path | None,
    directory: Path | None,
    as_json: bool,
    unmasked: bool,
    evidence: Path | None,
    policy: Path | None,
) -> None:
    """Explain a verification: evidence, findings, verdict and what became of it.

    VERIFICATION is its id, or that of its attestation or binding: the verification itself is kept for a day after its
    end. Reads the database beside a running server and changes nothing. The evidence file holds the number in full.
    Exit code 0: explained. 1: there is no such verification, or what was to be written is not kept. 2: usage,
    configuration or I/O.
    """
    if config_file is not None and directory is not None:
        raise click.UsageError("Give either --config or --directory.")
    found = _find(config_file or (directory or DEFAULT_DIRECTORY) / CONFIG_NAME, verification)
    shown = found.verification and found.verification.at(int(time.time()))  # noqa: TID251  the outermost edge
    behind = _evidence(found)
    if evidence is not None:
        _write(evidence, _evidence_file(found.attestation))
    if policy is not None:
        _write(policy, _policy_file(found.policy))
    parts = (shown, behind, found.binding, found.holder)
    if as_json:
        click.echo(orjson.dumps(values_of(*parts, unmasked=unmasked), option=orjson.OPT_INDENT_2))
    else:
        click.echo(text_of(page_of(*parts, unmasked=unmasked), terminal_width()), nl=False)


def _find(configuration: Path, name: str) -> Inspected:
    try:
        config = load_config(configuration)
        keys = StoreKeys(read_secret(config.keys.master))
        found = asyncio.run(inspect(config.store.path, keys, SystemEntropy(), name))
    except (ConfigError, KeyFileError, StoreError, OSError) as error:
        raise UnusableInputError(str(error)) from None
    if found is None:
        raise click.ClickException(
            f"There is no verification, binding or attestation {name!r} in {config.store.path}; "
            "a verification is kept for a day after its end."
        )
    return found


def _evidence(found: Inspected) -> Evidence | None:
    """Return what an attestation is committed to, or what is known where none was issued."""
    if found.attestation is not None:
        try:
            return read_evidence(loads_object(found.attestation.evidence, "the evidence", MAX_BYTES))
        except AttestationError as error:
            raise UnusableInputError(f"The evidence of {found.attestation.jti} cannot be read: {error}.") from None
    return None if found.verification is None else evidence_behind(found.verification, found.holder)


def _evidence_file(attestation: AttestationRecord | None) -> bytes:
    if attestation is None:
        raise click.ClickException("No attestation was issued, so nothing is committed to this evidence.")
    return write_evidence_file(attestation.jti, attestation.evidence, attestation.evidence_salt)


def _policy_file(document: str) -> bytes:
    if not document:
        raise click.ClickException("The policy that it was judged under is not kept.")
    return document.encode()


def _write(path: Path, content: bytes) -> None:
    """Write a new file of mode 0600, and never over another."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - the mode needs os.open
            file.write(content)
    except OSError as error:
        name = click.format_filename(path)
        raise UnusableInputError(f"The file {name} cannot be written: {error.strerror}.") from None
