"""`numseal operator conformance`: options, output and exit codes, against the template backend."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fakes.broken_backend import serving
from numseal.adapters.operators.remote.statement import Signer
from numseal.apps.cli.conformance import conformance

NOWHERE = "127.0.0.1:1"
QUICK = ("--only", "capabilities.*", "--only", "malformed.*", "--only", "lookup.own")


class Backend:
    """A template backend in a thread with a loop of its own, since the command has one too."""

    def __init__(self, directory: Path, broken: str) -> None:
        self._directory, self._broken = directory, broken
        self._up, self._down = threading.Event(), asyncio.Event()
        self.address = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        async with serving(self._directory, self._broken) as served:
            self.address = served.address
            self._up.set()
            await self._down.wait()


@pytest.fixture
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    backend = Backend(tmp_path, getattr(request, "param", ""))
    backend.start()
    yield backend
    backend.stop()


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(conformance, arguments)


def test_what_holds_is_told_and_ends_with_0(broken: Backend) -> None:
    done = invoke(broken.address, *QUICK)
    assert done.exit_code == 0, done.output
    assert "ok      malformed.phone_number    A number that is not E.164 is refused (24 requests)" in done.stdout
    assert "?       lookup.own                not checked: the profile names no number `own`" in done.stdout
    assert "--      capabilities.prices       does not apply: GetCapabilities announces no prices" in done.stdout
    assert "All 17 checks that were made hold; 1 do not apply, 1 could not be made." in done.stdout


@pytest.mark.parametrize("broken", ["speaks_another_version"], indirect=True)
def test_what_does_not_hold_is_told_with_its_clause_and_ends_with_1(broken: Backend, tmp_path: Path) -> None:
    files = tmp_path / "r.json", tmp_path / "r.xml"
    done = invoke(broken.address, *QUICK, "--json", str(files[0]), "--junit", str(files[1]))
    assert done.exit_code == 1
    assert "FAILED  capabilities.version" in done.stdout
    assert "contract_version is '0.9', '1.0' is expected" in done.stdout
    assert "operator.proto, GetCapabilitiesResponse.contract_version: “Version of the contract" in done.stdout
    assert "1 of 17 checks fail" in done.stdout
    assert json.loads(files[0].read_text())["counts"]["failed"] == 1
    assert 'failures="1"' in files[1].read_text()


def test_json_and_junit_can_be_printed_in_place_of_text(broken: Backend) -> None:
    done = invoke(broken.address, "--only", "capabilities.version", "--json", "-")
    assert json.loads(done.stdout)["address"] == broken.address
    done = invoke(broken.address, "--only", "capabilities.version", "--junit", "-")
    assert done.stdout.startswith("<?xml")
    assert 'tests="1"' in done.stdout


def test_a_profile_and_a_rate_are_taken(broken: Backend, tmp_path: Path) -> None:
    profile = tmp_path / "profile.toml"
    profile.write_text('[numbers]\nown = "+79160000001"\n[rate]\nper_second = 99\nseconds = 60\n')
    only = ("--only", "lookup.own", "--only", "rate.*")
    done = invoke(broken.address, "--profile", str(profile), "--rate", "20", "--seconds", "1", "--progress", *only)
    assert done.exit_code == 0, done.output
    assert "(1 numbers)" in done.stdout
    assert "(20/s for 1 s: p50 " in done.stdout


def test_nothing_that_could_be_made_is_not_a_success(broken: Backend) -> None:
    done = invoke(broken.address, "--only", "lookup.own")
    assert done.exit_code == 1
    assert "1 could not be made" in done.stdout


def test_keys_of_statements_are_read(broken: Backend, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(Signer(Ed25519PrivateKey.generate(), "k1").keys_json())
    done = invoke(broken.address, "--only", "statement.*", "--statement-keys", str(keys))
    assert done.exit_code == 0
    assert done.stdout.count("does not announce signs_statements") == 2


def test_a_server_of_another_kind_ends_with_2() -> None:
    port = 0

    async def serve() -> grpc.aio.Server:
        nonlocal port
        server = grpc.aio.server()
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return server

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(serve())
    turning = threading.Thread(target=loop.run_forever)
    turning.start()
    try:
        done = invoke(f"127.0.0.1:{port}")
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        turning.join(10)
        loop.close()
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no operator backend answers there" in done.stderr
    assert "UNIMPLEMENTED" in done.stderr


def test_nobody_at_the_address_ends_with_2() -> None:
    done = invoke(NOWHERE)
    assert done.exit_code == 2
    assert f"no operator backend answers at {NOWHERE}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("localhost",), "HOST:PORT is expected"),
        ((NOWHERE, "--tls-key", "FILE"), "--tls-certificate and --tls-key go together"),
        ((NOWHERE, "--tls-key", "FILE", "--tls-certificate", "FILE"), "name --tls-ca too"),
        ((NOWHERE, "--only", "no.such"), "leave no check"),
        ((NOWHERE, "--json", "-", "--junit", "-"), "cannot both be printed"),
        ((NOWHERE, "--profile", "FILE"), "not TOML"),
        ((NOWHERE, "--statement-keys", "FILE"), "a JWK set of the operator's public keys is expected"),
        ((NOWHERE, "--token-file", "FILE"), "one line of printable ASCII characters is expected"),
        ((NOWHERE, "--tls-ca", "/no/such"), "/no/such: No such file or directory"),
        ((NOWHERE, "--rate", "0"), "0 is not in the range"),
    ],
)
def test_usage_ends_with_2(arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("two\nlines")
    done = invoke(*(str(file) if argument == "FILE" else argument for argument in arguments))
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_report_that_cannot_be_written_ends_with_2(broken: Backend) -> None:
    done = invoke(broken.address, "--only", "capabilities.version", "--json", "/no/such/directory/r.json")
    assert done.exit_code == 2
    assert "a file that can be written is expected" in done.stderr
