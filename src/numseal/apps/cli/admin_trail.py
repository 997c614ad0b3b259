"""`numseal admin audit-trail`: what administrators did, and up to which event the chain of it is whole.

A chain tells of nothing that follows its last event: what is claimed here ends there, and is said with its hash.
"""

import hashlib
import sys
from base64 import b64encode

import click
import orjson
from google.protobuf.timestamp_pb2 import Timestamp

from numseal.api.admin.v1 import admin_pb2 as pb
from numseal.api.admin.v1 import resource_pb2
from numseal.apps.cli.admin_proof import logged_in
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
    """Print what administrators did, the oldest first, and check that none was changed or left out up to the last.

    Events cut off behind the last one cannot be seen in the chain: keep the number and hash of the last event, and look
    whether the event of that number still has that hash later (--json prints each event's), or compare them with what
    others have seen. A part of the trail, by --resource, cannot be checked.

    Where an event is in the public log, its entry is printed: index, kind and hash; the hash is the SHA-256 of the text
    `document` in the event's detail.

    Exit code 0: whole up to the last event, or not checked. 1: broken, or refused. 2: usage, or the server cannot be
    reached.
    """
    events = [_event(item) for item in caller.call(lambda calls: _all(calls, resource))]
    broken = None if resource else first_break(events)
    if caller.as_json:
        whole = "WHOLE" if events else "EMPTY"
        chain = "NOT_CHECKED" if resource else whole if broken is None else "BROKEN"
        document = {
            "events": [_values(event) for event in events],
            "chain": chain,
            "broken_at": broken,
            "last": _last(events) if chain == "WHOLE" else None,
        }
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    else:
        for event in events:
            click.echo(f"{event.sequence}  {_when(event)}  {event.administrator_id}  {event.action}  {event.resource}")
            click.echo(note(f"    {event.detail}"))
            entry = _entry(event)
            if entry is not None:
                click.echo(note(f"    entry {entry['leaf_index']} of the log: {entry['kind']} {entry['payload']}"))
        if resource:
            click.echo(note("the chain is not checked: only a part of the trail is shown"))
        elif not events:
            click.echo(note("the trail is empty: whether there were events before cannot be seen"))
        elif broken is None:
            last = events[-1]
            click.echo(good(f"the chain is whole from event 1 to event {last.sequence}, {last.chain_hash.hex()}"))
            click.echo(note("events cut off behind that one cannot be seen: compare both with what you or others kept"))
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


def _when(event: AuditEvent) -> str:
    return Timestamp(seconds=event.time).ToJsonString()


def _last(events: list[AuditEvent]) -> dict[str, object] | None:
    return {"sequence": events[-1].sequence, "chain_hash": events[-1].chain_hash.hex()} if events else None


def _entry(event: AuditEvent) -> dict[str, object] | None:
    """Return the log's entry that an event tells of as the log has it: index, kind, and hash in base64."""
    logged = logged_in(event.detail)
    if logged is None:
        return None
    index, document = logged
    kept = b64encode(hashlib.sha256(document.encode()).digest()).decode()
    return {"leaf_index": index, "kind": "agr", "payload": kept}


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
        "event_time": _when(event),
        "administrator_id": event.administrator_id,
        "action": event.action,
        "resource": event.resource,
        "detail_json": event.detail,
        "log_entry": _entry(event),
        "chain_hash": event.chain_hash.hex(),
    }
