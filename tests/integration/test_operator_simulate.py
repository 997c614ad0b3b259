"""`numseal operator simulate` as a process of its own: asked as Numseal asks, in clear, by TLS, signed; and refused."""

import json
import re
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fakes import channels
from fakes.certificates import Authority
from fakes.orders import code_order, lookup_request
from fakes.remote_world import client, plain
from fakes.server_process import NUMSEAL, until
from numseal.adapters.clock import SystemClock
from numseal.adapters.operators.remote.settings import Settings
from numseal.adapters.operators.remote.statement import read_keys
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.api.operator.v1.operator_pb2_grpc import OperatorBackendStub
from numseal.api.simulator.v1 import simulator_pb2
from numseal.api.simulator.v1.simulator_pb2_grpc import SimulatorServiceStub
from numseal.apps.cli.main import main
from numseal.domain.evidence import SIGNAL_NAMES
from numseal.domain.operator import CodeCheck, CodeOutcome
from numseal.ports.operator_backend import OperatorError

NUMBER = "+79161234567"
_LINE = re.compile(r"serving operator (\S+) on (\S+)\n")


@asynccontextmanager
async def simulated(directory: Path, *options: str) -> AsyncIterator[tuple[str, str]]:
    """Run a simulated operator; give its address and what it wrote, and see it end well when it is told to."""
    output, errors = directory / "out", directory / "err"
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            [NUMSEAL, "operator", "simulate", "--listen", "127.0.0.1:0", *options], stdout=out, stderr=err
        )
    try:
        seen = await until("a simulated operator", lambda: _LINE.search(output.read_text()))
        yield seen[2], output.read_text()
        process.send_signal(signal.SIGTERM)
        assert await until("its end", process.poll) == 0
        assert "Traceback" not in errors.read_text()
    finally:
        process.kill()
        process.wait()


async def test_it_answers_as_an_operator_and_its_handsets_are_read_beside_it(tmp_path: Path) -> None:
    async with (
        simulated(tmp_path, "--operator", "mts", "--seed", "7") as (address, _),
        client(plain(address), SystemClock()) as operator,
        channels.plain(address) as channel,
    ):
        told = await operator.capabilities()
        assert (told.operator_id, set(told.signals), told.signs_statements) == ("mts", set(SIGNAL_NAMES), False)
        order = replace(code_order(NUMBER, template="{{code}}"), expire_time=told.server_time + 600)
        sent = await operator.send_code(order)
        inbox = await SimulatorServiceStub(channel).GetInbox(simulator_pb2.GetInboxRequest(phone_number=NUMBER))
        code = inbox.messages[-1].text
        assert (await operator.check_code(CodeCheck("k1", NUMBER, sent.challenge, code))).outcome is CodeOutcome.MATCH


async def test_the_sources_that_it_announces_are_those_of_its_answers(tmp_path: Path) -> None:
    async with (
        simulated(tmp_path) as (address, _),
        client(plain(address), SystemClock()) as operator,
        channels.plain(address) as channel,
    ):
        told = await OperatorBackendStub(channel).GetCapabilities(pb.GetCapabilitiesRequest(contract_versions=["1.0"]))
        found = await operator.look_up(lookup_request(NUMBER))
    assert found.subscriber is not None
    sources = [item.source for item in told.signals]
    assert [signal.meta.source for _, signal in found.subscriber.signals()] == sources


async def test_it_signs_by_tls_for_clients_of_an_authority(tmp_path: Path) -> None:
    servers, clients = Authority("operators' authority"), Authority("clients' authority")
    server, ours = servers.issue("localhost"), clients.issue("numseal")
    signing = ec.generate_private_key(ec.SECP256R1())
    files = {
        "--tls-certificate": server.certificate,
        "--tls-key": server.key,
        "--client-ca": clients.certificate,
        "--statement-key": signing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }
    options: list[str] = []
    for number, (option, content) in enumerate(files.items()):
        path = tmp_path / f"{number}.pem"
        path.write_bytes(content)
        options += [option, str(path)]
    async with simulated(tmp_path, *options) as (address, written):
        document = re.findall(r"JWK set (.*)\n", written)[0]
        where = address.replace("127.0.0.1", "localhost")
        settings = Settings(
            where,
            authorities=servers.certificate,
            certificate=ours.certificate,
            key=ours.key,
            statement_keys=read_keys(document.encode()),
        )
        async with client(settings, SystemClock()) as operator:
            found = await operator.look_up(lookup_request(NUMBER))
            assert (await operator.capabilities()).signs_statements
        assert found.statement
        async with client(Settings(where, authorities=servers.certificate), SystemClock()) as stranger:
            with pytest.raises(OperatorError):
                await stranger.look_up(lookup_request(NUMBER))
    assert "d" not in json.loads(document)["keys"][0]


def refused(*options: str) -> Result:
    result = CliRunner().invoke(main, ["operator", "simulate", *options])
    assert isinstance(result.exception, SystemExit), result.exception
    return result


def test_what_cannot_be_served(tmp_path: Path) -> None:
    pair, other = Authority("one").issue("localhost"), Authority("other").issue("localhost")
    files = {"good.pem": pair.certificate, "good.key": pair.key, "other.key": other.key, "bad.pem": b"no PEM"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    good, key, wrong, bad = (str(tmp_path / name) for name in files)
    with_tls = ("--tls-certificate", good, "--tls-key", key)
    for options, named in (
        (("--listen", "somewhere"), "--listen"),
        (("--listen", "0.0.0.0:0"), "--tls-certificate"),
        (("--operator", "nobody"), "--operator"),
        (("--tls-certificate", good), "--tls-key"),
        (("--client-ca", good), "--client-ca"),
        (("--tls-certificate", bad, "--tls-key", key), "PEM"),
        (("--tls-certificate", good, "--tls-key", wrong), "PEM"),
        ((*with_tls, "--client-ca", bad), "--client-ca"),
        (("--tls-certificate", good, "--tls-key", str(tmp_path / "none.key")), "none.key"),
        (("--statement-key", bad), "--statement-key"),
        (("--statement-key", str(tmp_path / "none.pem")), "none.pem"),
    ):
        result = refused(*options)
        assert (result.exit_code, named in result.stderr) == (2, True), (options, result.stderr)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = refused("--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert (result.exit_code, "in use" in result.stderr) == (1, True)


def test_the_groups_help_lists_its_commands() -> None:
    result = CliRunner().invoke(main, ["operator", "--help"])
    assert result.exit_code == 0
    assert re.findall(r"^  (simulate|conformance) ", result.stdout, re.MULTILINE) == ["simulate", "conformance"]
    assert CliRunner().invoke(main, ["operator", "nothing"]).exit_code == 2
