"""Every check quotes the contract, and what it quotes stands there."""

import re
from pathlib import Path

import pytest

from numseal.conformance.check import Check
from numseal.conformance.suite import CHECKS, chosen

PROTOS = Path(__file__).parents[3] / "protos" / "numseal" / "api" / "operator" / "v1"
_ELEMENT = re.compile(r"\s*(?:(message|enum|service|oneof)\s+(\w+)|rpc\s+(\w+)|[\w. ]*?(\w+)\s*=\s*\d+\s*;)")


def comments(file: str) -> dict[str, str]:
    """Return each element's comment as one line, by its path such as "Message.field"."""
    found: dict[str, str] = {}
    path: list[str] = []
    comment: list[str] = []
    for line in (PROTOS / file).read_text().splitlines():
        text = line.strip()
        if text.startswith("//"):
            comment.append(text.removeprefix("//").strip())
            continue
        element = _ELEMENT.match(line)
        if element is not None and comment:
            name = next(group for group in element.groups()[1:] if group)
            inside = [one for one in path if one != "oneof"]
            found[".".join([*inside, name])] = " ".join(comment)
        comment = []
        if text.endswith("{"):
            path.append("oneof" if text.startswith("oneof") else text.split()[1])
        elif text == "}":
            path.pop()
    return found


@pytest.mark.parametrize("check", CHECKS, ids=[check.id for check in CHECKS])
def test_the_clause_stands_in_the_contract(check: Check) -> None:
    told = comments(check.clause.file)
    assert check.clause.element in told
    assert check.clause.sentence in told[check.clause.element]


def test_ids_are_unique_and_have_a_group() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", check.id) for check in CHECKS)


def test_checks_are_chosen_by_patterns() -> None:
    assert {check.id.partition(".")[0] for check in chosen(("code.*", "tls.*"))} == {"code", "tls"}
    assert [check.id for check in chosen(("events.*",), ("events.[!r]*",))] == ["events.resume"]
    assert chosen() == CHECKS
    assert chosen(("nothing",)) == ()
