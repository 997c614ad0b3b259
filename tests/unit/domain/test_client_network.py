"""Client networks: the longest prefix wins, and a file that cannot be used is refused with its line."""

import contextlib
import ipaddress
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numseal.domain.client_network import (
    NO_CLIENT_NETWORKS,
    ClientNetworkError,
    ClientNetworks,
    Prefix,
    parse_client_networks,
)
from numseal.domain.evidence import ClientNetwork, NetworkKind

HEADER = "prefix,country,kind,operator\n"
FILE = f"""# where clients come from
{HEADER}
100.64.0.0/10,RU,FIXED,
100.64.0.0/16, RU ,MOBILE, mts
100.64.7.0/24,NL,HOSTING,
192.0.2.77,DE,FIXED,
2001:db8::/32,KZ,FIXED,
2001:db8:5000::/36,KZ,MOBILE,kcell
"""
MTS = ClientNetwork("RU", NetworkKind.MOBILE, "mts")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("100.64.0.0", MTS),
        ("100.64.255.255", MTS),
        ("::ffff:100.64.1.2", MTS),
        ("::ffff:6440:102", MTS),
        ("100.64.7.9", ClientNetwork("NL", NetworkKind.HOSTING)),
        ("100.65.0.1", ClientNetwork("RU", NetworkKind.FIXED)),
        ("192.0.2.77", ClientNetwork("DE", NetworkKind.FIXED)),
        ("192.0.2.78", None),
        ("100.128.0.0", None),
        ("2001:db8:5fff:ffff::1", ClientNetwork("KZ", NetworkKind.MOBILE, "kcell")),
        ("2001:db8:6000::1", ClientNetwork("KZ", NetworkKind.FIXED)),
        ("2001:DB8::1%eth0", ClientNetwork("KZ", NetworkKind.FIXED)),
        ("2001:db9::1", None),
        # The last 32 bits alone do not make it an IPv4 address.
        ("::6440:102", None),
        ("", None),
        ("100.64.0", None),
        ("100.064.0.1", None),
        ("100.64.0.1 ", None),
        ("example.org", None),
    ],
)
def test_the_longest_prefix_names_the_network(address: str, network: ClientNetwork | None) -> None:
    assert parse_client_networks(FILE).find(address) == network


def test_a_prefix_of_everything_is_found_last() -> None:
    networks = parse_client_networks(f"{HEADER}0.0.0.0/0,US,HOSTING,\n192.0.2.0/24,DE,FIXED,\n")
    assert networks.find("192.0.2.1") == ClientNetwork("DE", NetworkKind.FIXED)
    assert networks.find("8.8.8.8") == ClientNetwork("US", NetworkKind.HOSTING)
    assert networks.find("2001:db8::1") is None


def test_operators_are_those_named() -> None:
    assert parse_client_networks(FILE).operators() == {"mts", "kcell"}
    assert NO_CLIENT_NETWORKS.operators() == parse_client_networks(HEADER).operators() == set()
    assert NO_CLIENT_NETWORKS.find("192.0.2.1") is None


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("", "line 1: expected the header prefix,country,kind,operator, found nothing"),
        ("# nothing\n", "expected the header"),
        ("prefix,country\n", "line 1: expected the header prefix,country,kind,operator, found 'prefix,country'"),
        (f"{HEADER}192.0.2.0/24,DE,FIXED\n", "line 2: expected 4 columns (prefix,country,kind,operator), found 3"),
        (f"{HEADER}192.0.2.0/24,DE,FIXED,,\n", "line 2: expected 4 columns"),
        (f"{HEADER}\n192.0.2.1/24,DE,FIXED,\n", "line 3, column prefix: expected a prefix without host bits, such as"),
        (f"{HEADER}192.0.2/24,DE,FIXED,\n", "line 2, column prefix: expected a prefix"),
        (f"{HEADER}192.0.2.0/33,DE,FIXED,\n", "found '192.0.2.0/33'"),
        (f"{HEADER},DE,FIXED,\n", "line 2, column prefix"),
        (f"{HEADER}::ffff:192.0.2.0/120,DE,FIXED,\n", "line 2, column prefix: expected an IPv4 prefix written as one"),
        (f"{HEADER}192.0.2.0/24,de,FIXED,\n", "line 2, column country: expected two capital letters of ISO 3166-1"),
        (f"{HEADER}192.0.2.0/24,,FIXED,\n", "line 2, column country"),
        (f"{HEADER}192.0.2.0/24,DE,fixed,\n", "column kind: expected one of MOBILE, FIXED, HOSTING, found 'fixed'"),
        (f"{HEADER}192.0.2.0/24,DE,MOBILE,M T\n", "line 2, column operator: expected an operator's id or nothing"),
        (f"{HEADER}192.0.2.0/24,DE,FIXED,mts\n", "column operator: expected nothing, since only a MOBILE network has"),
        (
            f"{HEADER}192.0.2.0/24,DE,FIXED,\n2001:db8::/32,DE,FIXED,\n192.0.2.0/255.255.255.0,FR,FIXED,\n",
            "line 4, column prefix: expected one row for 192.0.2.0/24, which an earlier line has",
        ),
        (f'{HEADER}"192.0.2.0/24,DE,FIXED,\n', "not CSV"),
    ],
)
def test_an_unusable_file_names_line_and_column(text: str, tells: str) -> None:
    with pytest.raises(ClientNetworkError) as caught:
        parse_client_networks(text)
    assert tells in str(caught.value)


@given(st.text(max_size=200))
def test_any_text_is_networks_or_an_error(text: str) -> None:
    for candidate in (text, HEADER + text):
        with contextlib.suppress(ClientNetworkError):
            parse_client_networks(candidate)


@given(
    rows=st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=20),
    address=st.integers(0, 2**32 - 1),
    near=st.booleans(),
)
def test_it_finds_what_a_look_at_every_row_finds(rows: list[tuple[int, int]], address: int, near: bool) -> None:
    networks: dict[Prefix, ClientNetwork] = {}
    for number, (start, size) in enumerate(rows):
        networks[ipaddress.ip_network((start, size), strict=False)] = ClientNetwork(str(number), NetworkKind.FIXED)
    wanted = ipaddress.ip_address(rows[0][0] ^ 1 if near and rows else address)
    holding = [prefix for prefix in networks if wanted in prefix]
    longest = max(holding, key=lambda prefix: prefix.prefixlen, default=None)
    assert ClientNetworks(networks).find(str(wanted)) == (None if longest is None else networks[longest])


def test_a_network_is_found_in_microseconds() -> None:
    rows = (
        f"{first}.{second}.0.0/{size},RU,FIXED,\n"
        for first in range(1, 101)
        for second in range(0, 256, 4)
        for size in (14, 16)
    )
    networks = parse_client_networks(HEADER + "".join(rows))
    best = min(timeit.repeat(lambda: networks.find("99.252.1.2"), number=1_000, repeat=5)) / 1_000
    assert best < 20e-6
