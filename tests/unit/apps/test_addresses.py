"""Addresses of the configuration."""

import pytest

from numseal.apps.addresses import Address, is_web_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:50051", Address("127.0.0.1", 50051)),
        ("[::1]:0", Address("::1", 0)),
        ("numseal.example:65535", Address("numseal.example", 65535)),
        ("numseal_server:50051", Address("numseal_server", 50051)),
        ("127.0.0.1:65536", None),
        ("127.0.0.1", None),
        ("::1:80", None),
        (":80", None),
        ("a b:80", None),
        ("127.0.0.1:80\n", None),
    ],
)
def test_host_and_port(text: str, address: Address | None) -> None:
    assert Address.parse(text) == address
    if address is not None:
        assert str(address) == text


@pytest.mark.parametrize(
    ("text", "query", "fits"),
    [
        ("https://numseal.example", False, True),
        ("https://numseal.example:8443/a/b", False, True),
        ("http://localhost:8080", False, True),
        ("http://[::1]:8080/", False, True),
        ("https://numseal.example/?a=b", True, True),
        ("https://numseal.example/?a=b", False, False),
        ("https://numseal.example/?", False, False),
        ("https://numseal.example/#", True, False),
        ("https://user@numseal.example/", True, False),
        ("https://@numseal.example/", True, False),
        ("http://numseal.example/", True, False),
        ("http://192.0.2.1/", True, False),
        ("ftp://localhost/", True, False),
        ("https://", True, False),
        ("https:///x", True, False),
        ("https://numseal.example:port/", True, False),
        ("https://numseal.example:99999/", True, False),
        ("https://[::1", True, False),
        ("https://numseal.example/ ", True, False),
        ("https://мессенджер.example/", True, False),
        ("", True, False),
    ],
)
def test_web_addresses(text: str, query: bool, fits: bool) -> None:
    assert is_web_address(text, query=query) is fits
