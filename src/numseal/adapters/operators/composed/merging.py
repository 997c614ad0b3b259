"""What the whole can do, from what its parts can. Pure: what each part told goes in, one `Capabilities` comes out.

A part that did not answer when it was asked last adds nothing. What a method costs, and whether it is idempotent, is
that of the parts that would be asked.
"""

from collections.abc import Iterable, Sequence

from numseal.adapters.operators.composed.parts import Part
from numseal.domain.evidence import SIGNAL_NAMES, Method
from numseal.domain.operator import WATCHED_KINDS, Capabilities, EventKind, Operation, Price

CONTRACT_VERSION = "1.0"

Offers = Sequence[tuple[Part, Capabilities]]
"""What the parts told that answered, in their order."""


def merged(
    operator_id: str,
    plmns: tuple[str, ...],
    offers: Offers,
    *,
    senders: Sequence[Capabilities],
    watching: Part | None,
    now: int,
) -> Capabilities:
    """Return what the whole can do; `senders` are all that may send codes, `watching` the part that watches numbers.

    The kinds of events about numbers are the watching part's alone, since it alone is asked to watch. Statements are
    signed only where one part gives every signal.
    """
    told = [capabilities for _, capabilities in offers]
    watcher = next((capabilities for part, capabilities in offers if part is watching), None)
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
        prices=_prices(offers, watcher),
    )


def _prices(offers: Offers, watcher: Capabilities | None) -> tuple[Price, ...]:
    """Return what a call of the whole costs: every part's lookup, and what the part costs that does the rest."""
    prices: list[Price] = []
    lookups: dict[str, int] = {}
    priced: set[str] = set()
    for _, told in offers:
        for price in told.prices:
            if price.operation is not Operation.LOOK_UP_SUBSCRIBER:
                continue
            if not price.signal:
                lookups[price.currency] = lookups.get(price.currency, 0) + price.price_micros
            elif price.signal in told.signals and price.signal not in priced:
                prices.append(price)
        priced.update(told.signals)
    prices += [Price(Operation.LOOK_UP_SUBSCRIBER, micros, currency) for currency, micros in lookups.items()]
    for method in Method:
        sender = next((told for _, told in offers if method in told.methods), None)
        if sender is not None:
            prices += _of_method(sender.prices, method)
    if watcher is not None:
        prices += [price for price in watcher.prices if price.operation is Operation.WATCH_SUBSCRIBER]
    return tuple(prices)


def _of_method(prices: Iterable[Price], method: Method) -> list[Price]:
    if method is Method.NETWORK:
        return [price for price in prices if price.operation is Operation.NETWORK_CHECK]
    sending = [price for price in prices if price.operation is Operation.SEND_CODE]
    own = [price for price in sending if price.method is method]
    common = [
        Price(Operation.SEND_CODE, price.price_micros, price.currency, method=method)
        for price in sending
        if price.method is None
    ]
    checks = [price for price in prices if price.operation is Operation.CHECK_CODE]
    return (own or common) + (checks if method is Method.OPERATOR_CODE else [])
