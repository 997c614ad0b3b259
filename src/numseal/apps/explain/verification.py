"""The page of a verification: who asked, what happened when, what it came to, and what became of it."""

from collections.abc import Iterator
from typing import Any

from numseal.apps.explain.evidence import evidence_sections, evidence_values
from numseal.apps.explain.page import Row, Section, row, section
from numseal.apps.explain.verdict import verdict_sections
from numseal.apps.explain.words import describe, moment
from numseal.domain.binding import Binding
from numseal.domain.evidence import Evidence, Lookup
from numseal.domain.limits import MAX_GUESSES, MAX_SENDS
from numseal.domain.msisdn import mask
from numseal.domain.verification import State, Verification
from numseal.usecases.conclude import evidence_of
from numseal.verify.replay import verdict_values
from numseal.verify.report import written_time

_GOOD = frozenset({State.VERIFIED})
_BAD = frozenset({State.REJECTED, State.FAILED, State.CONTESTED})


def evidence_behind(verification: Verification, holder: Binding | None) -> Evidence | None:
    """Put together what is known where no attestation holds the evidence; None before the first lookup."""
    if verification.before is None:
        return None
    if verification.shown:
        return evidence_of(verification, holder, (), verification.update_time)
    opening = verification.opening
    return Evidence(
        phone_number=opening.phone_number,
        routed_operator=opening.operator_id,
        time=verification.update_time,
        before=verification.before,
        before_resend=verification.before_resend,
        client=opening.client_network,
        network_mismatches=verification.network_mismatches,
        country=opening.region_code,
        required_level=opening.required_level,
        porting=verification.porting,
    )


def page_of(
    verification: Verification | None,
    evidence: Evidence | None,
    binding: Binding | None,
    holder: Binding | None,
    *,
    unmasked: bool,
) -> list[Section]:
    """Write the whole page; what is None is left out."""
    parts: list[Section] = []
    if verification is not None:
        parts.append(section("Verification", _opening(verification, unmasked=unmasked)))
        parts.append(section("History", [row(written_time(time), words) for time, words in history(verification)]))
    if evidence is not None:
        parts += evidence_sections(evidence, unmasked=unmasked)
    if verification is not None and verification.verdict is not None:
        parts += verdict_sections(verification.verdict, evidence)
    if verification is not None and verification.options:
        parts.append(section("Ways on", _options(verification)))
    if holder is not None:
        parts.append(section("Binding that has the number", _binding(holder)))
    if binding is not None:
        parts.append(section("Binding made", _binding(binding)))
    return parts


def values_of(
    verification: Verification | None,
    evidence: Evidence | None,
    binding: Binding | None,
    holder: Binding | None,
    *,
    unmasked: bool,
) -> dict[str, Any]:
    """Give the same as JSON values; times in Unix seconds."""
    return {
        "verification": None if verification is None else _verification_values(verification, unmasked=unmasked),
        "history": [{"time": time, "event": words} for time, words in (history(verification) if verification else ())],
        "evidence": None if evidence is None else evidence_values(evidence, unmasked=unmasked),
        "verdict": verdict_values(verification.verdict) if verification and verification.verdict else None,
        "options": [
            {
                "answer": option.answer.value,
                "method": option.method and option.method.value,
                "available_time": option.available_time,
                "level": option.level.name,
            }
            for option in (verification.options if verification else ())
        ],
        "holder": None if holder is None else _binding_values(holder),
        "binding": None if binding is None else _binding_values(binding),
    }


def history(verification: Verification) -> list[tuple[int, str]]:
    """Tell what is stored of what happened, in order; what left no trace is not in it."""
    opening = verification.opening
    before = (verification.before, *verification.before_resend)
    # Within a second the order is that in which these things happen.
    events = [(verification.create_time, f"opened: {opening.purpose}, by {opening.method}")]
    events += [(lookup.time, _asked(lookup)) for lookup in before if lookup is not None]
    events += [
        (code.send_time, f"code of {code.length} digits sent by {code.method}, delivery {code.delivery_state}")
        for code in verification.codes
    ]
    if verification.page is not None:
        events.append((verification.page.start_time, "network page made"))
    events += [(shown.shown_time, f"control shown by {shown.method}") for shown in verification.shown]
    if verification.after is not None:
        events.append((verification.after.time, _asked(verification.after)))
    events += [(grant.time, f"answer given: {grant.answer}") for grant in verification.grants]
    if verification.options:
        answers = ", ".join(dict.fromkeys(option.answer.value for option in verification.options))
        events.append((verification.option_time, f"ways on offered: {answers}"))
    events.append((verification.update_time, f"now {verification.state}"))
    events += [(report.record_time, f"reported as {report.outcome}") for report in verification.reports]
    return sorted(events, key=lambda event: event[0])


