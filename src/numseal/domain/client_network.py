"""Which client network an address belongs to: read from a file, found by the longest prefix.

Rows are plain data; the networks never change once read, so they may be shared by all tasks. What a network is kept in
evidence as is `evidence.ClientNetwork`; what it means is for the rules.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from numseal.domain.evidence import ClientNetwork, NetworkKind

HEADER = ("prefix", "country", "kind", "operator")

_COUNTRY = re.compile(r"[A-Z]{2}")
_OPERATOR_ID = re.compile(r"[a-z0-9-]{0,64}")
_KINDS = {kind.value: kind for kind in NetworkKind}

Prefix = IPv4Network | IPv6Network


class ClientNetworkError(ValueError):
    """A file of client networks cannot be used; the message names the line, the column and what was expected."""


class ClientNetworks:
    """Finds the network of an address by its longest prefix."""

    __slots__ = ("_by_size",)

    def __init__(self, networks: Mapping[Prefix, ClientNetwork]) -> None:
        """Take the networks by their prefixes; none means that nothing is known of any address."""
        tables: dict[int, dict[int, dict[int, ClientNetwork]]] = {4: {}, 6: {}}
        for prefix, network in networks.items():
            shift = prefix.max_prefixlen - prefix.prefixlen
            tables[prefix.version].setdefault(shift, {})[int(prefix.network_address) >> shift] = network
        self._by_size = {version: sorted(table.items()) for version, table in tables.items()}

    def find(self, address: str) -> ClientNetwork | None:
        """Return the network of an IPv4 or IPv6 address, None where it is not known or `address` is none.

        An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) is the IPv4 address.
        """
        try:
            parsed = ip_address(address)
        except ValueError:
            return None
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        number = int(parsed)
        for shift, table in self._by_size[parsed.version]:
            found = table.get(number >> shift)
            if found is not None:
                return found
        return None

    def operators(self) -> frozenset[str]:
        """Return the ids of all operators that are named."""
        return frozenset(
            network.operator_id
            for sizes in self._by_size.values()
            for _, table in sizes
            for network in table.values()
            if network.operator_id
        )


NO_CLIENT_NETWORKS = ClientNetworks({})
"""Nothing is known of any address."""


def parse_client_networks(text: str) -> ClientNetworks:
    """Read networks from CSV with the header `prefix,country,kind,operator`; empty lines and lines of # are skipped.

    `prefix` is in CIDR notation without host bits, `country` ISO 3166-1 alpha-2, `kind` MOBILE, FIXED or HOSTING, and
    `operator` the id of the mobile operator that hands the addresses out, empty where it is none in the number plan.
    Raises `ClientNetworkError` naming line, column and what was expected.
    """
    networks: dict[Prefix, ClientNetwork] = {}
    shared: dict[ClientNetwork, ClientNetwork] = {}
    for line, row in _rows(text):
        prefix, network = _prefix(row[0], line), _network(row, line)
        if prefix in networks:
            raise _error(line, "prefix", f"one row for {prefix}, which an earlier line has")
        networks[prefix] = shared.setdefault(network, network)
    return ClientNetworks(networks)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row below the header with its line, its cells stripped."""
    rows = csv.reader(io.StringIO(text), strict=True)
    begun = False
    try:
        for row in rows:
            if not row or row[0].lstrip().startswith("#"):
                continue
            if not begun:
                if tuple(row) != HEADER:
                    raise _error(rows.line_num, "", f"the header {','.join(HEADER)}, found {','.join(row)[:80]!r}")
                begun = True
                continue
            if len(row) != len(HEADER):
                raise _error(rows.line_num, "", f"{len(HEADER)} columns ({','.join(HEADER)}), found {len(row)}")
            yield rows.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise ClientNetworkError(f"line {rows.line_num}: not CSV: {error}") from None
    if not begun:
        raise _error(1, "", f"the header {','.join(HEADER)}, found nothing")


def _prefix(text: str, line: int) -> Prefix:
    expected = "a prefix without host bits, such as 192.0.2.0/24 or 2001:db8::/32"
    try:
        prefix = ip_network(text)
    except ValueError:
        raise _error(line, "prefix", f"{expected}, found {text[:50]!r}") from None
    if isinstance(prefix, IPv6Network) and prefix.network_address.ipv4_mapped is not None:
        raise _error(line, "prefix", f"an IPv4 prefix written as one, found {text[:50]!r}")
    return prefix


def _network(row: list[str], line: int) -> ClientNetwork:
    _, country, kind, operator_id = row
    if not _COUNTRY.fullmatch(country):
        raise _error(line, "country", f"two capital letters of ISO 3166-1, such as RU, found {country[:20]!r}")
    if kind not in _KINDS:
        raise _error(line, "kind", f"one of {', '.join(_KINDS)}, found {kind[:20]!r}")
    if not _OPERATOR_ID.fullmatch(operator_id):
        raise _error(line, "operator", f"an operator's id or nothing, found {operator_id[:80]!r}")
    if operator_id and _KINDS[kind] is not NetworkKind.MOBILE:
        raise _error(line, "operator", f"nothing, since only a MOBILE network has one, found {operator_id!r}")
    return ClientNetwork(country, _KINDS[kind], operator_id)


def _error(line: int, column: str, expected: str) -> ClientNetworkError:
    place = f"line {line}, column {column}" if column else f"line {line}"
    return ClientNetworkError(f"{place}: expected {expected}")
