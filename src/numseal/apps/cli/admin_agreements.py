"""`numseal admin agreements`: what an administrator does to agreements, a command an RPC."""

from pathlib import Path
from typing import Any

import click
from google.protobuf.timestamp_pb2 import Timestamp

from numseal.api.admin.v1 import admin_pb2 as pb
from numseal.api.admin.v1 import resource_pb2
from numseal.api.operator.v1 import operator_pb2, subscriber_pb2
from numseal.apps.cli.admin_page import print_agreement, print_json, state_name, values_of
from numseal.apps.cli.admin_proof import Proved, document_of, proof_file
from numseal.apps.cli.admin_session import USAGE, AdminCalls, Caller, calling, fail
from numseal.apps.cli.style import label, note
from numseal.apps.config_agreements import read_terms
from numseal.apps.config_parties import ID, ID_EXPECTED
from numseal.apps.config_reader import ConfigError, Table, read_toml

_FILE = click.Path(path_type=Path)
_SIDES = {
    "relying-party": resource_pb2.AGREEMENT_SIDE_RELYING_PARTY,
    "operator": resource_pb2.AGREEMENT_SIDE_OPERATOR,
}
_STATES = [name.removeprefix("AGREEMENT_STATE_") for name in resource_pb2.AgreementState.keys()[1:]]


def _version(_context: click.Context, _option: click.Parameter, etag: str) -> str:
    if not etag.strip():
        raise click.BadParameter("found nothing, expected the etag that `numseal admin agreements show` prints.")
    return etag


@click.group(name="agreements", context_settings={"help_option_names": ["-h", "--help"]})
def agreements() -> None:
    """Propose, accept, change, suspend, resume and end agreements.

    Suspensions, resumptions and ends are in the public log, each as an `agr` entry that is the SHA-256 of a document.
    The document is kept in the audit trail (`numseal admin audit-trail --resource agreements/ID`), and confirm, resume
    and end print it with --json.

    Exit code 0: done. 1: refused, with the reason. 2: usage, a file, or the server cannot be reached.
    """


@agreements.command(name="list")
@click.option("--relying-party", default="", metavar="ID", help="Only those of this relying party.")
@click.option("--operator", default="", metavar="ID", help="Only those of this operator.")
@click.option("--state", type=click.Choice(_STATES), help="Only those that stand so.")
@calling
def list_command(caller: Caller, *, relying_party: str, operator: str, state: str | None) -> None:
    """List agreements."""
    wanted = resource_pb2.AgreementState.Value(f"AGREEMENT_STATE_{state or 'UNSPECIFIED'}")
    request = pb.ListAgreementsRequest(relying_party_id=relying_party, operator_id=operator, state=wanted)

    async def work(calls: AdminCalls) -> list[resource_pb2.Agreement]:
        found: list[resource_pb2.Agreement] = []
        while True:
            answer = await calls("ListAgreements", request)
            found += answer.agreements
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token

    found = caller.call(work)
    if caller.as_json:
        print_json([values_of(item) for item in found])
        return
    for item in found:
        stands = state_name(item).ljust(9)
        click.echo(f"{item.agreement_id}  {stands}  {note(f'{item.relying_party_id} at {item.operator_id}')}")


@agreements.command(name="show")
@click.argument("agreement")
@calling
def show_command(caller: Caller, *, agreement: str) -> None:
    """Print AGREEMENT as it stands, with all that was agreed and done."""
    answer = caller.call(lambda calls: calls("GetAgreement", pb.GetAgreementRequest(agreement_id=agreement)))
    _print(caller, answer.agreement)


@agreements.command(name="create")
@click.option("--file", "path", type=_FILE, required=True, help="The agreement, as TOML.")
@click.option("--request-id", default="", help="Key of idempotency: the same again within 24 hours makes no other.")
@calling
def create_command(caller: Caller, *, path: Path, request_id: str) -> None:
    """Propose the agreement in a file.

    Its keys are id, relying_party and operator, and those of the configuration's [[agreements]]; without valid_until it
    is in force until it is ended. Nobody has accepted it yet. One that would be over already is refused.
    """
    request = pb.CreateAgreementRequest(agreement=_read(path), request_id=request_id)
    answer = caller.call(lambda calls: calls("CreateAgreement", request))
    _print(caller, answer.agreement)


