"""Rules about the way a code took: whether it can have reached the handset, and nobody else."""

from numseal.domain.evidence import (
    Basis,
    ClientNetwork,
    DeliveryState,
    ForwardingKind,
    Method,
    NetworkKind,
    Possession,
    Reachability,
    ServiceState,
    Serving,
    ServingDomain,
)
from numseal.domain.mobile_country import country_of_plmn
from numseal.domain.policy import RuleSetting
from numseal.domain.rules.view import MINUTE, Seen, View, found
from numseal.domain.verdict import Finding

# Named once: to look up a member of an enumeration costs ten times what comparing it does.
_DIRECT, _FAILED, _DELIVERED, _VOICE = Basis.DIRECT, DeliveryState.FAILED, DeliveryState.DELIVERED, Method.VOICE
_TAKES_CALLS = frozenset({Reachability.REACHABLE, Reachability.SMS_ONLY})


def forwarding_active(view: View, setting: RuleSetting) -> Finding | None:
    """Find that all calls of the line go elsewhere (TS 22.082 §1, call forwarding unconditional)."""
    for seen in view.seen:
        for forwarding in seen.forwarding or ():
            if forwarding.active and forwarding.kind is ForwardingKind.UNCONDITIONAL:
                sentence = "All calls to this number are forwarded."
                return found("FORWARDING_ACTIVE", setting, sentence, f"{seen.where}.forwarding")
    return None


def voice_code_forwarded(view: View, setting: RuleSetting) -> Finding | None:
    """Find that a spoken code went out over a line that forwards such calls, then or by now."""
    for possession in view.codes:
        where = forwarded(view, possession)
        if where:
            sentence = "The code was spoken to a line that forwards calls."
            return found("VOICE_CODE_FORWARDED", setting, sentence, f"{where}.forwarding", "possession.method")
    return None


def forwarded(view: View, possession: Possession) -> str:
    """Return the name of the newest lookup that shows that a spoken code may have gone elsewhere, empty for none.

    Forwarding of a handset that cannot be reached (TS 22.082 §4), most people's voicemail, takes no call from one that
    can.
    """
    if possession.method is not _VOICE:
        return ""
    for seen in view.seen:
        for forwarding in seen.forwarding or ():
            idle = forwarding.kind is ForwardingKind.NOT_REACHABLE and seen.reachability in _TAKES_CALLS
            if forwarding.active and not idle:
                return seen.where
    return ""


def code_answered_undelivered(view: View, setting: RuleSetting) -> Finding | None:
    """Find that a code was answered of which the operator says that it was not delivered."""
    if not any(undelivered(possession) for possession in view.codes):
        return None
    sentence = "A code was answered that the operator could not deliver."
    return found("CODE_ANSWERED_UNDELIVERED", setting, sentence, "possession.delivery")


def undelivered(possession: Possession) -> bool:
    """Tell whether the operator says that a code was not delivered."""
    return possession.delivery is _FAILED


def code_could_not_arrive(view: View, setting: RuleSetting) -> Finding | None:
    """Find that a code was answered though the handset could receive none, before it was sent and after."""
    for possession in view.codes:
        paths = unreachable(view, possession)
        if paths:
            sentence = "A code was answered while the number's handset could not receive it."
            return found("CODE_COULD_NOT_ARRIVE", setting, sentence, *paths)
    return None


def unreachable(view: View, possession: Possession) -> tuple[str, ...]:
    """Return what shows that a code cannot have arrived, nothing where it can have."""
    if possession.delivery is _DELIVERED or len(view.seen) < 2:  # noqa: PLR2004 - before and after
        return ()
    after = view.seen[0]
    before = next((seen for seen in view.seen[1:] if seen.time <= possession.sent_time), None)
    if before is None or after.time < possession.shown_time:
        return ()
    name = "voice_service" if possession.method is _VOICE else "sms_service"
    if _off(getattr(before, name)) and _off(getattr(after, name)):
        return f"{before.where}.{name}", f"{after.where}.{name}"
    if _absent(before, possession) and _absent(after, possession):
        return f"{before.where}.reachability", f"{after.where}.reachability", f"{after.where}.last_seen"
    return ()


def _off(service: ServiceState | None) -> bool:
    return service is ServiceState.OFF or service is ServiceState.BARRED


def _absent(seen: Seen, possession: Possession) -> bool:
    """Tell whether the HLR itself names a handset not reachable that was not seen since the code was sent.

    A handset on VoWiFi, or one behind a home-routing node, can look absent and take messages all the same.
    """
    if seen.reachability is not Reachability.NOT_REACHABLE or seen.home_routed:
        return False
    if any(node.domain is ServingDomain.IMS for node in seen.serving or ()):
        return False
    return seen.last_seen is not None and seen.last_seen < possession.sent_time


def sound(view: View, possession: Possession) -> bool:
    """Tell whether nothing of the way a code took speaks against it."""
    return not (undelivered(possession) or forwarded(view, possession) or unreachable(view, possession))


def foreign_location_fresh(view: View, setting: RuleSetting) -> Finding | None:
    """Find a handset that registered abroad about when the code was sent, with a client that is not there.

    So a redirection of messages looks (TS 29.002 §8.1.2). Registered less than `max_minutes` before the code or after
    it. A client on the mobile data of the number's own operator may be anywhere: roaming data is routed home.
    """
    client = view.evidence.client
    if client is None or not view.home or _own_data(view, client):
        return None
    for seen, node in _fresh(view, setting.thresholds["max_minutes"] * MINUTE):
        if _is_abroad(view, node) and client.country != country_of_plmn(node.plmn):
            sentence = "The number's handset registered abroad just before the code, and the client is elsewhere."
            return found("FOREIGN_LOCATION_FRESH", setting, sentence, f"{seen.where}.serving", "client.country")
    return None


def other_network_fresh(view: View, setting: RuleSetting) -> Finding | None:
    """Find a handset that registered, as freshly, in another network of its own country (`max_minutes`)."""
    home = view.evidence.home_plmns
    if not home:
        return None
    for seen, node in _fresh(view, setting.thresholds["max_minutes"] * MINUTE):
        if node.plmn not in home and country_of_plmn(node.plmn) in view.home:
            sentence = "The number's handset registered in another network of its country just before the code."
            return found("OTHER_NETWORK_FRESH", setting, sentence, f"{seen.where}.serving", "home_plmns")
    return None


def roaming(view: View, setting: RuleSetting) -> Finding | None:
    """Find a handset abroad."""
    if not view.home:
        return None
    for seen in view.seen:
        for node in seen.serving or ():
            if _is_abroad(view, node):
                return found("ROAMING", setting, "The number's handset is abroad.", f"{seen.where}.serving")
    return None


def _is_abroad(view: View, node: Serving) -> bool:
    """Tell whether the HLR itself names a network that is neither the operator's own nor in the number's country."""
    if node.plmn in view.evidence.home_plmns or node.basis is not _DIRECT:
        return False
    return country_of_plmn(node.plmn) not in view.home


def _fresh(view: View, span: int) -> list[tuple[Seen, Serving]]:
    """Return the nodes at which the handset registered less than `span` seconds before the first code, or after it."""
    if not view.codes:
        return []
    since = min(possession.sent_time for possession in view.codes) - span
    return [
        (seen, node)
        for seen in view.seen
        for node in seen.serving or ()
        if node.basis is _DIRECT and node.update_time > since
    ]


def _own_data(view: View, client: ClientNetwork) -> bool:
    return client.kind is NetworkKind.MOBILE and client.operator_id == view.evidence.routed_operator
