import io

import click
import pytest

from numseal.apps.explain.page import row, section, terminal_width, text_of


def plain(*rows: tuple[str, ...], width: int = 0) -> str:
    return click.unstyle(text_of([section("Title", [row(*cells) for cells in rows])], width))


def test_cells_are_aligned_and_nothing_trails() -> None:
    assert plain(("a", "bb", "c"), ("aaa", "b", ""), ("alone",)) == "Title\n  a    bb  c\n  aaa  b\n  alone\n"


def test_last_cells_are_wrapped_where_there_is_room() -> None:
    words = " ".join(["word"] * 20)
    lines = plain(("name", words), width=60).splitlines()
    assert all(len(line) <= 60 for line in lines)
    assert all(line.startswith("        word") for line in lines[2:])
    assert plain(("n" * 40, words), width=60).splitlines()[1] == "  " + "n" * 40 + "  " + words


def test_an_empty_last_cell_stays_a_line() -> None:
    assert plain(("name", ""), width=60) == "Title\n  name\n"


def test_what_cannot_be_printed_is_replaced() -> None:
    text = text_of([section("\x07", [row("a\x1bb", "c\nd")])])
    assert click.unstyle(text) == "\ufffd\n  a\ufffdb  c\ufffdd\n"


def test_tones_are_colours() -> None:
    text = text_of([section("t", [row("x", tone="bad"), row("y")])])
    assert "\x1b[31m" in text
    assert text.splitlines()[2].endswith("y\x1b[0m") or text.splitlines()[2] == "  y"


def test_hashes_stay_whole() -> None:
    hashed = "Qm9-" * 12
    lines = plain(("name", f"the key {hashed} signed"), width=50).splitlines()
    assert lines[1:] == ["  name  the key", f"        {hashed}", "        signed"]


def test_what_is_no_terminal_is_as_wide_as_any_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert terminal_width() == 0
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert terminal_width() == 80
