"""What the whole can do, from what its parts can. Pure: what each part told goes in, one `Capabilities` comes out.

A part that did not answer when it was asked last adds nothing but what it costs once it is back.
"""

from collections.abc import Sequence

from numseal.adapters.operators.composed import prices
from numseal.adapters.operators.composed.parts import Part
from numseal.adapters.operators.composed.roster import Standing
from numseal.domain.evidence import SIGNAL_NAMES, Method
from numseal.domain.operator import WATCHED_KINDS, Capabilities, EventKind

CONTRACT_VERSION = "1.0"

Offers = Sequence[tuple[Part, Capabilities]]
"""What the parts told that answered, in their order."""


def merged(
    operator_id: str,
    plmns: tuple[str, ...],
    standings: Sequence[Standing],
    *,
    senders: Sequence[Capabilities],
    watching: Part | None,
    now: int,
) -> Capabilities:
    """Return what the whole can do; `senders` are all that may send codes, `watching` the part that watches numbers.

    The kinds of events about numbers are the watching part's alone, since it alone is asked to watch. Statements are
    signed only where one part gives every signal.
    """
    told = [item.present for item in standings if item.present is not None]
    watcher = next((item.present for item in standings if item.part is watching), None)
    kinds: set[EventKind] = set(watcher.events) & set(WATCHED_KINDS) if watcher is not None else set()
    kinds |= {EventKind.DELIVERY for one in told if EventKind.DELIVERY in one.events}
    signals = {name for one in told for name in one.signals}
    witnesses = [one for one in told if one.signals]
    return Capabilities(
        contract_version=CONTRACT_VERSION,
        operator_id=operator_id,
        plmns=plmns,
        signals=tuple(name for name in SIGNAL_NAMES if name in signals),
        methods=tuple(method for method in Method if any(method in one.methods for one in told)),
        idempotent=bool(senders) and all(one.idempotent for one in senders),
        prior_codes_valid=bool(senders) and all(one.prior_codes_valid for one in senders),
        server_time=now,
        events=tuple(kind for kind in EventKind if kind in kinds),
        event_retention=min((one.event_retention for one in told if one.events), default=0) if kinds else 0,
        max_watches=watcher.max_watches if watcher is not None else 0,
        signs_statements=len(witnesses) == 1 and witnesses[0].signs_statements,
        prices=prices.merged(standings, watcher),
    )
