"""What a conclusion counts, compares with and puts into evidence."""

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from fakes.desk import NUMBER, Desk, Ground, code_of
from fakes.evidence import NOW, answer, known
from numseal.attestation import jwk, jws
from numseal.domain.evidence import ClientNetwork, DeliveryState, NetworkKind
from numseal.domain.limits import DAY
from numseal.domain.report import Outcome
from numseal.domain.velocity import FRESH
from numseal.domain.verification import Client, State, Verification
from numseal.usecases.report_outcome import ReportOutcome

OTHER = "+79161234568"


async def shown(desk: Desk, number: str = NUMBER, account: str = "alice", **wish: Any) -> Verification:
    """Show a right code."""
    opened = await desk.start(number, account, **wish)
    return (await desk.check(opened, code_of(desk.ground.mts.orders[-1].text)))[1]


async def test_accounts_and_numbers_are_counted_once_each(desk: Desk) -> None:
    first = await shown(desk)
    assert (first.velocity.accounts_of_number, first.velocity.numbers_of_account) == (1, 1)
    again = await shown(desk)
    assert (again.velocity.accounts_of_number, again.velocity.numbers_of_account) == (1, 1)
    other = await shown(desk, account="bob")
    assert other.state is State.CONTESTED
    assert (other.velocity.accounts_of_number, other.velocity.numbers_of_account) == (2, 1)
    second = await shown(desk, OTHER)
    assert (second.velocity.accounts_of_number, second.velocity.numbers_of_account) == (1, 2)


async def test_what_was_started_and_never_shown_is_not_counted(desk: Desk) -> None:
    for account in ("mallory-1", "mallory-2", "mallory-3"):
        await desk.start(account=account)
    assert (await shown(desk)).velocity.accounts_of_number == 1


async def test_a_client_network_is_counted_unless_it_is_a_mobile_carriers(desk: Desk) -> None:
    at_home = Client(ip_address="198.18.7.1")
    assert (await shown(desk, client=at_home)).velocity.numbers_of_client_network == 1
    assert (await shown(desk, OTHER, "bob", client=at_home)).velocity.numbers_of_client_network == 2
    mobile = await shown(desk, "+79161234571", "carol", client=Client(ip_address="100.64.0.9"))
    assert mobile.velocity.numbers_of_client_network is None
    assert mobile.opening.client_network == ClientNetwork("RU", NetworkKind.MOBILE, "mts")
    unknown = await shown(desk, "+79161234572", "dave")
    assert unknown.velocity.numbers_of_client_network is None


async def test_a_device_key_counts_only_once_it_was_proved(desk: Desk, ground: Ground) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    client = Client(device_public_key_jwk=json.dumps(jwk.public_jwk(key.public_key())))
    assert (await shown(desk, client=client)).velocity.numbers_of_device_key is None
    for count, number in enumerate((OTHER, "+79161234571"), start=1):
        opened = await desk.start(number, "bob", client=client)
        proof = jws.sign_es256(f"numseal/v1\nkey-proof\n{opened.verification_id}\n".encode(), key)
        _, verified, _ = await desk.check(opened, code_of(ground.mts.orders[-1].text), proof)
        assert verified.velocity.numbers_of_device_key == count


async def test_a_device_and_a_range_are_counted_by_what_the_operator_says(desk: Desk, ground: Ground) -> None:
    fresh = known(NOW - FRESH + 60)
    ground.mts.found = [answer(activate_time=fresh)]
    first = await shown(desk)
    assert (first.velocity.numbers_of_device, first.velocity.fresh_numbers_of_range) == (1, 1)
    second = await shown(desk, OTHER, "bob")
    assert (second.velocity.numbers_of_device, second.velocity.fresh_numbers_of_range) == (2, 2)
    ground.mts.found = [answer(activate_time=known(NOW - FRESH), device_ref=known(None))]
    old = await shown(desk, "+79161234571", "carol")
    assert (old.velocity.numbers_of_device, old.velocity.fresh_numbers_of_range) == (None, None)


async def test_another_window_counts_anew(desk: Desk, ground: Ground) -> None:
    home = Client(ip_address="198.18.7.1")
    await shown(desk, client=home)
    ground.clock.advance(DAY)
    assert (await shown(desk, OTHER, "bob", client=home)).velocity.numbers_of_client_network == 1


async def test_possession_says_what_was_known_of_the_delivery(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    desk.deliveries.tell("mts", "d1", DeliveryState.DELIVERED)
    assert desk.deliveries.upon(opened).codes[-1].delivery_state is DeliveryState.DELIVERED
    desk.deliveries.tell("mts", "d1", DeliveryState.ACCEPTED)
    _, verified, _ = await desk.check(opened, code_of(ground.mts.orders[-1].text))
    assert verified.shown[-1].delivery is DeliveryState.DELIVERED
    assert desk.deliveries.upon(verified) is verified


async def test_what_the_relying_party_reported_is_known_at_the_next_verification(desk: Desk, ground: Ground) -> None:
    report = ReportOutcome(store=ground.store, clock=ground.clock)
    first = await shown(desk)
    for outcome in (Outcome.GENUINE, Outcome.FRAUD, Outcome.SPAM):
        told: dict[str, Any] = {"outcome": outcome, "occur_time": None, "request_id": ""}
        await report("messenger", verification_id=first.verification_id, **told)
        await report("messenger", binding_id=first.binding_id, **told)
    again = await shown(desk)
    assert again.velocity.reports_of_number == 1
    assert again.verdict is not None
    assert "REPORTED_BEFORE" in {finding.code for finding in again.verdict.findings}
    assert (await shown(desk, OTHER)).velocity.reports_of_number == 0
