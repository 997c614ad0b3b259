"""Agreements for people and as JSON: words, colours and rows. What is asked and answered is `admin_agreements`'."""

from datetime import UTC, datetime
from typing import Any

import click
import orjson
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

from numseal.api.admin.v1 import resource_pb2
from numseal.api.operator.v1 import operator_pb2, subscriber_pb2
from numseal.apps.cli.style import bad, good, label, note


def print_agreement(item: resource_pb2.Agreement) -> None:
    """Print an agreement for people."""
    state = state_name(item)
    active = item.state == resource_pb2.AGREEMENT_STATE_ACTIVE
    rows = [
        ("id", item.agreement_id),
        ("state", good(state) if active else bad(state)),
        ("etag", item.etag),
        ("between", f"{item.relying_party_id} and {item.operator_id}"),
        (
            "time",
            f"from {_time(item.start_time)}" + (f" until {_time(item.end_time)}" if item.HasField("end_time") else ""),
        ),
        ("methods", ", ".join(operator_pb2.Method.Name(value).removeprefix("METHOD_") for value in item.methods)),
        ("signals", f"{len(item.signals)} of {len(subscriber_pb2.SignalKind.keys()) - 1}"),
        ("quota", _quota(item.quota)),
    ]
    if item.consent_purpose:
        rows.append(("consent", item.consent_purpose))
    if item.HasField("offer"):
        rows.append(("offer", f"{item.offer.uri} {note(item.offer.sha256)}"))
    for acceptance in item.acceptances:
        side = resource_pb2.AgreementSide.Name(acceptance.side).removeprefix("AGREEMENT_SIDE_")
        who = f"by {acceptance.administrator_id}, {_time(acceptance.accept_time)}"
        rows.append(("accepted", f"{side}: {acceptance.reference} {note(who)}"))
    rows += [("stopped" if one.confirmed_by else "proposed", _suspension(one)) for one in item.suspensions]
    for name, value in rows:
        click.echo(f"{label(name)} {value}")


def _suspension(item: resource_pb2.Suspension) -> str:
    parts = [f"proposed by {item.proposed_by} {_time(item.propose_time)}"]
    if item.confirmed_by:
        parts.append(f"confirmed by {item.confirmed_by} {_time(item.effect_time)}, entry {item.leaf_index} of the log")
    if item.resumed_by:
        parts.append(f"resumed by {item.resumed_by} {_time(item.resume_time)}")
    return f"{item.suspension_id} {item.reason} ({item.reference}) {note('; '.join(parts))}"


def _quota(quota: resource_pb2.Quota) -> str:
    parts = []
    if quota.daily_verifications:
        parts.append(f"{quota.daily_verifications} verifications a day")
    if quota.calls_per_second:
        parts.append(f"{quota.calls_per_second} calls a second")
    if quota.daily_cost_cap_micros:
        parts.append(f"{quota.daily_cost_cap_micros / 1_000_000:g} {quota.currency_code} a day")
    return ", ".join(parts) or "no limit"


def state_name(item: resource_pb2.Agreement) -> str:
    """Name where an agreement stands."""
    return resource_pb2.AgreementState.Name(item.state).removeprefix("AGREEMENT_STATE_")


def _time(time: Timestamp) -> str:
    return datetime.fromtimestamp(time.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def values_of(message: Any) -> dict[str, Any]:
    """Return a message as JSON has it, by the names of its fields."""
    values: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return values


def print_json(document: object) -> None:
    """Print a document as JSON."""
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
