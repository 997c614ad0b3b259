"""Agreements: an operator is asked about its subscribers for a relying party only under one that is in force.

What an agreement says, how it stands, and which one holds now. How it comes to stand so is `agreement_lifecycle`, what
may be asked under it in a day is `agreement_quota`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from numseal.domain.errors import Refusal, denied, invalid
from numseal.domain.evidence import SIGNAL_NAMES, Method


@dataclass(frozen=True, slots=True)
class Quota:
    """What may be asked under an agreement; 0 stands for no limit.

    Days are those of UTC. The cost cap is in millionths of the unit of `currency` (ISO 4217), which a cap needs.
    """

    daily_verifications: int = 0
    calls_per_second: int = 0
    daily_cost_cap_micros: int = 0
    currency: str = ""


NO_LIMITS = Quota()


@dataclass(frozen=True, slots=True)
class Offer:
    """The public offer that an agreement rests on: where it is, its SHA-256 (hex), and what approved it."""

    uri: str
    sha256: str
    approval_reference: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What one relying party and one operator agreed; times in Unix seconds.

    `valid_until` is excluded; None is until it is ended. `signals` are names of the operator's contract.
    `consent_purpose` is what a verification's consent reference must be for, empty where no consent is required.
    """

    agreement_id: str
    relying_party: str
    operator_id: str
    valid_from: int
    valid_until: int | None = None
    methods: tuple[Method, ...] = tuple(Method)
    signals: tuple[str, ...] = SIGNAL_NAMES
    quota: Quota = NO_LIMITS
    offer: Offer | None = None
    consent_purpose: str = ""
    notification_reference: str = ""

    def holds(self, now: int) -> bool:
        """Tell whether `now` lies within its time."""
        return self.valid_from <= now and not self.over(now)

    def over(self, now: int) -> bool:
        """Tell whether its time has passed."""
        return self.valid_until is not None and now >= self.valid_until


class AgreementState(StrEnum):
    """Where an agreement stands. ENDED is final; operators are asked under an ACTIVE one."""

    PROPOSED = "PROPOSED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    ENDED = "ENDED"


class Side(StrEnum):
    """A side of an agreement."""

    RELYING_PARTY = "RELYING_PARTY"
    OPERATOR = "OPERATOR"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A side's acceptance: who recorded it, the reference to the side's own document, and when."""

    side: Side
    administrator_id: str
    reference: str
    time: int


@dataclass(frozen=True, slots=True)
class Suspension:
    """A suspension of an agreement, never of a person: in effect from its confirmation to its resumption.

    `leaf_index` is that of its entry in the log, None until it is confirmed.
    """

    suspension_id: str
    reason: str
    reference: str
    proposed_by: str
    propose_time: int
    confirmed_by: str = ""
    effect_time: int | None = None
    resumed_by: str = ""
    resume_time: int | None = None
    leaf_index: int | None = None


@dataclass(frozen=True, slots=True)
class AgreementRecord:
    """An agreement as it stands.

    `declared` ones are the configuration file's: its terms hold, and administrators may suspend, resume and end them.
    `suspensions` has the latest first. `version` grows with every change.
    """

    terms: Agreement
    state: AgreementState
    declared: bool = False
    acceptances: tuple[Acceptance, ...] = ()
    suspensions: tuple[Suspension, ...] = ()
    create_time: int = 0
    update_time: int = 0
    version: int = 1

    @property
    def etag(self) -> str:
        """The version as others name it."""
        return f"v{self.version}"

    def state_at(self, now: int) -> AgreementState:
        """Return where it stands: ENDED too once its time has passed."""
        return AgreementState.ENDED if self.terms.over(now) else self.state


def _longest_first(record: AgreementRecord) -> tuple[bool, int, str]:
    until = record.terms.valid_until
    return until is not None, -(until or 0), record.terms.agreement_id


class Agreements:
    """All agreements as they stand, found by their two sides and by their ids.

    Owner of mutable state: what `put` replaces. Whoever asks is answered by what was put last.
    """

    def __init__(self, agreements: Iterable[Agreement] = ()) -> None:
        """Take agreements that both sides have accepted; two sides may have several, in turn or overlapping."""
        self._by_id: dict[str, AgreementRecord] = {}
        self._by_sides: dict[tuple[str, str], list[AgreementRecord]] = {}
        for terms in agreements:
            self.put(AgreementRecord(terms, AgreementState.ACTIVE))

    def put(self, record: AgreementRecord) -> None:
        """Put a record in place of what was known of the agreement; an older version changes nothing."""
        terms = record.terms
        known = self._by_id.get(terms.agreement_id)
        if known is not None and known.version > record.version:
            return
        self._by_id[terms.agreement_id] = record
        sides = (terms.relying_party, terms.operator_id)
        others = [item for item in self._by_sides.get(sides, ()) if item.terms.agreement_id != terms.agreement_id]
        self._by_sides[sides] = sorted([*others, record], key=_longest_first)

    def get(self, agreement_id: str) -> AgreementRecord | None:
        """Return an agreement as it stands."""
        return self._by_id.get(agreement_id)

    def records(self) -> list[AgreementRecord]:
        """Return all, in the order of their ids."""
        return [self._by_id[name] for name in sorted(self._by_id)]

    def in_force(
        self,
        relying_party: str,
        operator_id: str,
        now: int,
        *,
        method: Method | None = None,
        consent: str | None = None,
    ) -> Agreement:
        """Return the agreement under which the operator may be asked, of several the one that lasts longest.

        With a `method`, one that covers it. `consent` is a verification's consent reference, None where nobody's
        consent is needed for what is asked. Raises Refusal where there is none, or consent is required and missing.
        """
        records = self._by_sides.get((relying_party, operator_id), ())
        covering = None
        for record in records:
            if record.state is AgreementState.ACTIVE and record.terms.holds(now):
                if method is None or method in record.terms.methods:
                    return _consented(record.terms, consent)
                covering = record.terms
        if covering is not None and method is not None:
            covered = ", ".join(covering.methods) or "none"
            raise denied(
                "METHOD_NOT_COVERED",
                f"the agreement with operator {operator_id} does not cover {method}; it covers {covered}",
            )
        raise _none_in_force(records, operator_id, now)


def _consented(terms: Agreement, consent: str | None) -> Agreement:
    if terms.consent_purpose and consent == "":
        raise invalid(
            "consent_reference",
            "CONSENT_REQUIRED",
            f"consent_reference: the agreement with operator {terms.operator_id} requires a reference to the person's "
            f"consent for: {terms.consent_purpose}",
        )
    return terms


def _none_in_force(records: Iterable[AgreementRecord], operator_id: str, now: int) -> Refusal:
    if any(record.state is AgreementState.SUSPENDED and record.terms.holds(now) for record in records):
        return denied("AGREEMENT_SUSPENDED", f"the agreement with operator {operator_id} is suspended")
    if any(record.state_at(now) is AgreementState.ENDED for record in records):
        return denied("AGREEMENT_EXPIRED", f"the agreement with operator {operator_id} has ended")
    return denied("NO_AGREEMENT", f"no agreement with operator {operator_id} is in force for this relying party")
