"""What calls of the whole may cost, from what its parts told last. Pure; an upper bound, or no price.

A part that is away may be back long before prices are asked for again, so its prices count as if it were there. A price
that a part does not announce is not known, and not zero: where such a part may be asked, the whole announces none.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from numseal.adapters.operators.composed.roster import Standing
from numseal.domain.evidence import SIGNAL_NAMES, Method
from numseal.domain.operator import Capabilities, Operation, Price


def merged(standings: Sequence[Standing], watcher: Capabilities | None) -> tuple[Price, ...]:
    """Return what a call of the whole costs: every part's lookup, and what the part costs that does the rest."""
    prices = _of_lookups(standings)
    for method in Method:
        prices += _of_method(standings, method)
    if watcher is not None:
        prices += [price for price in watcher.prices if price.operation is Operation.WATCH_SUBSCRIBER]
    return tuple(prices)


def _who_may(standings: Iterable[Standing], offers: Callable[[Capabilities], bool]) -> Iterator[Capabilities | None]:
    """Yield what the parts told that may be asked for something; None for one that never told.

    That is the first that offers it now, and those before it that are away and may be back.
    """
    for item in standings:
        if item.told is None or offers(item.told):
            yield item.told
            if item.present is not None:
                return


def _of_lookups(standings: Sequence[Standing]) -> list[Price]:
    told = [item.told for item in standings if item.told is not None and item.told.signals]
    if any(item.told is None for item in standings):
        return []
    currencies = dict.fromkeys(price.currency for one in told for price in one.prices if _is_lookup(price))
    return [price for currency in currencies for price in _lookups_in(currency, standings, told)]


def _lookups_in(currency: str, standings: Sequence[Standing], told: Sequence[Capabilities]) -> list[Price]:
    """Return the prices of lookups in one currency: of one, and of each signal that has its own."""
    known = [_by_signal(one, currency) for one in told]
    complete = all("" in by or by.keys() >= set(one.signals) for one, by in zip(told, known, strict=True))
    flat = [by[""] for by in known if "" in by]
    prices: list[Price] = []
    for name in SIGNAL_NAMES:
        may = [one for one in _who_may(standings, partial(_gives, name)) if one is not None]
        micros = max((by[name] for one in may if name in (by := _by_signal(one, currency))), default=None)
        if micros is None:
            continue
        if any(item.present is not None and name in item.present.signals for item in standings):
            prices.append(Price(Operation.LOOK_UP_SUBSCRIBER, micros, currency, signal=name))
        else:
            # The whole does not offer the signal now, so nobody would count a price of its own.
            flat.append(micros)
    away = any(item.present is None and item.told is not None and item.told.signals for item in standings)
    # By signal alone, whoever counts sees himself which has no price; a price of all would hide it.
    if not complete and (flat or away):
        return []
    return [Price(Operation.LOOK_UP_SUBSCRIBER, sum(flat), currency), *prices] if flat else prices


def _by_signal(told: Capabilities, currency: str) -> dict[str, int]:
    """Return a part's prices by signal, under "" the price of a lookup."""
    return {
        price.signal: price.price_micros for price in told.prices if _is_lookup(price) and price.currency == currency
    }


def _gives(name: str, told: Capabilities) -> bool:
    return name in told.signals


def _is_lookup(price: Price) -> bool:
    return price.operation is Operation.LOOK_UP_SUBSCRIBER


def _of_method(standings: Sequence[Standing], method: Method) -> list[Price]:
    may = list(_who_may(standings, lambda told: method in told.methods))
    known = [told for told in may if told is not None]
    asking, by = (Operation.NETWORK_CHECK, None) if method is Method.NETWORK else (Operation.SEND_CODE, method)
    prices: list[Price] = []
    # One that never told may turn out to be the one that is asked. What is compared, one that is known has sent.
    if len(known) == len(may):
        prices += _dearest(known, asking, by)
    if method is Method.OPERATOR_CODE:
        prices += _dearest(known, Operation.CHECK_CODE, None)
    return prices


def _dearest(told: Sequence[Capabilities], operation: Operation, method: Method | None) -> list[Price]:
    """Return the highest price in each currency in which all of some parts have one."""
    known: list[dict[str, int]] = []
    for one in told:
        priced = [price for price in one.prices if price.operation is operation]
        common = {price.currency: price.price_micros for price in priced if price.method is None}
        known.append(common | {price.currency: price.price_micros for price in priced if price.method is method})
    return [
        Price(operation, max(by[currency] for by in known), currency, method=method)
        for currency in (known[0] if known else ())
        if all(currency in by for by in known)
    ]
