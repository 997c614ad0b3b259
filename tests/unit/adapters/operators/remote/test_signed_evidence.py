"""Kept evidence beside what the operator signed: the same, or named where it is not."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fakes.clock import FakeClock
from fakes.evidence import NOW, OWNER, answer, known
from fakes.operator import FakeOperator, everything
from fakes.orders import lookup_request
from fakes.remote_world import Tampered, client, plain, remote, serving
from numseal.adapters.operators.remote.evidence_to_wire import lookup_message
from numseal.adapters.operators.remote.fields import BrokenContractError
from numseal.adapters.operators.remote.settings import Settings
from numseal.adapters.operators.remote.signed_evidence import check_lookup, check_possession
from numseal.adapters.operators.remote.statement import Signer
from numseal.attestation.errors import AttestationError
from numseal.domain.evidence import Lookup, LookupOutcome, Method, Possession, SignalState, Statement, Subscriber
from numseal.domain.operator import NetworkChecked, NetworkOffer, NetworkOutcome
from numseal.usecases.ask_operator import AskOperator

NUMBER = "+79161234567"
OFFER = NetworkOffer("f1", NUMBER, b"challenge", "code", "state-of-16-chars")
SIGNER = Signer(Ed25519PrivateKey.generate(), "k1")
KEYS = {"k1": SIGNER.key.public_key()}


async def looked_up(found: Lookup, since_time: int | None = NOW - 90, at: int = NOW) -> Lookup:
    """Return what is kept of an answer that was signed and asked for across the wire."""
    clock = FakeClock(at)
    async with remote(FakeOperator("mts", found=[found]), clock, signer=SIGNER, statement_keys=KEYS) as operator:
        ask = AskOperator({"mts": operator}, clock)
        return await ask.look_up("mts", lookup_request(NUMBER, since_time=since_time), 5.0)


@pytest.mark.parametrize(
    ("found", "since_time"),
    [
        (answer(), NOW - 90),
        (answer(), None),
        (answer(LookupOutcome.NOT_ASSIGNED), None),
        (Lookup(LookupOutcome.PORTED, "mts", NOW, ported_to="megafon", ported_plmn="250-02"), None),
        (answer(last_seen=known(NOW + 9_000)), NOW - 90),
    ],
)
async def test_what_was_kept_is_what_was_signed(found: Lookup, since_time: int | None) -> None:
    kept = await looked_up(found, since_time, at=NOW + 7)
    assert kept.statement
    check_lookup(kept, NUMBER, KEYS)


async def test_a_time_from_the_future_is_kept_as_an_error() -> None:
    kept = await looked_up(answer(last_seen=known(NOW + 9_000)))
    assert kept.subscriber is not None
    assert kept.subscriber.last_seen.meta.state is SignalState.ERROR


def without(name: str) -> Callable[[Lookup], Lookup]:
    def change(kept: Lookup) -> Lookup:
        assert kept.subscriber is not None
        return replace(kept, subscriber=replace(kept.subscriber, **{name: getattr(Subscriber(), name)}))

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (without("sim_change"), "sim_change"),
        (without("recycled"), "recycled"),
        (lambda kept: replace(kept, outcome=LookupOutcome.NOT_SERVED, subscriber=None), "outcome, subscriber"),
        (lambda kept: replace(kept, lookup_reference="another"), "lookup_reference"),
        (lambda kept: replace(kept, subscriber=replace(kept.subscriber, sim_ref=known(OWNER))), "sim_ref"),
    ],
)
async def test_evidence_that_says_otherwise(change: Callable[[Any], Lookup], named: str) -> None:
    kept = change(await looked_up(answer()))
    with pytest.raises(AttestationError, match=f"otherwise: {named}$") as caught:
        check_lookup(kept, NUMBER, KEYS)
    assert caught.value.reason == "STATEMENT_DIFFERS"


async def test_a_statement_about_another_number_or_under_another_hash_or_key() -> None:
    kept = await looked_up(answer())
    stranger = {"k1": Ed25519PrivateKey.generate().public_key()}
    for lookup, number, keys, reason in (
        (kept, "+79161234568", KEYS, "STATEMENT_DIFFERS"),
        (replace(kept, statement_hash="0" * 64), NUMBER, KEYS, "STATEMENT_HASH"),
        (kept, NUMBER, stranger, "SIGNATURE_INVALID"),
        (kept, NUMBER, {}, "KEY_UNKNOWN"),
    ):
        with pytest.raises(AttestationError) as caught:
            check_lookup(lookup, number, keys)
        assert caught.value.reason == reason


def test_a_signed_answer_that_the_contract_does_not_allow() -> None:
    message = lookup_message(answer(), lookup_request(NUMBER))
    message.ClearField("lookup_reference")
    SIGNER.sign(message)
    digest = hashlib.sha256(message.statement.encode()).hexdigest()
    kept = replace(answer(), statement=Statement(message.statement), statement_hash=digest)
    with pytest.raises(AttestationError, match="does not allow"):
        check_lookup(kept, NUMBER, KEYS)


async def finished(checked: NetworkChecked) -> Possession:
    clock = FakeClock(NOW)
    async with remote(FakeOperator("mts", finished=checked), clock, signer=SIGNER, statement_keys=KEYS) as operator:
        said = await operator.finish_network_check(OFFER)
    return Possession(Method.NETWORK, NOW - 5, NOW, statement=said.statement, statement_hash=said.statement_hash)


async def test_a_network_check_was_signed_as_a_match() -> None:
    match = await finished(NetworkChecked(NetworkOutcome.MATCH, NOW))
    check_possession(match, NUMBER, KEYS)
    with pytest.raises(AttestationError, match="another number"):
        check_possession(match, "+79161234999", KEYS)
    for checked in (NetworkChecked(NetworkOutcome.MISMATCH, NOW), NetworkChecked(NetworkOutcome.UNKNOWN)):
        with pytest.raises(AttestationError, match="outcome"):
            check_possession(await finished(checked), NUMBER, KEYS)


async def test_statements_that_nobody_can_check_are_not_kept() -> None:
    async with remote(FakeOperator("mts"), FakeClock(NOW), signer=SIGNER) as operator:
        assert (await operator.capabilities()).signs_statements
        found, checked = await operator.look_up(lookup_request(NUMBER)), await operator.finish_network_check(OFFER)
    assert (found.statement, found.statement_hash, checked.statement, checked.statement_hash) == ("", "", "", "")


def keyed(address: str) -> Settings:
    return plain(address, statement_keys=KEYS)


async def strip(_request: Any, _context: Any, honest: Any) -> Any:
    said = await honest()
    said.ClearField("statement")
    return said


async def test_an_operator_that_says_that_it_signs_has_to() -> None:
    lies = {"LookUpSubscriber": strip, "FinishNetworkCheck": strip}
    async with (
        serving(Tampered(FakeOperator("mts"), lies, SIGNER)) as address,
        client(keyed(address), FakeClock(NOW)) as operator,
    ):
        with pytest.raises(BrokenContractError, match="statement"):
            await operator.look_up(lookup_request(NUMBER))
        assert (await operator.finish_network_check(OFFER)).statement == ""


async def test_one_that_does_not_say_so_need_not() -> None:
    fake = FakeOperator("mts", able=replace(everything("mts"), signs_statements=True))
    async with remote(fake, FakeClock(NOW), statement_keys=KEYS) as operator:
        assert (await operator.look_up(lookup_request(NUMBER))).statement == ""
        assert (await operator.look_up(lookup_request(NUMBER, "l2"))).statement == ""
    assert len(fake.capability_calls) == 1


async def test_an_answer_that_was_changed_under_way_is_none() -> None:
    async def lie(_request: Any, _context: Any, honest: Any) -> Any:
        said = await honest()
        said.subscriber.ClearField("sim_change")
        return said

    async def grown(_request: Any, _context: Any, honest: Any) -> Any:
        said = await honest()
        said.outcome = 2
        return said

    lies = {"LookUpSubscriber": lie, "FinishNetworkCheck": grown}
    async with (
        serving(Tampered(FakeOperator("mts"), lies, SIGNER)) as address,
        client(keyed(address), FakeClock(NOW)) as operator,
    ):
        with pytest.raises(BrokenContractError, match="statement"):
            await operator.look_up(lookup_request(NUMBER))
        with pytest.raises(BrokenContractError, match="statement"):
            await operator.finish_network_check(OFFER)


async def test_what_was_not_asked_and_is_signed_breaks_the_answer() -> None:
    async def more(_request: Any, _context: Any, _honest: Any) -> Any:
        said = lookup_message(answer(), lookup_request(NUMBER))
        SIGNER.sign(said)
        return said

    async with (
        serving(Tampered(FakeOperator("mts"), {"LookUpSubscriber": more}, SIGNER)) as address,
        client(keyed(address), FakeClock(NOW)) as operator,
    ):
        with pytest.raises(BrokenContractError, match="is signed"):
            await operator.look_up(lookup_request(NUMBER, signals=("line_type",)))
        assert (await operator.look_up(lookup_request(NUMBER))).statement
