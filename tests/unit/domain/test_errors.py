from numseal.domain.errors import Kind, Reasoning, denied, exhausted, invalid, not_found, precondition, unavailable


def test_each_maker_says_what_it_is_named_for() -> None:
    assert invalid("locale", "LOCALE_MALFORMED", "so").reasoning == Reasoning(
        Kind.INVALID_ARGUMENT, "LOCALE_MALFORMED", field="locale"
    )
    assert not_found("BINDING_NOT_FOUND", "so").reasoning.kind is Kind.NOT_FOUND
    assert denied("NO_AGREEMENT", "so").reasoning.kind is Kind.PERMISSION_DENIED
    assert precondition("VERIFICATION_FAILED", "so", state="FAILED").reasoning.metadata == {"state": "FAILED"}
    assert unavailable("OPERATOR_SILENT", "so", retry_delay=3).reasoning.retry_delay == 3
    refusal = exhausted("SENDS_EXHAUSTED", "so it is", quota="SENDS", retry_delay=60)
    assert (refusal.reason, refusal.message, str(refusal)) == ("SENDS_EXHAUSTED", "so it is", "so it is")
    assert (refusal.reasoning.quota, refusal.reasoning.retry_delay) == ("SENDS", 60)


def test_metadata_is_not_shared() -> None:
    assert Reasoning(Kind.NOT_FOUND, "A").metadata == {}
    assert Reasoning(Kind.NOT_FOUND, "A").metadata is not Reasoning(Kind.NOT_FOUND, "A").metadata
