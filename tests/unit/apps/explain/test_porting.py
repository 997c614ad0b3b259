"""The page of a number that was ported: both operators' answers, the first one's first, and no number in clear."""

from dataclasses import replace

from fakes.evidence import answer, evidence
from numseal.apps.explain.evidence import at_path, evidence_sections, evidence_values
from numseal.domain.evidence import LookupOutcome, Statement

PORTING = replace(answer(LookupOutcome.PORTED), ported_to="megafon", statement=Statement("e30.e30.c2ln"))


def test_the_answer_that_named_the_operator_stands_before_that_operators_own() -> None:
    ported = evidence(porting=PORTING, routed_operator="megafon", before=answer(operator="megafon"))
    titles = [part.title for part in evidence_sections(ported, unmasked=False)]
    assert titles[:3] == ["Number", "Lookup at the operator that named this one", "Lookup before the code"]
    assert at_path(ported, "porting.outcome") == "PORTED"
    assert "Lookup at the operator that named this one" not in [
        part.title for part in evidence_sections(evidence(), unmasked=False)
    ]


def test_what_it_signed_names_the_number_and_is_masked_too() -> None:
    values = evidence_values(evidence(porting=PORTING), unmasked=False)
    assert (values["porting"]["ported_to"], values["porting"]["statement"]) == ("megafon", "")
    assert evidence_values(evidence(porting=PORTING), unmasked=True)["porting"]["statement"] == "e30.e30.c2ln"
    assert evidence_values(evidence(), unmasked=False)["porting"] is None
