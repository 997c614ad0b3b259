"""Put the agreements that the configuration file declares into the store, and know all agreements as they stand.

The file accepts for both sides, and its terms hold from each start on. What administrators suspended or ended stays so.
One that the file has no more is accepted by nobody: it is PROPOSED until the file names it again.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from numseal.domain.agreement import Agreement, AgreementRecord, Agreements
from numseal.domain.agreement_lifecycle import CONFIGURATION, declare, withdraw
from numseal.domain.audit_trail import Deed
from numseal.ports.store import Needs, Rows, Store


@dataclass(frozen=True, slots=True)
class _Declare:
    declared: tuple[Agreement, ...]
    withdrawn: tuple[str, ...]

    @property
    def needs(self) -> Needs:
        names = tuple(terms.agreement_id for terms in self.declared)
        return Needs(agreements=(*names, *self.withdrawn), audit=True)

    def decide(self, rows: Rows) -> None:
        for terms in self.declared:
            known = rows.agreement(terms.agreement_id)
            _put(rows, "DeclareAgreement", known, declare(known, terms, rows.now))
        for name in self.withdrawn:
            known = rows.agreement(name)
            if known is not None:
                _put(rows, "WithdrawAgreement", known, withdraw(known, rows.now))


def _put(rows: Rows, action: str, known: AgreementRecord | None, after: AgreementRecord) -> None:
    if after is known:
        return
    rows.put_agreement(after)
    detail = json.dumps(
        {"etag": after.etag, "state": after.state.value, "terms": asdict(after.terms)},
        sort_keys=True,
        ensure_ascii=False,
    )
    rows.record_deed(Deed(CONFIGURATION, action, f"agreements/{after.terms.agreement_id}", detail))


class DeclareAgreements:
    """Declares agreements, once at a start."""

    def __init__(self, *, store: Store) -> None:
        """Take the store."""
        self._store = store

    async def __call__(self, declared: Sequence[Agreement]) -> Agreements:
        """Return all agreements, which follow every change from then on.

        Raises Refusal AGREEMENT_ID_TAKEN where an id in the file is another agreement's.
        """
        agreements = Agreements()
        self._store.follow_agreements(agreements.put)
        for record in await self._store.agreements():
            agreements.put(record)
        names = {terms.agreement_id for terms in declared}
        gone = [item.terms.agreement_id for item in agreements.records() if item.declared]
        withdrawn = tuple(name for name in gone if name not in names)
        await self._store.apply(_Declare(tuple(declared), withdrawn))
        return agreements
