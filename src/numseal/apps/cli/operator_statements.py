"""Steps of a replay about what operators signed: which answers there are, and a line for each.

How a statement is judged is `adapters.operators.remote`'s; neither gRPC nor a database driver is imported.
"""

from collections.abc import Callable, Iterator

from numseal.adapters.operators.remote.signed_evidence import check_lookup, check_possession
from numseal.adapters.operators.remote.statement import Keys, read_keys
from numseal.attestation.errors import AttestationError
from numseal.domain.evidence import Evidence, Lookup, LookupOutcome, Method, Possession
from numseal.verify.report import ExitCode, Outcome, Step, printable

_Check = Callable[[Keys], None]


class OperatorKeysError(ValueError):
    """The operators' keys cannot be read; the sentence says why."""


def statement_steps(evidence: Evidence, operator_keys: bytes | None) -> list[Step]:
    """Return a step for each answer that was signed; with keys, one for each that was not signed as well.

    `operator_keys` is a JWK set of all operators that answered. Raises `OperatorKeysError`.
    """
    try:
        keys = None if operator_keys is None else read_keys(operator_keys)
    except AttestationError as error:
        raise OperatorKeysError(str(error)) from None
    return [step for step in (_step(name, signed, check, keys) for name, signed, check in _answers(evidence)) if step]


def _answers(evidence: Evidence) -> Iterator[tuple[str, bool, _Check]]:
    """Yield each answer's name, whether it was signed, and how that is checked."""
    lookups: list[tuple[str, Lookup | None]] = [("porting", evidence.porting), ("before", evidence.before)]
    lookups += [(f"before_resend.{number}", lookup) for number, lookup in enumerate(evidence.before_resend, 1)]
    lookups.append(("after", evidence.after))
    for name, lookup in lookups:
        if lookup is not None and lookup.outcome is not LookupOutcome.UNANSWERED:
            yield name, bool(lookup.statement), _of_lookup(lookup, evidence.phone_number)
    for possession in evidence.possessions():
        if possession.method is Method.NETWORK:
            yield "possession", bool(possession.statement), _of_possession(possession, evidence.phone_number)


def _of_lookup(lookup: Lookup, phone_number: str) -> _Check:
    return lambda keys: check_lookup(lookup, phone_number, keys)


def _of_possession(possession: Possession, phone_number: str) -> _Check:
    return lambda keys: check_possession(possession, phone_number, keys)


def _step(name: str, signed: bool, check: _Check, keys: Keys | None) -> Step | None:
    title = f"statement {name}"
    if not signed:
        unsigned = "the operator did not sign this answer"
        return None if keys is None else Step(title, Outcome.NOT_CHECKED, unsigned, "NOT_SIGNED")
    if keys is None:
        sentence = "no operator's keys were given: that the operator said so is not shown"
        return Step(title, Outcome.NOT_CHECKED, sentence, "KEYS_NOT_GIVEN")
    try:
        check(keys)
    except AttestationError as error:
        return Step(title, Outcome.FAILED, printable(str(error)), error.reason, ExitCode.INVALID)
    return Step(title, Outcome.OK, "the operator signed this answer as the evidence has it", "OK")
