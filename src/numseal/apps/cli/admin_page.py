"""Agreements for people and as JSON: words, colours and rows. What is asked and answered is `admin_agreements`'."""

from decimal import Decimal
from typing import Any

import click
import orjson
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

from numseal.api.admin.v1 import resource_pb2
from numseal.api.operator.v1 import operator_pb2, subscriber_pb2
from numseal.apps.cli.style import bad, good, label, note

_NO_LIMIT = "no limit"


def print_agreement(item: resource_pb2.Agreement) -> None:
    """Print an agreement for people."""
    state = state_name(item)
    active = item.state == resource_pb2.AGREEMENT_STATE_ACTIVE
    quota, end = item.quota, _time(item.end_time) if item.HasField("end_time") else "it is ended"
    rows = [
        ("id", item.agreement_id),
        ("state", good(state) if active else bad(state)),
        ("etag", item.etag),
        ("between", f"{item.relying_party_id} and {item.operator_id}"),
        ("time", f"from {_time(item.start_time)} until {end}"),
        ("methods", ", ".join(operator_pb2.Method.Name(value).removeprefix("METHOD_") for value in item.methods)),
        ("signals", _signals(item)),
        ("quota", f"{quota.daily_verifications} verifications a day" if quota.daily_verifications else _NO_LIMIT),
        ("rate", f"{quota.calls_per_second} calls a second" if quota.calls_per_second else _NO_LIMIT),
        ("cost cap", _cost_cap(quota)),
        ("consent", f"required, for: {item.consent_purpose}" if item.consent_purpose else note("none required")),
        ("notified", item.notification_reference or note("no reference to the regulator's notification")),
        *_offer(item),
        *_acceptances(item),
    ]
    rows += [("stopped" if one.confirmed_by else "proposed", _suspension(one)) for one in item.suspensions]
    rows += [("made", _time(item.create_time)), ("changed", _time(item.update_time))]
    for name, value in rows:
        click.echo(f"{label(name)} {value}")


def _signals(item: resource_pb2.Agreement) -> str:
    names = ", ".join(
        subscriber_pb2.SignalKind.Name(value).removeprefix("SIGNAL_KIND_").lower() for value in item.signals
    )
    return f"{len(item.signals)} of {len(subscriber_pb2.SignalKind.keys()) - 1}: {names}"


def _cost_cap(quota: resource_pb2.Quota) -> str:
    if not quota.daily_cost_cap_micros:
        return _NO_LIMIT
    return f"{Decimal(quota.daily_cost_cap_micros).scaleb(-6).normalize():f} {quota.currency_code} a day"


def _offer(item: resource_pb2.Agreement) -> list[tuple[str, str]]:
    if not item.HasField("offer"):
        return [("offer", note("none named"))]
    approval = item.offer.approval_reference or note("no reference to its approval")
    return [("offer", item.offer.uri), ("sha256", item.offer.sha256), ("approval", approval)]


def _acceptances(item: resource_pb2.Agreement) -> list[tuple[str, str]]:
    rows = []
    for acceptance in item.acceptances:
        side = resource_pb2.AgreementSide.Name(acceptance.side).removeprefix("AGREEMENT_SIDE_")
        who = f"recorded by {acceptance.administrator_id} {_time(acceptance.accept_time)}"
        rows.append(("accepted", f"{side}: {acceptance.reference} {note(who)}"))
    return rows or [("accepted", note("by nobody"))]


def _suspension(item: resource_pb2.Suspension) -> str:
    parts = [f"proposed by {item.proposed_by} {_time(item.propose_time)}"]
    if item.confirmed_by:
        parts.append(f"confirmed by {item.confirmed_by} {_time(item.effect_time)}, entry {item.leaf_index} of the log")
    if item.resumed_by:
        parts.append(f"resumed by {item.resumed_by} {_time(item.resume_time)}")
    return f"{item.suspension_id} {item.reason} ({item.reference}) {note('; '.join(parts))}"


def state_name(item: resource_pb2.Agreement) -> str:
    """Name where an agreement stands."""
    return resource_pb2.AgreementState.Name(item.state).removeprefix("AGREEMENT_STATE_")


def _time(time: Timestamp) -> str:
    return time.ToJsonString()


def values_of(message: Any) -> dict[str, Any]:
    """Return a message as JSON has it, by the names of its fields."""
    values: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return values


def print_json(document: object) -> None:
    """Print a document as JSON."""
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
