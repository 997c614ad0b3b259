"""`numseal signup`: play the messenger that verifies a number, and keep the bundle."""

import asyncio
import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click
import grpc

from numseal.api.verification.v1 import assurance_pb2, verification_pb2
from numseal.apps.cli.given import GivenError, check_address, read_authorities, read_token
from numseal.apps.cli.session import Session, open_session, problem, words
from numseal.apps.cli.style import bad, good, label, note
from numseal.domain.errors import Refusal
from numseal.domain.msisdn import parse_msisdn

_METHODS = {
    "sms": assurance_pb2.METHOD_SMS,
    "voice": assurance_pb2.METHOD_VOICE,
    "operator-code": assurance_pb2.METHOD_OPERATOR_CODE,
    "network": assurance_pb2.METHOD_NETWORK,
}
_DONE, _NOT_VERIFIED, _USAGE = 0, 1, 2
_MATCH = "MATCH"


@dataclass(frozen=True, slots=True)
class _Wish:
    number: str
    region: str
    account: str
    method: str
    code: str | None
    directory: Path
    output: Path
    as_json: bool


@click.command()
@click.argument("number")
@click.option("--region", default="", help="ISO 3166-1 code of a number in national format, such as RU.")
@click.option("--account", default="demo-account", show_default=True, help="The messenger's id of the account.")
@click.option(
    "--method",
    type=click.Choice(list(_METHODS)),
    default="sms",
    show_default=True,
    help="How control of the number is shown: by a code, or by a page that the simulated handset opens.",
)
@click.option("--code", help="The code, where it is known already; otherwise it is read from the simulated handset.")
@click.option("--server", default="127.0.0.1:50051", show_default=True, help="HOST:PORT of the gRPC server.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path(".numseal"),
    show_default=True,
    help="The server's data directory, which holds the development token.",
)
@click.option("--token-file", type=click.Path(path_type=Path), help="A file with the relying party's bearer token.")
@click.option("--ca", type=click.Path(path_type=Path), help="Authorities (PEM) of a server that speaks TLS.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("numseal-bundle.json"),
    show_default=True,
    help="Where to write the bundle.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def signup(
    number: str,
    region: str,
    account: str,
    method: str,
    code: str | None,
    server: str,
    directory: Path,
    token_file: Path | None,
    ca: Path | None,
    output: Path,
    as_json: bool,
) -> None:
    """Verify NUMBER for an account and write the bundle that proves it.

    Exit code 0: verified. 1: not verified, with the reason. 2: usage, or the server cannot be reached.
    """
    if method == "network" and code is not None:
        raise click.UsageError("--code is for methods that send one: --method network has the handset open a page.")
    try:
        check_address(server, "--server")
        token = read_token(token_file or directory / "token", "a relying party's")
        authorities = read_authorities(ca)
    except GivenError as error:
        _fail(str(error), _USAGE)
    wish = _Wish(number, region, account, method, code, directory, output, as_json)
    try:
        sys.exit(asyncio.run(_signup(wish, server, token, authorities)))
    except grpc.aio.AioRpcError as error:
        if as_json:
            click.echo(problem(error))
        reason, sentence = words(error)
        lost = error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
        hint = f" (is the server running at {server}?)" if lost else ""
        _fail(f"{reason}: {sentence}{hint}", _USAGE if lost else _NOT_VERIFIED)


async def _signup(wish: _Wish, server: str, token: str, ca: bytes | None) -> int:
    async with open_session(server, token, ca) as session:
        request = verification_pb2.StartVerificationRequest(
            account_id=wish.account,
            phone_number=wish.number,
            region_code=wish.region,
            purpose=verification_pb2.PURPOSE_SIGN_UP,
            method=_METHODS[wish.method],
        )
        handset = await _newest(session, wish) if wish.code is None else None
        verification = await session.start(request)
        result = ""
        _say(wish, verification)
        if verification.state == verification_pb2.VERIFICATION_STATE_CODE_SENT:
            code = wish.code or await _code(session, wish, handset)
            if code is None:
                click.echo(bad("no code arrived; give it with --code"), err=True)
                return _USAGE
            if not wish.as_json:
                click.echo(f"{label('code')} {code}")
            checked = await session.check(verification.verification_id, code)
            verification = checked.verification
            result = verification_pb2.CodeResult.Name(checked.code_result).removeprefix("CODE_RESULT_")
            _say(wish, verification)
        elif verification.state == verification_pb2.VERIFICATION_STATE_NETWORK_PENDING:
            if not wish.as_json:
                click.echo(f"{label('page')} {verification.network.auth_url}")
            verification = await session.prove(verification, parse_msisdn(wish.number, wish.region))
            _say(wish, verification)
        return _close(wish, verification, result)


