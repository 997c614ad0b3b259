"""Answer whether an attestation that an account presents is really this account's, and what it is worth now."""

from collections.abc import Mapping
from dataclasses import replace

from numseal.attestation import key_binding
from numseal.attestation.errors import AttestationError
from numseal.attestation.presentation import Presented, open_presentation
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.binding import NO_STREAMS, BindingRow, Check, CheckResult, Stream, check_number
from numseal.domain.verdict import Finding, Level, Severity
from numseal.ports.clock import Clock
from numseal.ports.store import Store
from numseal.usecases.presentation_fields import check_presentation_fields, require_demand
from numseal.usecases.start_verification import check_account_id
from numseal.verify.report import printable

LEEWAY = 60
"""Seconds by which an attestation may begin in the future, where clocks differ."""

_ISSUER_UNKNOWN = frozenset({"KID_UNKNOWN", "ISSUER_MISMATCH"})
_AFTER_VALIDITY = frozenset({CheckResult.GENUINE, CheckResult.UNVERIFIED})


class CheckPresentation:
    """Judges presentations by the issuer's keys and records; asks no operator. Nothing need be disclosed in them.

    The first of these that holds is the answer:

    1. SPOOFED, PRESENTATION_ALTERED: it is no attestation as it was signed, or its disclosures are not.
    2. SPOOFED, ISSUER_UNKNOWN: it was signed with another key, or by another issuer.
    3. SPOOFED, PRESENTATION_UNKNOWN: it was signed here, and the records do not hold it.
    4. SPOOFED, PRESENTATION_FOR_ANOTHER_RELYING_PARTY: it was issued for another one; nothing more is said.
    5. SPOOFED, PRESENTATION_OF_ANOTHER_ACCOUNT: it is not this account's.
    6. SPOOFED, KEY_BINDING_MISSING or KEY_BINDING_WRONG: nobody shows that the key in `cnf` presents it for this nonce
       and audience, now.
    7. What `domain.binding.check_number` says of the binding it attests: SUSPENDED, STALE (PRESENTATION_EXPIRED where
       the attestation itself has run out, PRESENTATION_NOT_YET_VALID where it has not begun), UNVERIFIED, GENUINE,
       SUPERSEDED, REVOKED. Only the binding it attests counts: where a later one took its place, the answer is
       SUPERSEDED. NOT_KEY_BOUND is noted where the attestation has no `cnf`.
    """

    def __init__(
        self, *, keys: PublicKeys, store: Store, clock: Clock, streams: Mapping[str, Stream] = NO_STREAMS
    ) -> None:
        """Take what it needs by name; `streams` are those of the operators that send events."""
        self._keys = keys
        self._store = store
        self._clock = clock
        self._streams = streams

    async def __call__(
        self,
        relying_party: str,
        *,
        account_id: str,
        presentation: str,
        nonce: str = "",
        audience: str = "",
        min_level: Level = Level.NONE,
        max_age: int | None = None,
    ) -> Check:
        """Judge an SD-JWT with or without a KB-JWT; `max_age` of the last observation is in seconds, None for any.

        Whatever is wrong with it is an answer. Raises Refusal for a field that is missing or too long: nonce and
        audience are required where the attestation has `cnf`.
        """
        check_account_id(account_id)
        check_presentation_fields(presentation, nonce, audience)
        now = self._clock.now()
        try:
            shown = open_presentation(presentation, self._keys.attestation_keys)
            self._check_issuer(shown)
        except AttestationError as error:
            if error.reason in _ISSUER_UNKNOWN:
                return _spoofed("ISSUER_UNKNOWN", "The presentation is not one of this issuer's attestations.")
            return _spoofed("PRESENTATION_ALTERED", f"The presentation is not as it was issued: {error}.")
        found = await self._find(shown, relying_party, account_id)
        if isinstance(found, Check):
            return found
        wrong = _check_key(shown, nonce, audience, now)
        if wrong is not None:
            return wrong
        row, held_by_other = found
        check = check_number(
            [row],
            held_by_other=held_by_other,
            min_level=min_level,
            max_age=max_age,
            now=now,
            streams=self._streams,
        )
        return _with_validity(check, shown, now)

    def _check_issuer(self, shown: Presented) -> None:
        claims = shown.profile.claims
        if (claims.issuer, claims.log_origin) != (self._keys.issuer, self._keys.log_origin):
            raise AttestationError("ISSUER_MISMATCH", "another issuer or log is named")
        if claims.vct != self._keys.vct:
            raise AttestationError("ISSUER_MISMATCH", "another type is named")

    async def _find(self, shown: Presented, relying_party: str, account_id: str) -> tuple[BindingRow, bool] | Check:
        """Return the binding that the attestation is about and whether another account holds its number now.

        Or the answer, where it is not this account's.
        """
        record = await self._store.attestation(shown.profile.claims.jti)
        # The bytes that were signed, since a key that leaked could sign others under a `jti` that is known.
        if record is None or record.signing_input != shown.parts.jws.signing_input:
            return _spoofed("PRESENTATION_UNKNOWN", "The issuer's records do not hold this attestation.")
        if record.relying_party != relying_party:
            return _spoofed(
                "PRESENTATION_FOR_ANOTHER_RELYING_PARTY", "The attestation was issued for another relying party."
            )
        rows = await self._store.account_rows(relying_party, account_id, record.phone_number)
        for row in rows.rows:
            if row.binding_id == record.binding_id:
                return row, rows.held_by_other
        return _spoofed("PRESENTATION_OF_ANOTHER_ACCOUNT", "The attestation was not issued for this account.")


def _check_key(shown: Presented, nonce: str, audience: str, now: int) -> Check | None:
    """Return the answer where the attestation's key does not present it; raises Refusal without a demand."""
    key = shown.profile.claims.confirmation_jwk
    try:
        if key is None:
            # Without `cnf` there is no key to answer the nonce. Still, only the account it was issued for gets this
            # far, and the relying party knows which one that is.
            key_binding.refuse_without_key(shown.parts)
        else:
            require_demand(nonce, audience)
            key_binding.check(shown.parts, key, key_binding.Demand(nonce, audience, now))
    except AttestationError as error:
        code = "KEY_BINDING_MISSING" if error.reason == "KEY_BINDING_MISSING" else "KEY_BINDING_WRONG"
        return _spoofed(code, f"The presentation is not its holder's: {error}.")
    return None


def _with_validity(check: Check, shown: Presented, now: int) -> Check:
    """Add what the attestation itself says of its time, which outranks only what vouches or nearly does."""
    claims = shown.profile.claims
    findings: tuple[Finding, ...] = ()
    if now >= claims.expires_at:
        findings = (Finding("PRESENTATION_EXPIRED", Severity.CAUTION, "The attestation has run out."),)
    elif max(claims.not_before, claims.issued_at) > now + LEEWAY:
        findings = (Finding("PRESENTATION_NOT_YET_VALID", Severity.CAUTION, "The attestation has not begun yet."),)
    stale = bool(findings) and check.result in _AFTER_VALIDITY
    if claims.confirmation_jwk is None:
        sentence = "The attestation is bound to no key: whoever has a copy of it can present it."
        findings += (Finding("NOT_KEY_BOUND", Severity.NOTE, sentence),)
    result = CheckResult.STALE if stale else check.result
    ordered = sorted((*check.findings, *findings), key=lambda finding: -finding.severity)
    return replace(check, result=result, findings=tuple(ordered))


def _spoofed(code: str, sentence: str) -> Check:
    return Check(CheckResult.SPOOFED, Level.NONE, (Finding(code, Severity.SEVERE, printable(sentence)),), None)
