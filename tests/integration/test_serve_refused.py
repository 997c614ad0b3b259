"""What keeps a server from coming up ends in one sentence that names the thing, and in the right exit code."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.server_process import ANYWHERE, quiet_ports, refused, running
from numseal.apps.development import prepare_development

Spoil = Callable[[Path], object]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a development directory that nobody has served from."""
    directory = tmp_path_factory.mktemp("pristine") / "data"
    prepare_development(directory)
    return directory


@pytest.fixture
def directory(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "data"))


def edit(old: str, new: str) -> Spoil:
    """Change the configuration."""

    def spoil(directory: Path) -> None:
        path = directory / "numseal.toml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return spoil


def check(directory: Path, code: int, *sentences: str, options: tuple[str, ...] = ANYWHERE) -> None:
    """Expect a server not to come up, and to say why in its last line."""
    done = refused("--config", str(directory / "numseal.toml"), *options)
    last = done.stderr.strip().rpartition("\n")[2]
    assert done.returncode == code, done.stderr
    assert last.startswith("Error: ")
    for sentence in sentences:
        assert sentence in last
    assert "Traceback" not in done.stderr
    assert "serving" not in done.stdout


CONFIGURATION = [
    ("unknown key", edit("seed = 1", "sed = 1"), ("simulator.sed: no such key", "expected one of enabled, seed")),
    ("unknown section", edit("[simulator]", "[simulate]"), ("simulate: no such key", "expected one of listen")),
    ("wrong type", edit("seed = 1", 'seed = "x"'), ("simulator.seed: found 'x'", "expected a whole number")),
    ("not TOML", edit("seed = 1", "seed ="), ("is not TOML", "line")),
    (
        "no loopback",
        edit('grpc = "127.0.0.1:50051"', 'grpc = "0.0.0.0:50051"'),
        ("listen.grpc: found 0.0.0.0:50051 without TLS", "expected listen.tls_certificate"),
    ),
    (
        "missing file",
        edit("[policy]", '[policy]\nfile = "none.toml"'),
        ("policy.file: found", "none.toml", "expected a file that can be read"),
    ),
]


@pytest.mark.parametrize(("spoil", "sentences"), [row[1:] for row in CONFIGURATION], ids=[r[0] for r in CONFIGURATION])
def test_a_configuration_that_does_not_hold_names_file_key_and_what_is_expected(
    directory: Path, spoil: Spoil, sentences: tuple[str, ...]
) -> None:
    spoil(directory)
    check(directory, 2, f"{directory}/numseal.toml: ", *sentences, options=())


def test_a_configuration_that_is_missing(tmp_path: Path) -> None:
    check(tmp_path, 2, f"{tmp_path}/numseal.toml: the configuration cannot be read", "expected a TOML file")


def test_an_open_address_by_option_needs_tls(directory: Path) -> None:
    options = ("--grpc", "127.0.0.1:0", "--http", "0.0.0.0:0")
    check(directory, 2, "listen.http: found 0.0.0.0:0 without TLS", options=options)


def other_kind(name: str, other: str) -> Spoil:
    return lambda directory: shutil.copy(directory / "keys" / other, directory / "keys" / name)


def rewrite(name: str, content: str) -> Spoil:
    return lambda directory: (directory / "keys" / name).write_text(content)


def remove(name: str) -> Spoil:
    return lambda directory: (directory / "keys" / name).unlink()


def open_up(name: str) -> Spoil:
    return lambda directory: (directory / "keys" / name).chmod(0o640)


KEYS = [
    ("attestation.pem", remove("attestation.pem"), "cannot be read: No such file or directory"),
    ("log.pem", remove("log.pem"), "cannot be read: No such file or directory"),
    ("master.key", remove("master.key"), "cannot be read: No such file or directory"),
    ("attestation.pem", rewrite("attestation.pem", "nothing"), "expected a P-256 private key as PEM"),
    ("log.pem", rewrite("log.pem", "nothing"), "expected an Ed25519 private key as PEM"),
    ("master.key", rewrite("master.key", "00ff\n"), "expected 64 hex digits"),
    ("attestation.pem", other_kind("attestation.pem", "log.pem"), "another kind"),
    ("log.pem", other_kind("log.pem", "attestation.pem"), "another kind"),
    ("attestation.pem", open_up("attestation.pem"), "mode 0640 lets others at the secret; expected 0600"),
    ("log.pem", open_up("log.pem"), "mode 0640 lets others at the secret; expected 0600"),
    ("master.key", open_up("master.key"), "mode 0640 lets others at the secret; expected 0600"),
]


@pytest.mark.parametrize(("name", "spoil", "sentence"), KEYS, ids=[f"{row[0]}: {row[2][:20]}" for row in KEYS])
def test_a_key_that_cannot_be_used_names_its_file(directory: Path, name: str, spoil: Spoil, sentence: str) -> None:
    spoil(directory)
    check(directory, 2, f"{directory}/keys/{name}: ", sentence)
    assert not (directory / "numseal.db").exists()


def not_a_database(directory: Path) -> None:
    (directory / "numseal.db").write_text("Dear diary,\n" * 100)


def a_strangers(directory: Path) -> None:
    with sqlite3.connect(directory / "numseal.db") as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    database.close()


def newer(directory: Path) -> None:
    with sqlite3.connect(directory / "numseal.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'r9999'")
    database.close()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [(not_a_database, "is not an SQLite database"), (a_strangers, "is an SQLite database, but not one of Numseal")],
)
def test_a_file_that_is_no_database_of_ours(directory: Path, spoil: Spoil, sentence: str) -> None:
    spoil(directory)
    before = (directory / "numseal.db").read_bytes()
    check(directory, 1, f"{directory}/numseal.db: ", sentence)
    assert (directory / "numseal.db").read_bytes() == before


async def test_a_database_of_a_newer_schema_or_another_master_key_is_left_alone(
    directory: Path, pristine: Path
) -> None:
    async with running(directory) as server:
        server.terminate()
        assert await server.ended() == 0
    master = directory / "keys/master.key"
    own = master.read_text()
    master.write_text("ab" * 32 + "\n")
    check(directory, 1, f"{directory}/numseal.db: ", "another master key")
    master.write_text(own)
    newer(directory)
    check(directory, 1, f"{directory}/numseal.db: has schema r9999", "written by a newer version")


async def test_a_directory_is_served_once_and_ports_are_not_shared(directory: Path, tmp_path: Path) -> None:
    grpc_address, http_address = (f"127.0.0.1:{port}" for port in quiet_ports(2))
    other = Path(shutil.copytree(directory, tmp_path / "other"))
    async with running(directory, "--grpc", grpc_address, "--http", http_address):
        check(directory, 1, f"{directory}/numseal.db: is in use by another process")
        for taken in (
            ("--grpc", grpc_address, "--http", "127.0.0.1:0"),
            ("--grpc", "127.0.0.1:0", "--http", http_address),
        ):
            address = grpc_address if grpc_address in taken else http_address
            check(other, 1, f"{address}: cannot listen there; is the port in use?", options=taken)
