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
        """Take the agreements; two sides may have several, one after another or overlapping."""
        self._by_sides: dict[tuple[str, str], list[Agreement]] = {}
        for agreement in sorted(agreements, key=lambda item: -item.valid_until):
            self._by_sides.setdefault((agreement.relying_party, agreement.operator_id), []).append(agreement)

    def in_force(self, relying_party: str, operator_id: str, now: int) -> Agreement:
        """Return the agreement under which the operator may be asked, of several the one that lasts longest.

        Raises Refusal where there is none.
        """
        agreements = self._by_sides.get((relying_party, operator_id), [])
        for agreement in agreements:
            if agreement.valid_from <= now < agreement.valid_until:
                return agreement
        if any(now >= agreement.valid_until for agreement in agreements):
            raise denied("AGREEMENT_EXPIRED", f"the agreement with operator {operator_id} has ended")
        raise denied("NO_AGREEMENT", f"no agreement with operator {operator_id} is in force for this relying party")
