"""What commands are given to reach a server: checked before anything is sent."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from fakes.certificates import Authority
from numseal.apps.cli.given import GivenError, read_authorities
from numseal.apps.cli.main import main

COMMANDS = [
    ("signup", "+79161234567"),
    ("admin", "agreements", "list"),
    ("admin", "audit-trail"),
]
NOWHERE = "127.0.0.1:1"


def refused(*arguments: str) -> str:
    """Run a command that ends with 2 and a sentence."""
    done = CliRunner().invoke(main, arguments)
    assert isinstance(done.exception, SystemExit), done.exception
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr


def address(command: tuple[str, ...], text: str) -> tuple[str, str]:
    return ("--server" if command[0] == "signup" else "--address", text)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("token", [b"abc\ndef\n", b"abc\tdef", b"abc\0def", b"abc\x7f", b"\xff\xfe", b"", b" \n"])
def test_a_token_is_one_line_of_printable_ascii(tmp_path: Path, command: tuple[str, ...], token: bytes) -> None:
    file = tmp_path / "t"
    file.write_bytes(token)
    told = refused(*command, *address(command, NOWHERE), "--token-file", str(file))
    assert told.startswith(f"{file}: one line of printable ASCII characters is expected, a")
    assert told.endswith(" token\n")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("text", ["127.0.0.1:65536", "127.0.0.1", "127.0.0.1:0", "", ":1", "\udcff:1", "dns:///a:1"])
def test_an_address_is_host_and_port(command: tuple[str, ...], text: str) -> None:
    option, _ = address(command, text)
    assert refused(*command, option, text).startswith(f"{option}: found {text!r}, expected HOST:PORT, such as 127.")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("content", [None, b"", b"nothing", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nAA==\n"])
def test_authorities_are_certificates_as_pem(tmp_path: Path, command: tuple[str, ...], content: bytes | None) -> None:
    token, ca = tmp_path / "t", tmp_path / "ca.pem"
    token.write_text("token\n")
    if content is not None:
        ca.write_bytes(content)
    told = refused(*command, *address(command, NOWHERE), "--token-file", str(token), "--ca", str(ca))
    why = "" if content is not None else "No such file or directory; "
    assert told == f"--ca: {ca}: {why}certificates as PEM are expected\n"


def test_good_authorities_are_taken_with_their_comments(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes("# Ein Prüfer\n".encode() + Authority("an authority").certificate)
    assert read_authorities(ca) == ca.read_bytes()
    assert read_authorities(None) is None
    with pytest.raises(GivenError, match="Is a directory"):
        read_authorities(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("admin", "agreements", "show", "a\udcff\udcfe", "--address", NOWHERE),
        ("signup", "+79161234567", "--code", "1", "--account", "a\udcff\udcfe", "--server", NOWHERE),
    ],
)
def test_an_argument_that_is_not_utf_8_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    token = tmp_path / "t"
    token.write_text("token\n")
    told = refused(*arguments, "--token-file", str(token))
    assert told == "Error: an argument is not UTF-8 text: a\\xff\\xfe; text in UTF-8 is expected\n"


def test_a_code_is_not_for_a_network_page() -> None:
    told = refused("signup", "+79161234567", "--method", "network", "--code", "1")
    assert "--code is for methods that send one" in told