@agreements.command(name="update")
@click.option("--file", "path", type=_FILE, required=True, help="The agreement as it is to be, as TOML.")
@click.option("--etag", required=True, callback=_version, help="The version it is made against, as `show` prints it.")
@calling
def update_command(caller: Caller, *, path: Path, etag: str) -> None:
    """Put other terms in place of a PROPOSED agreement's; a side that accepted before must accept anew.

    Of one that is ACTIVE or SUSPENDED only notification_reference changes. For other terms create another agreement,
    have both sides accept it, and end this one: of several in force the one that lasts longest counts. Of one that is
    ENDED nothing changes.
    """
    message = _read(path)
    message.etag = etag
    answer = caller.call(lambda calls: calls("UpdateAgreement", pb.UpdateAgreementRequest(agreement=message)))
    _print(caller, answer.agreement)


@agreements.command(name="accept")
@click.argument("agreement")
@click.option("--side", type=click.Choice(list(_SIDES)), required=True, help="Who accepted.")
@click.option("--reference", required=True, help="Reference to that side's own document.")
@click.option("--etag", required=True, callback=_version, help="The version that was accepted, as `show` prints it.")
@calling
def accept_command(caller: Caller, *, agreement: str, side: str, reference: str, etag: str) -> None:
    """Record that a side accepted AGREEMENT; with the second side it is ACTIVE."""
    request = pb.AcceptAgreementRequest(agreement_id=agreement, side=_SIDES[side], reference=reference, etag=etag)
    answer = caller.call(lambda calls: calls("AcceptAgreement", request))
    _print(caller, answer.agreement)


@agreements.command(name="suspend")
@click.argument("agreement")
@click.option("--reason", required=True, help="Why; must not name a person or number.")
@click.option("--reference", required=True, help="Reference to the decision that is carried out.")
@calling
def suspend_command(caller: Caller, *, agreement: str, reason: str, reference: str) -> None:
    """Propose to suspend AGREEMENT; nothing stops before another administrator confirms.

    It takes the place of what the same administrator proposed before and nobody confirmed, which is said.
    """
    request = pb.ProposeSuspensionRequest(agreement_id=agreement, reason=reason, reference=reference)

    async def work(calls: AdminCalls) -> tuple[resource_pb2.Agreement, pb.ProposeSuspensionResponse]:
        before = await calls("GetAgreement", pb.GetAgreementRequest(agreement_id=agreement))
        return before.agreement, await calls("ProposeSuspension", request)

    before, answer = caller.call(work)
    standing = {item.suspension_id for item in answer.agreement.suspensions}
    replaced = [
        item.suspension_id
        for item in before.suspensions
        if item.suspension_id not in standing and item.proposed_by == answer.suspension.proposed_by
    ]
    if caller.as_json:
        print_json(
            {
                "agreement": values_of(answer.agreement),
                "suspension": values_of(answer.suspension),
                "replaced": replaced[0] if replaced else None,
            }
        )
        return
    name = answer.suspension.suspension_id
    click.echo(f"{label('proposed')} {name}")
    if replaced:
        which = f"{replaced[0]}, which the same administrator proposed before and nobody confirmed"
        click.echo(f"{label('replaced')} {which}: it can be confirmed no more")
    hint = f"another administrator: numseal admin agreements confirm {agreement} {name}"
    click.echo(f"{label('next')} {note(hint)}")


@agreements.command(name="confirm")
@click.argument("agreement")
@click.argument("suspension")
@click.option("--proof", type=_FILE, metavar="FILE", help="Write the proof of the log's entry (C2SP tlog-proof).")
@calling
def confirm_command(caller: Caller, *, agreement: str, suspension: str, proof: Path | None) -> None:
    """Suspend AGREEMENT by the SUSPENSION that another administrator proposed."""
    request = pb.ConfirmSuspensionRequest(agreement_id=agreement, suspension_id=suspension)
    _prove(caller, "ConfirmSuspension", request, proof)


