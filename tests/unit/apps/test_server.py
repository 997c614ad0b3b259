"""What keeps a server from listening is named before anything is opened; whole servers are in tests/integration."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.certificates import Authority
from numseal.apps.config import Address, Config, ConfigError, Tls
from numseal.apps.development import prepare_development
from numseal.apps.server import serving


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return prepare_development(tmp_path / "data", grpc="127.0.0.1:0", http="127.0.0.1:0").config


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    authority = Authority("an authority")
    identity = authority.issue("localhost")
    files = Tls(tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem")
    files.certificate.write_bytes(identity.certificate)
    files.key.write_bytes(identity.key)
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    return files


def with_tls(config: Config, tls: Tls) -> Config:
    return replace(config, listen=replace(config.listen, tls=tls))


async def test_good_tls_files_are_taken(config: Config, tls: Tls) -> None:
    async with serving(with_tls(config, tls)) as addresses:
        assert addresses.grpc.startswith("127.0.0.1:")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("server.pem", "listen.tls_certificate"), ("server.key", "listen.tls_key"), ("ca.pem", "listen.client_ca")],
)
async def test_tls_files_that_cannot_be_used(
    config: Config, tls: Tls, tmp_path: Path, name: str, sentence: str
) -> None:
    (tmp_path / name).write_text("nothing")
    with pytest.raises(ConfigError, match=sentence):
        async with serving(with_tls(config, tls)):
            pass
    assert not config.store.path.exists()


@pytest.mark.parametrize("listener", ["grpc", "http"])
async def test_a_port_in_use_is_named(config: Config, listener: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        listen = replace(config.listen, grpc=address) if listener == "grpc" else replace(config.listen, http=address)
        with pytest.raises(OSError, match=f"{address}: cannot listen there; is the port in use"):
            async with serving(replace(config, listen=listen)):
                pass
