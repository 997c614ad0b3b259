"""Rules that compare the lookups of one verification: what moved while it ran."""

from collections.abc import Iterator
from itertools import combinations

from numseal.domain.evidence import Basis, Forwarding, ForwardingKind, Serving
from numseal.domain.mobile_country import country_of_plmn
from numseal.domain.policy import RuleSetting
from numseal.domain.rules.references import other_sim
from numseal.domain.rules.view import Seen, View, found
from numseal.domain.verdict import Finding


def sim_changed_during_verification(view: View, setting: RuleSetting) -> Finding | None:
    """Find that two lookups of one verification, before and after a code, saw two SIMs."""
    for later, earlier in _pairs(view):
        if other_sim(earlier.sim_ref, later.sim_ref):
            name = "sim_ref"
        elif _newer_sim_change(earlier, later):
            name = "sim_change"
        else:
            continue
        sentence = "The number's SIM changed while the number was being verified."
        return found("SIM_CHANGED_DURING_VERIFICATION", setting, sentence, *_both(earlier, later, name))
    return None


def _newer_sim_change(earlier: Seen, later: Seen) -> bool:
    """Tell whether an operator that named its last change of SIM names a newer one now: its own clock both times."""
    old, new = earlier.sim_change, later.sim_change
    return old is not None and new is not None and new.time > old.time


def serving_changed_during_verification(view: View, setting: RuleSetting) -> Finding | None:
    """Find that the handset moved into another network, as a redirection of its messages looks (TS 29.002 §8.1.2).

    Between networks of the operator, or of the one foreign country a roaming handset is in, it moves by itself.
    """
    for later, earlier in _pairs(view):
        for old, new in _moves(earlier, later):
            if old.plmn != new.plmn and not _neighbours(view, old.plmn, new.plmn):
                sentence = "The number's handset moved into another network while the number was being verified."
                paths = _both(earlier, later, "serving")
                return found("SERVING_CHANGED_DURING_VERIFICATION", setting, sentence, *paths)
    return None


def node_changed(view: View, setting: RuleSetting) -> Finding | None:
    """Find that another node serves the handset: people move."""
    for later, earlier in _pairs(view):
        for old, new in _moves(earlier, later):
            stayed = old.plmn == new.plmn
            if (stayed and old.key_epoch == new.key_epoch) or (not stayed and _neighbours(view, old.plmn, new.plmn)):
                sentence = "Another node of the network serves the number's handset than before."
                return found("NODE_CHANGED", setting, sentence, *_both(earlier, later, "serving"))
    return None


def forwarding_changed_during_verification(view: View, setting: RuleSetting) -> Finding | None:
    """Find that call forwarding was set or lifted meanwhile; a spoken code besides is VOICE_CODE_FORWARDED."""
    for later, earlier in _pairs(view):
        if earlier.forwarding is None or later.forwarding is None:
            continue
        if _active(earlier.forwarding) != _active(later.forwarding):
            sentence = "The number's call forwarding was changed while the number was being verified."
            paths = _both(earlier, later, "forwarding")
            return found("FORWARDING_CHANGED_DURING_VERIFICATION", setting, sentence, *paths)
    return None


def _active(forwarding: tuple[Forwarding, ...]) -> set[ForwardingKind]:
    return {item.kind for item in forwarding if item.active}


def _pairs(view: View) -> Iterator[tuple[Seen, Seen]]:
    """Yield every later and earlier answer of one and the same operator."""
    for later, earlier in combinations(view.seen, 2):
        if later.operator_id == earlier.operator_id:
            yield later, earlier


def _moves(earlier: Seen, later: Seen) -> Iterator[tuple[Serving, Serving]]:
    """Yield the nodes of the same domain that differ, as the HLR itself named them both times."""
    for old in earlier.serving or ():
        for new in later.serving or ():
            if (
                (old.node_ref != new.node_ref or old.plmn != new.plmn)
                and old.domain is new.domain
                and old.basis is new.basis is Basis.DIRECT
            ):
                yield old, new


def _neighbours(view: View, old: str, new: str) -> bool:
    home = view.evidence.home_plmns
    if old in home or new in home:
        return old in home and new in home
    country = country_of_plmn(old)
    return country is not None and country == country_of_plmn(new) and country not in view.home


def _both(earlier: Seen, later: Seen, name: str) -> tuple[str, str]:
    return f"{earlier.where}.{name}", f"{later.where}.{name}"
