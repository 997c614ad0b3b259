"""`numseal admin audit-trail`: what administrators did, and whether the chain of it is whole."""

import sys

import click
import orjson
from google.protobuf.timestamp_pb2 import Timestamp

from numseal.api.admin.v1 import admin_pb2 as pb
from numseal.api.admin.v1 import resource_pb2
from numseal.apps.cli.admin_session import REFUSED, AdminCalls, Caller, calling
from numseal.apps.cli.style import bad, good, note
from numseal.domain.audit_trail import AuditEvent, first_break

PAGE = 1_000


@click.command(name="audit-trail")
@click.option(
    "--resource", default="", metavar="NAME", help='Only what was done to this, such as "agreements/demo-mts".'
)
@calling
def audit_trail(caller: Caller, *, resource: str) -> None:
    """Print what administrators did, the oldest first, and check that no event was changed or left out.

    A part of the trail, by --resource, cannot be checked. Exit code 0: whole, or not checked. 1: broken, or refused. 2:
    usage, or the server cannot be reached.
    """
    events = [_event(item) for item in caller.call(lambda calls: _all(calls, resource))]
    broken = None if resource else first_break(events)
    if caller.as_json:
        chain = "NOT_CHECKED" if resource else "WHOLE" if broken is None else "BROKEN"
        document = {"events": [_values(event) for event in events], "chain": chain, "broken_at": broken}
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    else:
        for event in events:
            when = Timestamp(seconds=event.time).ToJsonString()
            click.echo(f"{event.sequence}  {when}  {event.administrator_id}  {event.action}  {event.resource}")
            click.echo(note(f"    {event.detail}"))
        if resource:
            click.echo(note("the chain is not checked: only a part of the trail is shown"))
        elif broken is None:
            click.echo(good(f"the chain of {len(events)} events is whole"))
        else:
            click.echo(
                bad(f"the chain is broken at event {broken}: it is not the one that was recorded, or is missing")
            )
    if broken is not None:
        sys.exit(REFUSED)


async def _all(calls: AdminCalls, resource: str) -> list[resource_pb2.AuditEvent]:
    request = pb.ListAuditEventsRequest(page_size=PAGE, resource=resource)
    found: list[resource_pb2.AuditEvent] = []
    while True:
        answer = await calls("ListAuditEvents", request)
        found += answer.audit_events
        if not answer.next_page_token:
            return found[::-1]
        request.page_token = answer.next_page_token


def _event(item: resource_pb2.AuditEvent) -> AuditEvent:
    return AuditEvent(
        item.sequence,
        item.event_time.seconds,
        item.administrator_id,
        item.action,
        item.resource,
        item.detail_json,
        item.chain_hash,
    )


def _values(event: AuditEvent) -> dict[str, object]:
    return {
        "sequence": event.sequence,
        "time": event.time,
        "administrator_id": event.administrator_id,
        "action": event.action,
        "resource": event.resource,
        "detail_json": event.detail,
        "chain_hash": event.chain_hash.hex(),
    }
