"""All checks, in the order they are told."""

from fnmatch import fnmatchcase

from numseal.conformance.check import Check
from numseal.conformance.checks import (
    capabilities,
    codes,
    events,
    lookups,
    malformed,
    network,
    rate,
    references,
    sending,
    signals,
    statements,
    transport,
    unannounced,
    watches,
)

CHECKS: tuple[Check, ...] = (
    *transport.CHECKS,
    *capabilities.CHECKS,
    *lookups.CHECKS,
    *signals.CHECKS,
    *references.CHECKS,
    *statements.CHECKS,
    *sending.CHECKS,
    *codes.CHECKS,
    *network.CHECKS,
    *watches.CHECKS,
    *events.CHECKS,
    *malformed.CHECKS,
    *unannounced.CHECKS,
    *rate.CHECKS,
)


def chosen(only: tuple[str, ...] = (), skip: tuple[str, ...] = ()) -> tuple[Check, ...]:
    """Return the checks whose ids match a pattern of `only`, all where it is empty, and none of `skip`.

    Patterns are the shell's, as "code.*".
    """
    return tuple(
        check
        for check in CHECKS
        if (not only or any(fnmatchcase(check.id, pattern) for pattern in only))
        and not any(fnmatchcase(check.id, pattern) for pattern in skip)
    )
