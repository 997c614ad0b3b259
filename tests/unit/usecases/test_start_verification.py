"""What a start counts against, and what the same request again is answered."""

import pytest

from fakes.desk import Desk, Ground
from numseal.domain.errors import Refusal
from numseal.domain.limits import Limits
from numseal.domain.verification import Client, State
from numseal.usecases.start_verification import client_network


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("", ""),
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2ff:3::4", "2001:db8:1:200::/56"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
    ],
)
def test_clients_are_counted_by_their_network(address: str, network: str) -> None:
    assert client_network(address) == network


async def test_a_client_network_that_starts_too_much_is_refused_and_others_are_not(ground: Ground) -> None:
    desk = Desk(ground, limits=Limits(starts_per_client_network_hour=2))
    for host in (1, 2):
        await desk.start(client=Client(ip_address=f"192.0.2.{host}"))
    with pytest.raises(Refusal) as refused:
        await desk.start(client=Client(ip_address="192.0.2.3"))
    assert refused.value.reason == "CLIENT_NETWORK_STARTS_EXHAUSTED"
    assert refused.value.reasoning.retry_delay is not None
    assert await desk.sends_counted() == 2
    assert (await desk.start(client=Client(ip_address="198.51.100.1"))).state is State.CODE_SENT
    assert (await desk.start()).state is State.CODE_SENT


async def test_the_same_request_costs_once_and_another_body_is_refused(desk: Desk, ground: Ground) -> None:
    first = await desk.start(request_id="r1")
    assert await desk.start(request_id="r1") == first
    assert (len(ground.mts.orders), await desk.sends_counted()) == (1, 1)
    with pytest.raises(Refusal) as refused:
        await desk.start(account="bob", request_id="r1")
    assert refused.value.reason == "REQUEST_ID_REUSED"
    ground.clock.advance(1_800)
    assert (await desk.start(request_id="r1")).state is State.EXPIRED
