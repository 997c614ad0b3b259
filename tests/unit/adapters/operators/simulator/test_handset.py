"""Messages on their way, held, forwarded, waited for."""

import asyncio

import pytest

from fakes.clock import FakeClock
from numseal.adapters.operators.simulator import handset
from numseal.adapters.operators.simulator.handset import Handsets
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.domain.errors import Refusal
from numseal.domain.evidence import DeliveryState, ForwardingKind, Reachability
from numseal.domain.simulation import (
    DeliveryBehavior,
    MessageKind,
    Recycle,
    SetDelivery,
    SetForwarding,
    SetReachability,
)

NUMBER = "+79161234567"


def send(network: SimulatedNetwork, text: str = "hello", kind: MessageKind = MessageKind.SMS) -> None:
    network.deliver(network.subscriber(NUMBER), kind, "Numseal", text)


async def texts(network: SimulatedNetwork, after: str = "", wait: float = 0.0) -> list[str]:
    return [message.text for message in await network.inbox(NUMBER, after, wait)]


async def test_a_message_arrives_at_once(network: SimulatedNetwork, clock: FakeClock) -> None:
    send(network)
    (message,) = await network.inbox(NUMBER)
    assert (message.time, message.kind, message.sender_id) == (clock.now(), MessageKind.SMS, "Numseal")
    assert await texts(network, after=message.message_id) == []


async def test_a_reader_waits_for_the_next_message(network: SimulatedNetwork) -> None:
    send(network, "old")
    (old,) = await network.inbox(NUMBER)
    readers = [asyncio.create_task(texts(network, old.message_id, 5)) for _ in range(2)]
    await asyncio.sleep(0)
    send(network, "new")
    assert await asyncio.gather(*readers) == [["new"], ["new"]]


async def test_waiting_ends_and_leaves_nothing_behind(network: SimulatedNetwork) -> None:
    assert await texts(network, wait=0.01) == []
    reader = asyncio.create_task(texts(network, wait=5))
    other = asyncio.create_task(texts(network, wait=5))
    await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    send(network)
    assert await other == ["hello"]
    assert network.handsets._waiting == {}


