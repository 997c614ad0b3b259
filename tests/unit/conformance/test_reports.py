"""Results as JSON and JUnit XML: everything is in them, and nothing that breaks them gets in."""

import json
from xml.etree import ElementTree

from numseal.conformance.clause import operator
from numseal.conformance.reports import counts, to_json, to_junit
from numseal.conformance.results import Outcome, Result
from numseal.conformance.run import holds

CLAUSE = operator("Rate.per_second", "Calls a second, at least 1.")


def result(check_id: str, outcome: Outcome, *sentences: str) -> Result:
    return Result(check_id, f"title of {check_id}", CLAUSE, outcome, sentences, 0.25)


ALL = (
    result("code.match", Outcome.PASSED),
    result("rate.lookups", Outcome.PASSED, "p99 3 ms"),
    result("code.used", Outcome.FAILED, "it is <MATCH> & more", "and again"),
    result("network.page", Outcome.SKIPPED, "not announced"),
    result("send.barred", Outcome.NOT_CHECKED, "no number"),
)


def test_json_has_every_check_with_its_clause() -> None:
    told = json.loads(to_json(ALL, "127.0.0.1:1"))
    assert told["address"] == "127.0.0.1:1"
    assert told["counts"] == {"passed": 2, "failed": 1, "skipped": 1, "not checked": 1}
    assert told["checks"][2] == {
        "id": "code.used",
        "title": "title of code.used",
        "outcome": "failed",
        "sentences": ["it is <MATCH> & more", "and again"],
        "clause": {"place": "operator.proto, Rate.per_second", "sentence": "Calls a second, at least 1."},
        "seconds": 0.25,
    }
    assert len(told["checks"]) == len(ALL)


def test_junit_tells_failures_with_their_clause_and_what_was_left_out() -> None:
    suite = ElementTree.fromstring(to_junit(ALL, "127.0.0.1:1")).find("testsuite")  # noqa: S314 - written by the code under test
    assert suite is not None
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped", "errors", "time")} == {
        "tests": "5",
        "failures": "1",
        "skipped": "2",
        "errors": "0",
        "time": "1.250",
    }
    cases = {str(case.get("name")).partition(":")[0]: case for case in suite}
    failure = cases["code.used"].find("failure")
    assert failure is not None
    assert failure.get("message") == "it is <MATCH> & more; and again"
    assert str(CLAUSE) in (failure.text or "")
    assert [case.get("message") for case in suite.iter("skipped")] == [
        "skipped: not announced",
        "not checked: no number",
    ]
    assert cases["rate.lookups"].findtext("system-out") == "p99 3 ms"
    assert list(cases["code.match"]) == []


def test_what_holds() -> None:
    passed, _, failed, skipped, unmade = ALL
    assert counts(ALL)[Outcome.PASSED] == 2
    assert holds((passed, skipped, unmade))
    assert holds((skipped,))
    assert not holds((passed, failed))
    assert not holds((unmade,))