@agreements.command(name="resume")
@click.argument("agreement")
@click.option("--reason", required=True, help="Why; must not name a person or number.")
@click.option("--reference", required=True, help="Reference to the decision that is carried out.")
@click.option("--proof", type=_FILE, metavar="FILE", help="Write the proof of the log's entry (C2SP tlog-proof).")
@calling
def resume_command(caller: Caller, *, agreement: str, reason: str, reference: str, proof: Path | None) -> None:
    """Bring a suspended AGREEMENT into force again."""
    request = pb.ResumeAgreementRequest(agreement_id=agreement, reason=reason, reference=reference)
    _prove(caller, "ResumeAgreement", request, proof)


@agreements.command(name="end")
@click.argument("agreement")
@click.option("--reason", required=True, help="Why; must not name a person or number.")
@click.option("--reference", required=True, help="Reference to the decision that is carried out.")
@click.option("--proof", type=_FILE, metavar="FILE", help="Write the proof of the log's entry (C2SP tlog-proof).")
@calling
def end_command(caller: Caller, *, agreement: str, reason: str, reference: str, proof: Path | None) -> None:
    """End AGREEMENT for good."""
    request = pb.EndAgreementRequest(agreement_id=agreement, reason=reason, reference=reference)
    _prove(caller, "EndAgreement", request, proof)


def _read(path: Path) -> resource_pb2.Agreement:
    try:
        table = Table(path, "", read_toml(path, "agreement"))
        message = resource_pb2.Agreement(
            agreement_id=table.text("id", pattern=ID, expected=ID_EXPECTED),
            relying_party_id=table.text("relying_party", expected="a relying party's id"),
            operator_id=table.text("operator", expected="an operator's id"),
        )
        terms = read_terms(table, open_end=True)
        table.close()
    except ConfigError as error:
        fail(str(error), USAGE)
    message.start_time.CopyFrom(Timestamp(seconds=terms["valid_from"]))
    if terms["valid_until"] is not None:
        message.end_time.CopyFrom(Timestamp(seconds=terms["valid_until"]))
    message.methods.extend(operator_pb2.Method.Value(f"METHOD_{method.name}") for method in terms["methods"])
    message.signals.extend(subscriber_pb2.SignalKind.Value(f"SIGNAL_KIND_{name.upper()}") for name in terms["signals"])
    quota, offer = terms["quota"], terms["offer"]
    message.quota.daily_verifications = quota.daily_verifications
    message.quota.calls_per_second = quota.calls_per_second
    message.quota.daily_cost_cap_micros = quota.daily_cost_cap_micros
    message.quota.currency_code = quota.currency
    if offer is not None:
        message.offer.uri, message.offer.sha256 = offer.uri, offer.sha256
        message.offer.approval_reference = offer.approval_reference
    message.consent_purpose = terms["consent_purpose"]
    message.notification_reference = terms["notification_reference"]
    return message


def _prove(caller: Caller, rpc: str, request: Any, path: Path | None) -> None:
    """Make a change that the log has an entry of, keep its proof, and print both."""

    with proof_file(path) as file:

        async def work(calls: AdminCalls) -> Proved:
            answer = await calls(rpc, request)
            # Kept before anything else can fail: what was done is not done again.
            problem = file.write(answer.proof)
            return Proved(answer, await document_of(calls, request.agreement_id, answer.proof), problem)

        proved = caller.call(work)
    agreement, proof = proved.answer.agreement, proved.answer.proof
    if caller.as_json:
        print_json({"agreement": values_of(agreement), "proof": proof, "document": proved.document})
    else:
        _print(caller, agreement)
        what = f"numseal admin audit-trail --resource agreements/{agreement.agreement_id}"
        click.echo(f"{label('entry')} {proved.leaf_index} of the log  {note(f'its document: {what}')}")
        click.echo(f"{label('proof')} {path or note('--proof FILE writes it')}")
    if proved.problem:
        if not caller.as_json:
            click.echo(proof)
        fail(f"{path}: {proved.problem}; it is done, only the proof was not written to the file: it is printed", USAGE)


def _print(caller: Caller, item: resource_pb2.Agreement) -> None:
    if caller.as_json:
        print_json(values_of(item))
    else:
        print_agreement(item)
