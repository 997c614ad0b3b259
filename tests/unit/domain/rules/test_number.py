"""The number itself and whether its operator answers, where `test_either_lookup` does not say it already."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.evidence import answer, evidence, known, unknown
from fakes.rules import POLICY, find, no_answer, rests_on
from numseal.domain.evidence import LineType, Lookup, LookupOutcome
from numseal.domain.rules import RULES
from numseal.domain.rules.view import view_of


@pytest.mark.parametrize(
    ("code", "changes", "paths"),
    [
        ("NUMBER_UNALLOCATED", {"before": no_answer(), "after": None}, None),
        ("NUMBER_NOT_SERVED", {"before": no_answer(), "after": no_answer()}, None),
        ("LINE_NOT_MOBILE", {"after": answer(line_type=unknown())}, None),
        ("LINE_NOT_MOBILE", {"after": answer(LookupOutcome.NOT_ASSIGNED)}, None),
        ("OPERATOR_MISMATCH", {"after": replace(no_answer(), operator_id="beeline")}, None),
        (
            "OPERATOR_MISMATCH",
            {"routed_operator": "beeline", "before": answer(operator="beeline"), "after": answer(operator="beeline")},
            None,
        ),
        ("LOOKUP_UNANSWERED", {"before": no_answer()}, ("before.outcome",)),
        ("LOOKUP_UNANSWERED", {"after": no_answer()}, ("after.outcome",)),
        ("LOOKUP_UNANSWERED", {"after": None}, ("after.outcome",)),
        ("LOOKUP_UNANSWERED", {"before_resend": (no_answer(),)}, ("before_resend.outcome",)),
        ("LOOKUP_UNANSWERED", {"before": no_answer(), "after": None}, ("after.outcome", "before.outcome")),
        ("LOOKUP_UNANSWERED", {"after": None, "possession": None}, None),
        ("LOOKUP_UNANSWERED", {"before": no_answer(), "after": None, "possession": None}, ("before.outcome",)),
    ],
)
def test_rule(code: str, changes: dict[str, Any], paths: tuple[str, ...] | None) -> None:
    assert rests_on(code, **changes) == paths


def carried(operator: str, to: str = "", plmn: str = "") -> Lookup:
    return replace(answer(LookupOutcome.PORTED, operator=operator), ported_to=to, ported_plmn=plmn)


@pytest.mark.parametrize(
    ("changes", "tells", "paths"),
    [
        (
            {"before": carried("beeline", "t2"), "porting": carried("mts", "beeline"), "routed_operator": "beeline"},
            "Operator beeline says that the number was ported to t2, after mts had named beeline: it is nobody's.",
            ("before.outcome", "porting.outcome"),
        ),
        ({"before": carried("mts", "t2")}, "Operator mts says that the number was ported to t2.", ("before.outcome",)),
        ({"before": carried("mts", "mts")}, "Operator mts says that the number was ported to itself.", None),
        (
            {"before": carried("mts", plmn="250-02")},
            "Operator mts says that the number was ported to the network 250-02, "
            "which is not known to be one operator's.",
            None,
        ),
        (
            {"after": carried("beeline", "t2"), "porting": carried("mts", "beeline"), "routed_operator": "beeline"},
            "Operator beeline says that the number was ported to t2.",
            ("after.outcome",),
        ),
        ({"before": answer(LookupOutcome.NOT_SERVED)}, "Operator mts does not serve this number.", None),
    ],
)
def test_a_ported_number_that_leads_nowhere_says_why(
    changes: dict[str, Any], tells: str, paths: tuple[str, ...] | None
) -> None:
    finding = find("NUMBER_NOT_SERVED", **changes)
    assert finding is not None
    assert finding.sentence == tells
    assert finding.evidence == (paths or ("before.outcome",))


def test_a_policy_names_the_line_types_it_takes() -> None:
    rule, _ = RULES["LINE_NOT_MOBILE"]
    setting = replace(POLICY.rules["LINE_NOT_MOBILE"], line_types=frozenset({LineType.MOBILE, LineType.VOIP}))
    assert rule(view_of(evidence(after=answer(line_type=known(LineType.VOIP)))), setting) is None
    finding = rule(view_of(evidence(after=answer(line_type=known(LineType.FIXED)))), setting)
    assert finding is not None
    assert finding.sentence == "The operator says that this is a FIXED line."