async def test_a_reader_who_hung_up_is_passed_over(network: SimulatedNetwork) -> None:
    gone, other = (asyncio.create_task(texts(network, wait=5)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    send(network)
    assert await other == ["hello"]
    assert gone.cancelled()


@pytest.mark.parametrize("wait", [-1, 31, float("nan")])
async def test_nobody_waits_for_ever(network: SimulatedNetwork, wait: float) -> None:
    with pytest.raises(Refusal, match="0 to 30 seconds"):
        await network.inbox(NUMBER, wait=wait)


async def test_a_delayed_message_comes_later(network: SimulatedNetwork) -> None:
    network.change(NUMBER, SetDelivery(delay=0.02))
    send(network)
    assert await texts(network) == []
    assert await texts(network, wait=5) == ["hello"]


class Receipts(list[tuple[DeliveryState, str]]):
    """What became of one number's messages."""

    def send(self, network: SimulatedNetwork, kind: MessageKind = MessageKind.SMS) -> None:
        network.deliver(network.subscriber(NUMBER), kind, "Numseal", "hello", lambda *told: self.append(told))


@pytest.mark.parametrize(
    ("behavior", "kind", "arrives", "receipts"),
    [
        (DeliveryBehavior.DELIVER, MessageKind.SMS, True, [(DeliveryState.DELIVERED, "")]),
        (DeliveryBehavior.FAIL, MessageKind.SMS, False, [(DeliveryState.FAILED, "map:32")]),
        (DeliveryBehavior.FAIL, MessageKind.VOICE, False, [(DeliveryState.FAILED, "map:27")]),
        (DeliveryBehavior.VANISH, MessageKind.SMS, False, []),
        (DeliveryBehavior.NO_RECEIPT, MessageKind.VOICE, True, []),
        (DeliveryBehavior.REFUSE, MessageKind.SMS, False, []),
    ],
)
@pytest.mark.parametrize("delay", [0.0, 0.01])
async def test_what_becomes_of_a_message_is_told_or_not(
    network: SimulatedNetwork,
    behavior: DeliveryBehavior,
    kind: MessageKind,
    *,
    arrives: bool,
    receipts: list[tuple[DeliveryState, str]],
    delay: float,
) -> None:
    network.change(NUMBER, SetDelivery(behavior, delay))
    told = Receipts()
    told.send(network, kind)
    assert await texts(network, wait=0.02 if delay else 0) == (["hello"] if arrives else [])
    assert told == receipts


async def test_a_held_message_is_delivered_when_the_handset_has_it(network: SimulatedNetwork) -> None:
    network.change(NUMBER, SetReachability(Reachability.NOT_REACHABLE))
    told = Receipts()
    told.send(network)
    assert told == []
    network.change(NUMBER, SetReachability(Reachability.REACHABLE))
    assert told == [(DeliveryState.DELIVERED, "")]


@pytest.mark.parametrize(("life", "arrives"), [(11, True), (10, False)])
async def test_a_held_message_is_not_delivered_when_its_time_is_over(life: int, arrives: bool) -> None:
    clock = FakeClock()
    network = SimulatedNetwork(1, clock)
    network.change(NUMBER, SetReachability(Reachability.NOT_REACHABLE))
    told: list[tuple[DeliveryState, str]] = []
    end = clock.now() + life
    network.deliver(network.subscriber(NUMBER), MessageKind.SMS, "N", "hello", lambda *what: told.append(what), end)
    clock.advance(10)
    network.change(NUMBER, SetReachability(Reachability.REACHABLE))
    assert await texts(network) == (["hello"] if arrives else [])
    assert told == [(DeliveryState.DELIVERED, "") if arrives else (DeliveryState.FAILED, "expired")]


async def test_a_message_whose_time_is_over_is_not_delivered_at_all(network: SimulatedNetwork) -> None:
    told: list[tuple[DeliveryState, str]] = []
    end = network.clock.now()
    network.deliver(network.subscriber(NUMBER), MessageKind.SMS, "N", "hello", lambda *what: told.append(what), end)
    assert await texts(network) == []
    assert told == [(DeliveryState.FAILED, "expired")]


async def test_a_call_that_nobody_takes_has_failed(network: SimulatedNetwork) -> None:
    network.change(NUMBER, SetReachability(Reachability.NOT_REACHABLE))
    told = Receipts()
    told.send(network, MessageKind.VOICE)
    network.change(NUMBER, SetForwarding(ForwardingKind.NOT_REACHABLE))
    told.send(network, MessageKind.VOICE)
    assert told == [(DeliveryState.FAILED, "map:27"), (DeliveryState.DELIVERED, "")]


async def test_an_absent_handset_gets_its_sms_when_it_is_back(network: SimulatedNetwork) -> None:
    network.change(NUMBER, SetReachability(Reachability.NOT_REACHABLE))
    send(network, "kept")
    send(network, "lost", MessageKind.VOICE)
    assert await texts(network) == []
    network.change(NUMBER, SetReachability(Reachability.REACHABLE))
    assert await texts(network) == ["kept"]


async def test_a_handset_with_sms_only_takes_sms_only(network: SimulatedNetwork) -> None:
    network.change(NUMBER, SetReachability(Reachability.SMS_ONLY))
    send(network, "sms")
    send(network, "call", MessageKind.VOICE)
    assert await texts(network) == ["sms"]


@pytest.mark.parametrize("later", [Reachability.REACHABLE, Reachability.SMS_ONLY])
async def test_a_handset_with_data_only_gets_its_sms_when_it_takes_them_again(
    network: SimulatedNetwork, later: Reachability
) -> None:
    network.change(NUMBER, SetReachability(Reachability.DATA_ONLY))
    send(network, "kept")
    send(network, "lost", MessageKind.VOICE)
    network.change(NUMBER, SetReachability(Reachability.NOT_REACHABLE))
    assert await texts(network) == []
    network.change(NUMBER, SetReachability(later))
    assert await texts(network) == ["kept"]


@pytest.mark.parametrize(
    ("forwarding", "reachability", "forwarded"),
    [
        (ForwardingKind.UNCONDITIONAL, Reachability.REACHABLE, True),
        (ForwardingKind.NOT_REACHABLE, Reachability.NOT_REACHABLE, True),
        (ForwardingKind.NOT_REACHABLE, Reachability.SMS_ONLY, True),
        (ForwardingKind.NOT_REACHABLE, Reachability.DATA_ONLY, True),
        (ForwardingKind.NOT_REACHABLE, Reachability.REACHABLE, False),
        (ForwardingKind.BUSY, Reachability.REACHABLE, False),
    ],
)
async def test_a_forwarded_call_is_heard_elsewhere(
    network: SimulatedNetwork, forwarding: ForwardingKind, reachability: Reachability, *, forwarded: bool
) -> None:
    network.change(NUMBER, SetForwarding(forwarding), SetReachability(reachability))
    send(network, "code", MessageKind.VOICE)
    assert [message.text for message in network.handsets.forwarded(NUMBER)] == (["code"] if forwarded else [])
    assert await texts(network) == ([] if forwarded else ["code"])


async def test_forwarding_does_not_take_sms(network: SimulatedNetwork) -> None:
    network.change(NUMBER, SetForwarding(ForwardingKind.UNCONDITIONAL))
    send(network)
    assert await texts(network) == ["hello"]
    assert network.handsets.forwarded("+79160000001") == ()


async def test_a_new_owner_does_not_read_old_messages(network: SimulatedNetwork) -> None:
    send(network)
    network.change(NUMBER, Recycle())
    assert await texts(network) == []


async def test_only_the_newest_messages_are_kept(network: SimulatedNetwork) -> None:
    for number in range(handset.KEPT_MESSAGES + 1):
        send(network, str(number))
    assert await texts(network) == [str(number) for number in range(1, handset.KEPT_MESSAGES + 1)]


def test_only_the_latest_handsets_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handset, "KEPT_HANDSETS", 2)
    handsets = Handsets()
    for number in ("a", "b", "a", "c"):
        handsets.receive(number, handsets.message(0, MessageKind.SMS, "", number))
    assert [len(handsets.inbox(number)) for number in "abc"] == [2, 0, 1]
