"""`numseal serve` up to the server: which configuration it runs on, and its exit codes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from numseal.apps.cli import serve as module
from numseal.apps.cli.main import main
from numseal.apps.config import Config
from numseal.apps.development import WARNING, prepare_development
from numseal.apps.server import Addresses
from numseal.ports.store import StoreError


class FakeServer:
    """Takes the place of `apps.server.run`: notes the configuration, announces, ends or fails."""

    def __init__(self) -> None:
        self.configs: list[Config] = []
        self.error: Exception | None = None

    def __call__(self, config: Config, announce: Callable[[Addresses], None]) -> None:
        self.configs.append(config)
        if self.error is not None:
            raise self.error
        announce(Addresses(str(config.listen.grpc), str(config.listen.http)))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeServer:
    fake = FakeServer()
    monkeypatch.setattr(module, "run", fake)
    monkeypatch.chdir(tmp_path)
    return fake


def test_without_options_a_development_directory_is_made_here(server: FakeServer) -> None:
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 0
    assert result.stdout == "serving gRPC on 127.0.0.1:50051 and HTTP on 127.0.0.1:8080\n"
    assert result.stderr.strip() == WARNING
    assert server.configs[0].file == Path(".numseal/numseal.toml")


def test_directory_and_addresses_by_option(server: FakeServer, tmp_path: Path) -> None:
    arguments = ["serve", "--directory", str(tmp_path / "d"), "--grpc", "127.0.0.1:1", "--http", "[::1]:2"]
    result = CliRunner().invoke(main, arguments)
    assert result.stdout == "serving gRPC on 127.0.0.1:1 and HTTP on [::1]:2\n"
    assert server.configs[0].file == tmp_path / "d" / "numseal.toml"


def test_a_configuration_of_ones_own_is_served_without_the_warning(server: FakeServer, tmp_path: Path) -> None:
    prepare_development(tmp_path / "d")
    result = CliRunner().invoke(main, ["serve", "--config", str(tmp_path / "d/numseal.toml")])
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(server.configs) == 1
    assert not (tmp_path / ".numseal").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--config", "none.toml"], "Error: none.toml: the configuration cannot be read: No such file or directory"),
        (["--grpc", "0.0.0.0:1"], "listen.grpc: found 0.0.0.0:1 without TLS, expected listen.tls_certificate"),
        (["--http", "nonsense"], "Error: --http: found 'nonsense', expected HOST:PORT"),
        (["--grpc", "127.0.0.1:99999"], "Error: --grpc: found '127.0.0.1:99999', expected HOST:PORT"),
        (["--config", "a", "--directory", "b"], "Give either --config or --directory."),
    ],
)
def test_what_cannot_be_served_ends_with_2_and_a_sentence(
    server: FakeServer, arguments: list[str], sentence: str
) -> None:
    result = CliRunner().invoke(main, ["serve", *arguments])
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert server.configs == []


def test_a_broken_key_ends_with_2(server: FakeServer, tmp_path: Path) -> None:
    prepare_development(tmp_path / ".numseal")
    (tmp_path / ".numseal/keys/log.pem").write_text("nothing")
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 2
    assert "log.pem: is not a key that can be read; expected an Ed25519 private key" in result.stderr


@pytest.mark.parametrize(
    "error", [StoreError("STORE_LOCKED", "numseal.db: in use"), OSError("127.0.0.1:50051: cannot listen there")]
)
def test_a_server_that_cannot_start_ends_with_1_and_a_sentence(server: FakeServer, error: Exception) -> None:
    server.error = error
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 1
    assert result.stderr.endswith(f"Error: {error}\n")
