"""The page of evidence: what was observed, by whom, when, and how far each signal could be used."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import orjson

from numseal.apps.explain.page import Row, Section, row, section
from numseal.apps.explain.words import describe, moment, span, state_of
from numseal.attestation.commitment import canonical_record
from numseal.domain.evidence import (
    SIGNAL_NAMES,
    Evidence,
    Lookup,
    Possession,
    SignalState,
    Subscriber,
    Velocity,
)
from numseal.domain.msisdn import mask
from numseal.domain.verdict import Level
from numseal.verify.report import written_time

_NOBODY = Subscriber()


def evidence_sections(evidence: Evidence, *, unmasked: bool) -> list[Section]:
    """Write the whole of the evidence, a section a matter."""
    at = evidence.time
    parts = [
        section("Number", _number(evidence, unmasked=unmasked)),
        lookup_section("Lookup before the code", evidence.before),
    ]
    if evidence.porting is not None:
        parts.insert(1, lookup_section("Lookup at the operator that named this one", evidence.porting))
    parts += [
        lookup_section(f"Lookup before further code {number}", lookup)
        for number, lookup in enumerate(evidence.before_resend, start=1)
    ]
    if evidence.after is not None:
        parts.append(lookup_section("Lookup after the code", evidence.after))
    parts.append(section("Control of the number", _control(evidence)))
    client = evidence.client
    parts.append(
        section(
            "Client network",
            [row("not known")]
            if client is None
            else [row(f"{client.kind} in {client.country or 'no country named'}", client.operator_id)],
        )
    )
    parts.append(section("Seen together", velocity_rows(evidence.velocity)))
    parts.append(section("Previous binding", _previous(evidence)))
    grants = [row(grant.answer.value, moment(grant.time, at), grant.reference) for grant in evidence.grants]
    parts.append(section("Answers given", grants or [row("none")]))
    return parts


def evidence_values(evidence: Evidence, *, unmasked: bool) -> dict[str, Any]:
    """Give evidence as the JSON values of its record, the number masked."""
    values: dict[str, Any] = orjson.loads(canonical_record(evidence))
    if unmasked:
        return values
    once = (values[name] for name in ("before", "after", "possession", "porting"))
    for said in (*once, *values["before_resend"], *values["earlier"]):
        if said is not None:
            # What an operator signs names the number; its hash does not.
            said["statement"] = ""
    return {**values, "phone_number": mask(evidence.phone_number)}


def lookup_section(title: str, lookup: Lookup) -> Section:
    """Write one lookup: what came of it, and a line a signal with state, value, age and source."""
    at = lookup.time
    rows = [row("outcome", lookup.outcome.value, f"{lookup.operator_id}, {written_time(at)}")]
    for name, value in (
        ("failure", lookup.failure),
        ("ported to", " ".join(part for part in (lookup.ported_to, lookup.ported_plmn) if part)),
        ("reference", lookup.lookup_reference),
        ("statement", lookup.statement_hash),
    ):
        if value:
            rows.append(row(name, value))
    if lookup.subscriber is not None:
        rows += _signals(lookup.subscriber, at)
    return section(title, rows)


def _signals(found: Subscriber, at: int) -> Iterator[Row]:
    yield row("signal", "state", "value", "observed")
    for name, signal in found.signals():
        age, source = state_of(signal.meta, at)
        usable = signal.meta.state is SignalState.OK
        value = describe(signal.value, at, name) if usable or signal.value is not None else ""
        seen = ", ".join(part for part in (age and f"{age} old", source and f"by {source}") if part)
        yield row(name, signal.meta.state.value, value, seen, tone="" if usable else "warn")


def _number(evidence: Evidence, *, unmasked: bool) -> Iterator[Row]:
    yield row("number", evidence.phone_number if unmasked else mask(evidence.phone_number))
    yield row("country", evidence.country or "not known")
    yield row("operator", " ".join((evidence.routed_operator, *evidence.home_plmns)))
    yield row("judged at", written_time(evidence.time))
    if evidence.required_level is not Level.NONE:
        yield row("required", evidence.required_level.name)


def _control(evidence: Evidence) -> Iterator[Row]:
    for possession in evidence.possessions():
        yield row(possession.method.value, possession_words(possession, evidence.time))
    if evidence.possession is None:
        yield row("not shown", tone="warn")
    if evidence.network_mismatches:
        yield row(f"{evidence.network_mismatches} network pages were opened by another SIM", tone="warn")


def possession_words(possession: Possession, at: int) -> str:
    """Say when a code was sent and shown, and what the operator said of its delivery."""
    delivery = "" if possession.delivery is None else f", delivery {possession.delivery}"
    took = span(possession.shown_time - possession.sent_time)
    return f"shown {moment(possession.shown_time, at)}, {took} after it was sent{delivery}"


def velocity_rows(velocity: Velocity) -> list[Row]:
    """Write each count by its name."""
    return [
        row(item.name.replace("_", " "), "not counted" if count is None else str(count))
        for item in fields(velocity)
        for count in (getattr(velocity, item.name),)
    ]


def _previous(evidence: Evidence) -> Iterator[Row]:
    previous, at = evidence.previous, evidence.time
    if previous is None:
        yield row("none")
        return
    for item in fields(previous):
        if item.name != "facts":
            yield row(item.name.replace("_", " "), describe(getattr(previous, item.name), at, item.name))
    for item in fields(previous.facts):
        value = describe(getattr(previous.facts, item.name), at, item.name)
        yield row(f"then {item.name.replace('_', ' ')}", value)


def at_path(evidence: Evidence, path: str) -> str:
    """Say what stands at a path of a finding ("after.sim_change"), empty where it leads nowhere.

    The number itself is masked: it stands at the head of the page, in full where that was asked for.
    """
    if path == "phone_number":
        return mask(evidence.phone_number)
    return _follow(evidence, path.split("."), evidence.time)


def _follow(value: Any, names: list[str], at: int) -> str:
    name, rest = names[0], names[1:]
    if isinstance(value, Lookup):
        at = value.time
        value = value.subscriber or _NOBODY if name in SIGNAL_NAMES else value
    if isinstance(value, tuple):
        # A path into several lookups is one into each.
        return "; ".join(found for item in value if (found := _follow(item, names, at)))
    if name not in getattr(value, "__dataclass_fields__", ()):
        return ""
    inner = getattr(value, name)
    return _follow(inner, rest, at) if rest else describe(inner, at, name)
