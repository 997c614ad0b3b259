"""How operators' keyed references compare. A reference means something to the operator that made it, nobody else."""

from numseal.domain.evidence import Basis, DeviceRef, SimRef, SubscriberRef


def other_sim(earlier: SimRef | None, later: SimRef | None) -> bool:
    """Tell whether two references of one operator are of two SIMs.

    Only direct ones of one key epoch compare: SMS routers answer with a correlation id in place of an IMSI (TS 23.840).
    """
    if earlier is None or later is None:
        return False
    direct = earlier.basis is Basis.DIRECT and later.basis is Basis.DIRECT
    return direct and earlier.key_epoch == later.key_epoch and earlier.ref != later.ref


def same_sim(earlier: SimRef | None, later: SimRef | None) -> bool:
    """Tell whether two references of one operator are surely of one SIM."""
    return earlier is not None and earlier == later and earlier.basis is Basis.DIRECT


def other_ref(
    earlier: SubscriberRef | DeviceRef | None,
    later: SubscriberRef | DeviceRef | None,
) -> bool:
    """Tell whether two references of one operator, of one key epoch, are of two subscribers or devices."""
    if earlier is None or later is None:
        return False
    return earlier.key_epoch == later.key_epoch and earlier.ref != later.ref
