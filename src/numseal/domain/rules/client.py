"""Rules about where the client is and what network it uses: hints that cap a level, and turn nobody away."""

from numseal.domain.evidence import Basis, NetworkKind
from numseal.domain.mobile_country import country_of_plmn
from numseal.domain.policy import RuleSetting
from numseal.domain.rules.view import View, found
from numseal.domain.verdict import Finding


def client_hosting(view: View, setting: RuleSetting) -> Finding | None:
    """Find a client behind a data centre, a proxy or an anonymiser."""
    client = view.evidence.client
    if client is None or client.kind is not NetworkKind.HOSTING:
        return None
    return found("CLIENT_HOSTING", setting, "The client comes through a data centre or a proxy.", "client.kind")


def client_elsewhere(view: View, setting: RuleSetting) -> Finding | None:
    """Find a client that is neither in the number's country nor where its handset is, as the HLR itself names it."""
    client = view.evidence.client
    if client is None or not view.home or client.country in view.home:
        return None
    places = [
        (seen.where, country_of_plmn(node.plmn))
        for seen in view.seen
        for node in seen.serving or ()
        if node.basis is Basis.DIRECT
    ]
    if not places or any(country == client.country for _, country in places):
        return None
    sentence = "The client is neither in the number's country nor where its handset is."
    return found("CLIENT_ELSEWHERE", setting, sentence, "client.country", f"{places[0][0]}.serving")


def network_mismatch(view: View, setting: RuleSetting) -> Finding | None:
    """Find that another SIM opened the operator's page, and the number's own never did."""
    if view.evidence.network_mismatches == 0 or view.network_shown:
        return None
    sentence = "The page that recognises the SIM was opened through another one."
    return found("NETWORK_MISMATCH", setting, sentence, "network_mismatches")
