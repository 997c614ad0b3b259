"""`numseal audit`: for whoever was given evidence. Replays a verdict, explains an evidence file.

Files, options, colours and words for people live here; every judgement is `numseal.verify`'s. Imports neither gRPC nor
a database driver, so that it runs where only the base install is.
"""

from dataclasses import replace
from pathlib import Path

import click
import orjson

from numseal.apps.cli.verify import UnusableInputError
from numseal.apps.explain.evidence import evidence_sections, evidence_values
from numseal.apps.explain.page import Section, row, section, terminal_width, text_of
from numseal.apps.explain.verdict import verdict_sections
from numseal.attestation import bundle, evidence_record
from numseal.attestation.errors import AttestationError
from numseal.attestation.evidence_record import EvidenceRecord
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.policy import Policy, PolicyError
from numseal.domain.verdict import Verdict
from numseal.domain.verdicts import evaluate
from numseal.verify.replay import MAX_POLICY_BYTES, Replay, read_policy, replay, verdict_values
from numseal.verify.report import ExitCode, Outcome, worst

_FILE = click.Path(path_type=Path)
_MARKS = {Outcome.OK: ("ok", "good"), Outcome.FAILED: ("DIFFERS", "bad"), Outcome.NOT_CHECKED: ("--", "warn")}


@click.group(name="audit", context_settings={"help_option_names": ["-h", "--help"]})
def audit() -> None:
    """Replay verdicts and read evidence, offline.

    Exit code 0: the same, or explained. 1: something differs. 2: usage or I/O.
    """


@audit.command(name="replay")
@click.argument("evidence", type=_FILE)
@click.argument("policy", type=_FILE)
@click.argument("attestation", type=_FILE)
@click.option(
    "--keys",
    type=_FILE,
    envvar="NUMSEAL_KEYS",
    metavar="FILE",
    help="Check the signature with the issuer's pinned public keys.  [env: NUMSEAL_KEYS]",
)
@click.option(
    "--operator-keys",
    type=_FILE,
    metavar="FILE",
    help="Check what operators signed of their answers with their registered public keys, a JWK set.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def replay_command(
    ctx: click.Context,
    *,
    evidence: Path,
    policy: Path,
    attestation: Path,
    keys: Path | None,
    operator_keys: Path | None,
    as_json: bool,
) -> None:
    """Recompute a verdict, and say whether the attestation says the same.

    EVIDENCE is the file that `numseal explain --evidence` writes, POLICY a policy as TOML or as the JSON that its hash
    is taken over, ATTESTATION a bundle or an SD-JWT. Prints a line a step and exits with 0 the same, 1 something
    differs, 2 usage or I/O. Log, validity and status are for `numseal verify`.
    """
    record = _read(evidence, "evidence", evidence_record.MAX_BYTES)
    report = replay(
        record,
        _read(policy, "policy", MAX_POLICY_BYTES),
        _read(attestation, "attestation", bundle.MAX_BYTES),
        None if keys is None else _keys(keys),
    )
    if report.verdict is not None:
        report = _with_statements(report, record, operator_keys)
    if as_json:
        click.echo(orjson.dumps(report.to_dict(), option=orjson.OPT_INDENT_2))
    else:
        _print(report)
    ctx.exit(int(report.exit_code))


@audit.command(name="explain")
@click.argument("evidence", type=_FILE)
@click.option("--policy", type=_FILE, metavar="FILE", help="Judge the evidence under this policy as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--unmasked", is_flag=True, help="Print the number in full.")
def explain_command(*, evidence: Path, policy: Path | None, as_json: bool, unmasked: bool) -> None:
    """Print an evidence file as a readable page.

    Whether an attestation is committed to it is for `numseal audit replay`. Exit code 0: explained. 2: usage or I/O.
    """
    try:
        record = EvidenceRecord.from_json(_read(evidence, "evidence", evidence_record.MAX_BYTES))
    except AttestationError as error:
        raise _unusable("evidence", evidence, error) from None
    verdict = None if policy is None else evaluate(record.evidence, _policy(policy))
    if as_json:
        document = {
            "attestation_id": record.attestation_id,
            "evidence": evidence_values(record.evidence, unmasked=unmasked),
            "verdict": None if verdict is None else verdict_values(verdict),
        }
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        return
    click.echo(text_of(_page(record, verdict, unmasked=unmasked), terminal_width()), nl=False)


def _page(record: EvidenceRecord, verdict: Verdict | None, *, unmasked: bool) -> list[Section]:
    head = section("Evidence", [row("attestation", record.attestation_id)])
    judged = (
        [section("Findings", [row("not judged: name a policy with --policy")])]
        if verdict is None
        else verdict_sections(verdict, record.evidence)
    )
    return [head, *evidence_sections(record.evidence, unmasked=unmasked), *judged]


def _with_statements(report: Replay, record: bytes, operator_keys: Path | None) -> Replay:
    """Add a step for each answer that an operator signed, with keys one for each that it did not sign as well."""
    # Only here, so that whoever audits unsigned evidence does not wait for protobuf.
    from numseal.apps.cli.operator_statements import OperatorKeysError, statement_steps  # noqa: PLC0415

    data = None if operator_keys is None else _read(operator_keys, "operator key", MAX_POLICY_BYTES)
    try:
        steps = statement_steps(EvidenceRecord.from_json(record).evidence, data)
    except OperatorKeysError as error:
        assert operator_keys is not None  # noqa: S101 - for the type checker
        raise _unusable("operator key", operator_keys, error) from None
    every = (*report.steps, *steps)
    return replace(report, steps=every, exit_code=worst(step.exit_code for step in every))


def _print(report: Replay) -> None:
    rows = []
    for step in report.steps:
        mark, tone = _MARKS[step.outcome]
        reason = f" [{step.reason}]" if step.outcome is Outcome.FAILED else ""
        words = f"not checked: {step.sentence}" if step.outcome is Outcome.NOT_CHECKED else step.sentence
        rows.append(row(mark, step.name, words + reason, tone=tone))
    parts = [section("Replay", rows)]
    if report.verdict is not None:
        parts += verdict_sections(report.verdict, None)
    click.echo(text_of(parts, terminal_width()))
    click.secho(report.summary(), fg="green" if report.exit_code is ExitCode.VALID else "red", bold=True)


def _keys(path: Path) -> PublicKeys:
    try:
        return PublicKeys.from_json(_read(path, "key", MAX_POLICY_BYTES))
    except AttestationError as error:
        raise _unusable("key", path, error) from None


def _policy(path: Path) -> Policy:
    try:
        return read_policy(_read(path, "policy", MAX_POLICY_BYTES))
    except PolicyError as error:
        raise _unusable("policy", path, error) from None


def _read(path: Path, what: str, limit: int) -> bytes:
    """Read a file, or one byte more than it may have: enough to refuse it."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        name = click.format_filename(path)
        raise UnusableInputError(f"The {what} file {name} cannot be read: {error.strerror}.") from None


def _unusable(what: str, path: Path, error: Exception) -> UnusableInputError:
    return UnusableInputError(f"The {what} file {click.format_filename(path)} cannot be used: {error}.")
