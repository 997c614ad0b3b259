"""The number itself and whether its operator answers, where `test_either_lookup` does not say it already."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.evidence import answer, evidence, known, unknown
from fakes.rules import POLICY, no_answer, rests_on
from numseal.domain.evidence import LineType, LookupOutcome
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


def test_a_policy_names_the_line_types_it_takes() -> None:
    rule, _ = RULES["LINE_NOT_MOBILE"]
    setting = replace(POLICY.rules["LINE_NOT_MOBILE"], line_types=frozenset({LineType.MOBILE, LineType.VOIP}))
    assert rule(view_of(evidence(after=answer(line_type=known(LineType.VOIP)))), setting) is None
    finding = rule(view_of(evidence(after=answer(line_type=known(LineType.FIXED)))), setting)
    assert finding is not None
    assert finding.sentence == "The operator says that this is a FIXED line."