def _asked(lookup: Lookup) -> str:
    return f"asked {lookup.operator_id}: {lookup.outcome}"


def _opening(verification: Verification, *, unmasked: bool) -> Iterator[Row]:
    opening, state = verification.opening, verification.state
    tone = "good" if state in _GOOD else "bad" if state in _BAD else "warn"
    yield row("id", verification.verification_id)
    yield row("state", " ".join(part for part in (state.value, verification.failure) if part), tone=tone)
    yield row("number", opening.phone_number if unmasked else mask(opening.phone_number))
    yield row("asked by", f"{opening.relying_party}, for its account {opening.account_id}")
    yield row("purpose", f"{opening.purpose} by {opening.method}, level required {opening.required_level.name}")
    yield row("operator", f"{opening.operator_id} under the agreement {opening.agreement_id}")
    yield row("policy", opening.policy_digest)
    yield row(
        "codes",
        f"{verification.codes_counted} of {MAX_SENDS} sent, {verification.guesses} of {MAX_GUESSES} guesses wrong",
    )
    if opening.client.device_public_key_jwk:
        yield row("client key", "proved" if verification.key_proven else "named, not proved")
    if unmasked and opening.client.ip_address:
        yield row("client", " ".join((opening.client.ip_address, opening.client.user_agent)))
    if opening.consent_reference:
        yield row("consent", opening.consent_reference)
    yield row("opened", written_time(verification.create_time))
    yield row("ends", moment(verification.expire_time, verification.create_time))
    for name, value in (
        ("attestation", verification.jti),
        ("supersedes", ", ".join(verification.supersedes)),
        ("contested by", verification.contested_binding),
    ):
        if value:
            yield row(name, value)


def _options(verification: Verification) -> Iterator[Row]:
    for option in verification.options:
        method = "" if option.method is None else option.method.value
        when = moment(option.available_time, verification.option_time)
        yield row(option.answer.value, method, f"from {when}, up to {option.level.name}")


def _binding(binding: Binding) -> Iterator[Row]:
    at = binding.verified_time
    yield row("id", binding.binding_id)
    yield row("state", " ".join(part for part in (binding.state.value, binding.end_reason) if part))
    yield row("account", binding.account_id)
    yield row("level", f"{binding.level.name} by {binding.method} at {binding.operator_id}")
    for name in ("verified_time", "observed_time", "expire_time", "contested_time", "sim_changed_time", "end_time"):
        if getattr(binding, name) is not None:
            yield row(name.removesuffix("_time").replace("_", " "), describe(getattr(binding, name), at, name))
    if binding.reverify_by is not None:
        yield row("verify by", moment(binding.reverify_by, at))
    yield row("followed", binding.monitoring.value)
    for finding in binding.findings:
        yield row("found since", f"{finding.code}: {finding.sentence}")


def _verification_values(verification: Verification, *, unmasked: bool) -> dict[str, Any]:
    opening = verification.opening
    return {
        "verification_id": verification.verification_id,
        "state": verification.state.value,
        "failure": verification.failure,
        "relying_party": opening.relying_party,
        "account_id": opening.account_id,
        "phone_number": opening.phone_number if unmasked else mask(opening.phone_number),
        "purpose": opening.purpose.value,
        "method": opening.method.value,
        "required_level": opening.required_level.name,
        "operator": opening.operator_id,
        "agreement_id": opening.agreement_id,
        "policy": opening.policy_digest,
        "create_time": verification.create_time,
        "update_time": verification.update_time,
        "expire_time": verification.expire_time,
        "sends": verification.sends,
        "wrong_guesses": verification.guesses,
        "key_proven": verification.key_proven,
        "attestation_id": verification.jti,
        "supersedes": list(verification.supersedes),
        "contested_binding": verification.contested_binding,
    }


def _binding_values(binding: Binding) -> dict[str, Any]:
    return {
        "binding_id": binding.binding_id,
        "state": binding.state.value,
        "end_reason": binding.end_reason,
        "account_id": binding.account_id,
        "level": binding.level.name,
        "method": binding.method.value,
        "operator": binding.operator_id,
        "verified_time": binding.verified_time,
        "observed_time": binding.observed_time,
        "expire_time": binding.expire_time,
        "reverify_by": binding.reverify_by,
        "monitoring": binding.monitoring.value,
        "findings": [finding.code for finding in binding.findings],
    }