async def _newest(session: Session, wish: _Wish) -> str | None:
    """Return the handset's newest message, None where no simulator tells."""
    try:
        return await session.last_message(parse_msisdn(wish.number, wish.region))
    except Refusal:
        # The server says better what is wrong with the number.
        return None
    except grpc.aio.AioRpcError as error:
        if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED}:
            raise
        return None


async def _code(session: Session, wish: _Wish, handset: str | None) -> str | None:
    if handset is not None:
        return await session.read_code(parse_msisdn(wish.number, wish.region), handset)
    if sys.stdin.isatty():
        return str(await asyncio.to_thread(click.prompt, "code"))
    return None


def _say(wish: _Wish, verification: verification_pb2.Verification) -> None:
    if wish.as_json:
        return
    state = verification_pb2.VerificationState.Name(verification.state).removeprefix("VERIFICATION_STATE_")
    operator = verification.operator.display_name or verification.operator.operator_id
    click.echo(f"{label('state')} {state}  {note(f'{verification.masked_phone_number} at {operator}')}")
    for finding in verification.findings:
        click.echo(f"{label('found')} {finding.code}  {note(finding.sentence)}")


def _close(wish: _Wish, verification: verification_pb2.Verification, result: str) -> int:
    """Keep the bundle, and say how it ended; `result` is what the code was found to be, empty for none."""
    verified = verification.state == verification_pb2.VERIFICATION_STATE_VERIFIED
    if verified:
        try:
            wish.output.write_bytes(verification.bundle.bundle_json)
        except OSError as error:
            _fail(f"{wish.output}: {error.strerror}; the number is verified, only the bundle was not written", _USAGE)
    if wish.as_json:
        click.echo(json.dumps(_document(wish, verification, result)))
    elif verified:
        level = assurance_pb2.AssuranceLevel.Name(verification.assurance_level).removeprefix("ASSURANCE_LEVEL_")
        click.echo(f"{label('level')} {good(level)}")
        click.echo(f"{label('bundle')} {wish.output}  {note(f'check it: {_check_it(wish)}')}")
    else:
        if result not in {"", _MATCH}:
            click.echo(f"{label('result')} {bad(result)}  {note(_attempts(verification))}")
        for way in _ways(verification):
            click.echo(f"{label('way')} {way}")
        if verification.failure_reason:
            click.echo(f"{label('reason')} {bad(verification.failure_reason)}")
    return _DONE if verified else _NOT_VERIFIED


def _check_it(wish: _Wish) -> str:
    """Name the command that checks the bundle; where the server's keys are not in the directory, they must be named."""
    keys = wish.directory / "public-keys.json"
    return shlex.join(("numseal", "verify", str(wish.output), "--keys", str(keys) if keys.exists() else "FILE"))


def _attempts(verification: verification_pb2.Verification) -> str:
    """Say how many guesses are left, and from when (UTC) one counts."""
    words = f"attempts remaining: {verification.attempts_remaining}"
    opens = _next_check(verification)
    return words if opens is None else f"{words}, the next one from {opens}"


def _next_check(verification: verification_pb2.Verification) -> str | None:
    return verification.next_check_time.ToJsonString() if verification.HasField("next_check_time") else None


def _document(wish: _Wish, verification: verification_pb2.Verification, result: str) -> dict[str, object]:
    verified = verification.state == verification_pb2.VERIFICATION_STATE_VERIFIED
    return {
        "verification_id": verification.verification_id,
        "state": verification_pb2.VerificationState.Name(verification.state).removeprefix("VERIFICATION_STATE_"),
        "assurance_level": assurance_pb2.AssuranceLevel.Name(verification.assurance_level).removeprefix(
            "ASSURANCE_LEVEL_"
        ),
        "findings": [{"code": item.code, "sentence": item.sentence} for item in verification.findings],
        "ways": _ways(verification),
        "failure_reason": verification.failure_reason,
        "code_result": result or None,
        "attempts_remaining": verification.attempts_remaining,
        "next_check_time": _next_check(verification),
        "binding_id": verification.binding_id,
        "bundle": str(wish.output) if verified else None,
    }


def _ways(verification: verification_pb2.Verification) -> list[str]:
    """Name the ways on from STEP_UP_REQUIRED and out of CONTESTED, each with the time from which it is open (UTC)."""
    steps, contests = verification_pb2.StepUpKind, verification_pb2.ContestWayKind
    named = [(steps.Name(option.kind), option.available_time) for option in verification.step_up_options]
    named += [(contests.Name(way.kind), way.available_time) for way in verification.contest.ways]
    return [f"{name.partition('KIND_')[2]} from {opens.ToJsonString()}" for name, opens in named]


def _fail(sentence: str, code: int) -> NoReturn:
    click.echo(bad(sentence), err=True)
    sys.exit(code)
