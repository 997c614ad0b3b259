"""Agreements: an operator is asked about its subscribers for a relying party only under one that is in force."""

from dataclasses import dataclass

from numseal.domain.errors import denied


@dataclass(frozen=True, slots=True)
class Agreement:
    """What one relying party and one operator agreed; times in Unix seconds, `valid_until` excluded."""

    agreement_id: str
    relying_party: str
    operator_id: str
    valid_from: int
    valid_until: int


class Agreements:
    """All agreements, found by their two sides."""

    def __init__(self, agreements: tuple[Agreement, ...] = ()) -> None:
        """Take the agreements; of two between the same sides the one that ends later counts."""
        self._by_sides: dict[tuple[str, str], Agreement] = {}
        for agreement in sorted(agreements, key=lambda item: item.valid_until):
            self._by_sides[agreement.relying_party, agreement.operator_id] = agreement

    def in_force(self, relying_party: str, operator_id: str, now: int) -> Agreement:
        """Return the agreement under which the operator may be asked; raises Refusal where there is none."""
        agreement = self._by_sides.get((relying_party, operator_id))
        if agreement is None or now < agreement.valid_from:
            raise denied("NO_AGREEMENT", f"no agreement with operator {operator_id} is in force for this relying party")
        if now >= agreement.valid_until:
            raise denied("AGREEMENT_EXPIRED", f"the agreement with operator {operator_id} has ended")
        return agreement
