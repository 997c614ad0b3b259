"""What an operator signed, held against the evidence that was kept of it: for whoever was given the evidence.

Pure, and without gRPC. That a statement is the operator's is shown by its key; that the evidence says the same, here.
"""

import hashlib

from numseal.adapters.operators.remote.enums import NETWORK_CHECKS
from numseal.adapters.operators.remote.evidence_from_wire import read_lookup_message
from numseal.adapters.operators.remote.fields import BrokenContractError
from numseal.adapters.operators.remote.statement import Keys, read_statement
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.attestation.errors import AttestationError
from numseal.domain.evidence import Lookup, Meta, Possession, Signal, SignalState
from numseal.domain.operator import NetworkOutcome
from numseal.usecases.answer_checks import ImpossibleAnswer
from numseal.usecases.operator_answers import read_lookup

_NOT_ASKED: Signal[object] = Signal(Meta(SignalState.UNKNOWN))


def check_lookup(lookup: Lookup, phone_number: str, keys: Keys) -> None:
    """Check that an operator signed what a lookup of a number says.

    The time of the lookup is Numseal's own, and so is ERROR for a signal from the future. Raises AttestationError:
    STATEMENT_HASH, STATEMENT_DIFFERS, and those of `read_statement`.
    """
    _check_hash(lookup.statement, lookup.statement_hash)
    answer = read_statement(lookup.statement, keys, pb.LookUpSubscriberResponse)
    if answer.phone_number != phone_number:
        raise AttestationError("STATEMENT_DIFFERS", "the operator signed an answer about another number")
    try:
        said = read_lookup(read_lookup_message(answer, lookup.operator_id, lookup.time), lookup.time)
    except (BrokenContractError, ImpossibleAnswer):
        raise AttestationError("STATEMENT_DIFFERS", "the operator signed what its contract does not allow") from None
    other = _differences(said, lookup)
    if other:
        raise AttestationError("STATEMENT_DIFFERS", f"the operator signed otherwise: {', '.join(other)}")


def check_possession(possession: Possession, phone_number: str, keys: Keys) -> None:
    """Check that an operator signed that its network found the number's SIM.

    Raises AttestationError: STATEMENT_HASH, STATEMENT_DIFFERS, and those of `read_statement`.
    """
    _check_hash(possession.statement, possession.statement_hash)
    answer = read_statement(possession.statement, keys, pb.FinishNetworkCheckResponse)
    if answer.phone_number != phone_number:
        raise AttestationError("STATEMENT_DIFFERS", "the operator signed an answer about another number")
    if NETWORK_CHECKS.from_wire.get(answer.outcome) is not NetworkOutcome.MATCH:
        raise AttestationError("STATEMENT_DIFFERS", "the operator signed otherwise: outcome")


def _check_hash(statement: str, digest: str) -> None:
    if hashlib.sha256(statement.encode()).hexdigest() != digest:
        raise AttestationError("STATEMENT_HASH", "the statement is not the one whose hash the evidence has")


def _differences(said: Lookup, kept: Lookup) -> list[str]:
    """Return the names of what is signed otherwise than kept."""
    names = ("outcome", "lookup_reference", "ported_to", "ported_plmn", "failure")
    found = [name for name in names if getattr(said, name) != getattr(kept, name)]
    if said.subscriber is None or kept.subscriber is None:
        return found if (said.subscriber is None) == (kept.subscriber is None) else [*found, "subscriber"]
    pairs = zip(said.subscriber.signals(), kept.subscriber.signals(), strict=True)
    return found + [name for (name, signed), (_, held) in pairs if signed != held and not _unasked(name, signed, held)]


def _unasked(name: str, signed: Signal[object], held: Signal[object]) -> bool:
    """Tell whether nobody says anything: `recycled` cannot be asked without a time."""
    return name == "recycled" and held == _NOT_ASKED and signed.meta.state is SignalState.NOT_SUPPORTED
