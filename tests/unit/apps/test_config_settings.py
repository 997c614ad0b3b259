"""Settings of adapters from TOML: every kind of field, and what is said of what does not fit."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pytest

from numseal.apps.config_reader import ConfigError, Table
from numseal.apps.config_settings import MAX_FILE, read_settings


class Shade(StrEnum):
    LIGHT = "LIGHT"
    DARK = "DARK"


@dataclass(frozen=True)
class Place:
    host: str
    port: int = 2775


@dataclass(frozen=True)
class Settings:
    name: str
    places: tuple[Place, ...] = ()
    main: Place = field(default_factory=lambda: Place("localhost"))
    prefixes: tuple[str, ...] = ()
    networks: Mapping[str, str] = field(default_factory=dict)
    pause: float = 1.5
    tries: int = 3
    loud: bool = True
    authority: bytes = b""
    secret: bytes = field(default=b"", repr=False)
    shade: Shade = Shade.DARK
    statuses: Mapping[int, Shade] = field(default_factory=dict)
    given: complex = 1j

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise ValueError(f"tries: found {self.tries}, expected at least 1")
        if self.authority == b"odd":
            raise ValueError("authority, tries: other bytes are expected: not odd ones")


def read(text: str, directory: Path = Path()) -> Settings:
    table = Table(directory / "numseal.toml", "operators[1].parts[2]", tomllib.loads(text))
    settings = read_settings(table, Settings, given=2j)
    table.close()
    return settings


def test_every_kind_of_field_is_read() -> None:
    text = """
    name = "a"
    places = [{host = "one"}, {host = "two", port = 1}]
    main = {host = "three"}
    prefixes = ["+7916", "+7917"]
    networks = {"7916" = "250-01"}
    pause = 2
    tries = 4
    loud = false
    shade = "LIGHT"
    statuses = {0x401 = "DARK", "1026" = "LIGHT"}
    """
    assert read(text) == Settings(
        "a",
        (Place("one"), Place("two", 1)),
        Place("three"),
        ("+7916", "+7917"),
        {"7916": "250-01"},
        pause=2.0,
        tries=4,
        loud=False,
        shade=Shade.LIGHT,
        statuses={1025: Shade.DARK, 1026: Shade.LIGHT},
        given=2j,
    )


def test_bytes_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"authority\n")
    secret = tmp_path / "password"
    secret.write_bytes(b"word\n")
    secret.chmod(0o600)
    text = 'name = "a"\nauthority_file = "ca.pem"\nsecret_file = "password"'
    settings = read(text, tmp_path)
    assert (settings.authority, settings.secret) == (b"authority\n", b"word")
    secret.chmod(0o640)
    with pytest.raises(ConfigError, match=r"secret_file: .*password: mode 0640 lets others at the secret"):
        read(text, tmp_path)
    (tmp_path / "ca.pem").write_bytes(b"x" * (MAX_FILE + 1))
    secret.chmod(0o600)
    with pytest.raises(ConfigError, match=r"authority_file: found .* with over 1048576 bytes"):
        read(text, tmp_path)


def test_what_is_not_given_is_the_datas_own_default() -> None:
    assert read('name = "a"') == Settings("a", given=2j)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "operators[1].parts[2].name: found nothing, expected a text"),
        ("name = 1", "operators[1].parts[2].name: found 1, expected a text"),
        ('name = "a"\ntries = 0', "operators[1].parts[2].tries: found 0, expected at least 1"),
        ('name = "a"\ntries = 1.5', "operators[1].parts[2].tries: found 1.5, expected a whole number\n"),
        ('name = "a"\npause = "1"', "operators[1].parts[2].pause: found '1', expected a number"),
        ('name = "a"\npause = nan', "operators[1].parts[2].pause: found nan, expected a number\n"),
        ('name = "a"\npause = inf', "operators[1].parts[2].pause: found inf, expected a number\n"),
        ('name = "a"\npause = true', "operators[1].parts[2].pause: found True, expected a number"),
        ('name = "a"\nloud = 1', "operators[1].parts[2].loud: found 1, expected true or false"),
        ('name = "a"\nprefixes = "+7"', "operators[1].parts[2].prefixes: found '+7', expected a list"),
        ('name = "a"\nnetworks = {"7" = 1}', "operators[1].parts[2].networks.7: found 1, expected a text"),
        ('name = "a"\nplaces = [{}]', "operators[1].parts[2].places[1].host: found nothing, expected a text"),
        ('name = "a"\nmain = {host = "b", prot = 1}', "operators[1].parts[2].main.prot: no such key, expected one of"),
        ('name = "a"\npuase = 1', "operators[1].parts[2].puase: no such key, expected one of name, places, main"),
        ('name = "a"\nsecret = "x"', "operators[1].parts[2].secret: no such key"),
        ('name = "a"\ngiven = "x"', "operators[1].parts[2].given: no such key"),
        ('name = "a"\nshade = "GREY"', "operators[1].parts[2].shade: found 'GREY', expected one of LIGHT, DARK"),
        ('name = "a"\nstatuses = {x = "DARK"}', "operators[1].parts[2].statuses.x: found 'x', expected a whole number"),
        ('name = "a"\nauthority_file = "none"', "operators[1].parts[2].authority_file: found none: No such file"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert f"{caught.value}\n".startswith(f"numseal.toml: {message}")


def test_what_is_read_from_a_file_is_told_by_the_key_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"odd")
    with pytest.raises(ConfigError) as caught:
        read('name = "a"\nauthority_file = "ca.pem"', tmp_path)
    sentence = "authority_file, tries: other bytes are expected: not odd ones"
    assert str(caught.value) == f"{tmp_path / 'numseal.toml'}: operators[1].parts[2].{sentence}"


def test_a_field_of_a_kind_that_has_no_form_in_toml_is_a_fault() -> None:
    table = Table(Path("numseal.toml"), "", {"name": "a", "given": "x"})
    with pytest.raises(TypeError, match="given"):
        read_settings(table, Settings)
