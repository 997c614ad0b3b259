"""The file of ported numbers that a configuration names: found by the configuration, read by a server only."""

from pathlib import Path

import pytest

from numseal.apps.config import ConfigError, load_config
from numseal.apps.config_files import read_porting
from numseal.apps.development import CONFIG_NAME, prepare_development

NUMBER = "+79161234567"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    prepare_development(tmp_path / "data")
    return tmp_path / "data"


def configured(directory: Path, settings: str) -> Path:
    """Set keys of the section [number_plan]."""
    file = directory / CONFIG_NAME
    text = file.read_text()
    assert text.count("[number_plan]\n") == 1
    file.write_text(text.replace("[number_plan]\n", f"[number_plan]\n{settings}\n"))
    return file


def test_without_a_file_nothing_was_ported(directory: Path) -> None:
    config = load_config(directory / CONFIG_NAME)
    assert config.porting_file is None
    assert len(read_porting(config.porting_file, config.operator_ids)) == 0


def test_a_file_is_found_beside_the_configuration_and_read_later(directory: Path) -> None:
    (directory / "ported.csv").write_text("not read yet")
    config = load_config(configured(directory, 'porting_file = "ported.csv"'))
    assert config.porting_file == directory / "ported.csv"
    config.porting_file.write_bytes(f"number,operator\r\n{NUMBER},megafon\r\n".encode())
    assert read_porting(config.porting_file, config.operator_ids).operator(NUMBER) == "megafon"


def test_a_file_that_is_not_there_is_refused_with_the_configuration(directory: Path) -> None:
    file = configured(directory, 'porting_file = "ported.csv"')
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert str(caught.value).startswith(f"{file}: number_plan.porting_file: found {directory / 'ported.csv'}: No such")


@pytest.mark.parametrize(
    ("content", "tells"),
    [
        (b"number,operator\n79161234567,megafon\n", "line 2: expected a number such as"),
        (b"\xff", "'utf-8' codec can't decode"),
        (b"number,operator\n" + b"+79161234567,megafon\n" * 2, "+7916*****67 is given twice"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes, tells: str) -> None:
    path = tmp_path / "ported.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_porting(path, ())
    assert str(caught.value).startswith(f"{path}: ")
    assert tells in str(caught.value)
    path.unlink()
    with pytest.raises(ConfigError, match="No such file"):
        read_porting(path, ())


def test_operators_that_nobody_can_ask_are_named_once(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    ported = directory / "ported.csv"
    ported.write_text(f"number,operator\n{NUMBER},megafon\n+79161234568,zeta\n+79161234569,yota\n")
    config = load_config(configured(directory, 'porting_file = "ported.csv"'))
    assert read_porting(ported, config.operator_ids).operator("+79161234569") == "yota"
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith(f"{ported}: names operators that are neither in [[operators]] nor in the")
    assert "the first yota, in all 2:" in record.getMessage()
    caplog.clear()
    read_porting(ported, config.operator_ids | {"yota", "zeta"})
    assert not caplog.records
