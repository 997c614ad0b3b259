"""Addresses of clients, from the simulation's file of client networks."""

import csv
import ipaddress
from importlib import resources

from numseal.apps.simulate.dice import Dice

_V6_SHARE = 0.4
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Addresses:
    """Draws addresses of operators' mobile data, of broadband in a country, and of data centres."""

    def __init__(self, text: str | None = None) -> None:
        """Read the file's text, by default the packaged one."""
        if text is None:
            packaged = resources.files("numseal.adapters.operators.simulator").joinpath("networks.csv")
            text = packaged.read_text(encoding="utf-8")
        self._mobile: dict[str, list[Network]] = {}
        self._fixed: dict[str, list[Network]] = {}
        self._hosting: list[Network] = []
        for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
            network = ipaddress.ip_network(row["prefix"])
            if row["kind"] == "MOBILE":
                self._mobile.setdefault(row["operator"], []).append(network)
            elif row["kind"] == "FIXED":
                self._fixed.setdefault(row["country"], []).append(network)
            else:
                self._hosting.append(network)

    def mobile(self, operator_id: str, dice: Dice) -> str:
        """Return an address of an operator's mobile data; of some operator's for one that has none."""
        return _draw(self._mobile.get(operator_id) or self._mobile[dice.one(sorted(self._mobile))], dice)

    def fixed(self, country: str, dice: Dice) -> str:
        """Return an address of broadband in a country."""
        return _draw(self._fixed[country], dice)

    def abroad(self, country: str, dice: Dice) -> str:
        """Return an address of broadband in another country."""
        return self.fixed(dice.one(sorted(self._fixed.keys() - {country, "FR"})), dice)

    def is_home(self, address: str, country: str) -> bool:
        """Tell whether an address is of broadband in the country."""
        found = ipaddress.ip_address(address)
        return any(found.version == network.version and found in network for network in self._fixed[country])

    def is_mobile(self, address: str) -> bool:
        """Tell whether an address is of some operator's mobile data."""
        found = ipaddress.ip_address(address)
        networks = (network for mobile in self._mobile.values() for network in mobile)
        return any(found.version == network.version and found in network for network in networks)

    def hosting(self, dice: Dice) -> str:
        """Return an address of a data centre."""
        return _draw(self._hosting, dice)


def _draw(networks: list[Network], dice: Dice) -> str:
    narrow = [network for network in networks if network.version == 4]  # noqa: PLR2004
    wide = [network for network in networks if network not in narrow]
    chosen = dice.one(wide if wide and (not narrow or dice.chance(_V6_SHARE)) else narrow)
    return str(chosen[dice.bits(chosen.max_prefixlen - chosen.prefixlen)])
