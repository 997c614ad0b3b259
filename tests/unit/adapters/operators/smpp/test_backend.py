"""Orders and what becomes of them: outcomes, repeats, failover, deadlines."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress

import pytest

from fakes.operator import reached
from fakes.orders import code_order, lookup_request, network_order, watch_order
from fakes.smpp_operator import NUMBER, Desk, connected
from fakes.smpp_peer import SmppPeer, silent, smpp_peer
from numseal.adapters.operators.smpp import answers as answers_module
from numseal.adapters.operators.smpp import link as link_module
from numseal.adapters.operators.smpp.commands import RECEIPT, Command, Status
from numseal.adapters.operators.smpp.deliveries import NO_RECEIPT
from numseal.adapters.operators.smpp.pdu import Address, Message, Pdu, encode, message_body, read_message
from numseal.adapters.operators.smpp.statuses import OUTCOMES, named, outcome_of
from numseal.domain.evidence import DeliveryState, Method
from numseal.domain.operator import CodeCheck, EventKind, NetworkOffer, SendOutcome
from numseal.ports.operator_backend import OperatorError

DAY = 86_400


def refuse(peer: SmppPeer, *statuses: int) -> Callable[[Pdu], None]:
    """Answer with these statuses, one after the other, then accept."""
    left = list(statuses)

    def answer(pdu: Pdu) -> None:
        if left:
            peer.answer(pdu, status=left.pop(0))
        else:
            peer.accept(pdu)

    return answer


def deliver(peer: SmppPeer, message_id: str, number: str = NUMBER) -> None:
    text = f"id:{message_id} stat:DELIVRD err:000".encode()
    message = Message(Address(1, 1, number[1:]), Address(5, 0, "Numseal"), text, RECEIPT)
    peer.write(encode(Command.DELIVER_SM, 70, message_body(message)))


def both(first: SmppPeer, second: SmppPeer) -> AbstractAsyncContextManager[Desk]:
    return connected(first.settings("first"), second.settings("second"))


async def failed(desk: Desk, request_id: str = "s1", **changes: object) -> OperatorError:
    with pytest.raises(OperatorError) as caught:
        await desk.send(request_id, **changes)
    return caught.value


async def test_what_it_can_do() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        told = await desk.operator.capabilities()
        assert (told.operator_id, told.plmns) == ("mts", ("250-01",))
        assert (told.methods, told.signals, told.events) == ((Method.SMS,), (), (EventKind.DELIVERY,))
        assert (told.idempotent, told.prior_codes_valid) == (False, True)
        assert told.server_time == desk.clock.now()
        assert peer.binds == 0


async def test_what_it_cannot_do() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        operator = desk.operator
        calls: dict[str, list[Awaitable[object]]] = {
            "LOOKUP_NOT_SUPPORTED": [operator.look_up(lookup_request(NUMBER))],
            "METHOD_NOT_SUPPORTED": [
                operator.send_code(desk.order(method=Method.VOICE)),
                operator.send_code(code_order(NUMBER)),
                operator.send_code(desk.order(text="", template="{{code}}")),
                operator.check_code(CodeCheck("1", NUMBER, b"", "123456")),
                operator.start_network_check(network_order(NUMBER)),
                operator.finish_network_check(NetworkOffer("1", NUMBER, b"", "code", "state")),
            ],
            "EVENTS_NOT_SUPPORTED": [
                operator.watch_subscriber(watch_order(NUMBER)),
                operator.unwatch_subscriber("1", "watch"),
            ],
        }
        for reason, asked in calls.items():
            for call in asked:
                with pytest.raises(OperatorError) as caught:
                    await call
                assert (caught.value.reason, caught.value.sent) == (reason, False)
        assert peer.binds == 0


async def test_an_accepted_order() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        sent = await desk.send()
        assert sent.outcome is SendOutcome.ACCEPTED
        assert 1 <= len(sent.delivery_id) <= 256
        assert 1 <= len(sent.challenge) <= 1_024
        assert sent.expire_time == desk.clock.now() + 600
        assert sent.prior_codes_valid


@pytest.mark.parametrize(("status", "outcome"), [(code, out) for code, out in OUTCOMES.items() if code])
async def test_statuses_that_speak_of_the_order(status: int, outcome: SendOutcome) -> None:
    async with (
        smpp_peer() as peer,
        connected(peer.settings(), throttle_min=5.0, throttle_max=5.0) as desk,
    ):
        peer.on_submit = refuse(peer, status)
        sent = await desk.send()
        assert (sent.outcome, sent.delivery_id, sent.challenge) == (outcome, "", b"")
        assert (sent.retry_delay == 5) == (outcome is SendOutcome.THROTTLED)
        assert len(await peer.got(Command.SUBMIT_SM)) == 1


@pytest.mark.parametrize(
    "status", [Status.RSYSERR, Status.RSUBMITFAIL, Status.RX_T_APPN, Status.RUNKNOWNERR, 0x401, 0x9999]
)
async def test_statuses_that_speak_of_the_smsc(status: int) -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        peer.on_submit = refuse(peer, status)
        error = await failed(desk)
        assert (error.reason, error.sent) == ("UNAVAILABLE", False)
        assert named(status) in str(error)
        # Nothing was sent, so whoever asks again gets another try.
        assert (await desk.send()).outcome is SendOutcome.ACCEPTED


async def test_a_vendors_status_means_what_the_settings_say() -> None:
    async with smpp_peer() as peer, connected(peer.settings(), statuses={0x401: SendOutcome.BARRED}) as desk:
        peer.on_submit = refuse(peer, 0x401)
        assert (await desk.send()).outcome is SendOutcome.BARRED
    assert outcome_of(0x402, {0x401: SendOutcome.BARRED}) is None


async def test_a_session_that_the_smsc_does_not_know_is_bound_again() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        peer.on_submit = refuse(peer, Status.RINVBNDSTS)
        assert (await failed(desk)).sent is False
        await peer.got(Command.BIND_TRANSCEIVER, 2)
        await desk.bound()
        assert (await desk.send()).outcome is SendOutcome.ACCEPTED


@pytest.mark.parametrize("text", ["", " ", "\ud800", "a" * 613])
async def test_texts_that_no_smsc_could_take(text: str) -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        assert (await desk.send(text=text)).outcome is SendOutcome.CONTENT
        assert (await desk.send("s2", sender_id="A sender of many letters")).outcome is SendOutcome.CONTENT
        assert peer.binds == 0


async def test_orders_that_make_no_sense() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        assert (await failed(desk, phone_number="79161234567")).reason == "NUMBER_MALFORMED"
        assert (await failed(desk, expire_time=desk.clock.now())).reason == "ORDER_EXPIRED"
        assert peer.binds == 0


async def test_the_same_order_is_sent_once_for_a_day() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        first = await desk.send()
        desk.clock.advance(DAY - 1)
        # Also where it expires later than it did.
        assert await desk.send() == first
        assert len(await peer.got(Command.SUBMIT_SM)) == 1
        desk.clock.advance(1)
        assert await desk.send() != first
        assert len(await peer.got(Command.SUBMIT_SM, 2)) == 2


async def test_the_same_order_at_the_same_time_is_sent_once() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        first, second = await asyncio.gather(desk.send(), desk.send())
        assert first == second
        assert len(await peer.got(Command.SUBMIT_SM)) == 1


async def test_an_id_is_not_for_two_orders() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        await desk.send()
        for change in ({"text": "another"}, {"phone_number": "+79169999999"}, {"sender_id": "Other"}):
            error = await failed(desk, **change)
            assert (error.reason, error.sent) == ("REQUEST_ID_REUSED", False)
        assert len(await peer.got(Command.SUBMIT_SM)) == 1


async def test_an_order_that_was_given_up_is_answered_when_asked_again() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        kept: list[Pdu] = []
        peer.on_submit = kept.append
        sending = asyncio.ensure_future(desk.send())
        await reached(kept)
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        again = asyncio.ensure_future(desk.send())
        await asyncio.sleep(0)
        peer.accept(kept[0])
        assert (await again).outcome is SendOutcome.ACCEPTED
        assert len(kept) == 1


async def test_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "KEPT", 1)
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        first = await desk.send("s1")
        await desk.send("s2")
        assert await desk.send("s1") != first
        assert len(await peer.got(Command.SUBMIT_SM, 3)) == 3


async def test_no_answer_may_be_on_its_way_and_is_not_sent_again() -> None:
    async with smpp_peer() as peer, connected(peer.settings(), response_timeout=0.1) as desk:
        peer.on_submit = silent
        for _ in range(2):
            error = await failed(desk)
            assert (error.reason, error.sent) == ("TIMEOUT", True)
        assert len(await peer.got(Command.SUBMIT_SM)) == 1


async def test_a_connection_lost_after_the_order_was_written() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        peer.on_submit = lambda _: peer.cut()
        for _ in range(2):
            error = await failed(desk)
            assert (error.reason, error.sent) == ("CONNECTION_LOST", True)
        assert len(await peer.got(Command.SUBMIT_SM)) == 1
        await peer.got(Command.BIND_TRANSCEIVER, 2)


async def test_nobody_there() -> None:
    async with smpp_peer() as peer:
        nowhere = peer.settings()
    async with connected(nowhere) as desk:
        error = await failed(desk)
        assert (error.reason, error.sent) == ("UNAVAILABLE", False)
        assert "no connection" in str(error)


async def test_an_smsc_that_comes_up_later_is_found() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        peer.bind_status = Status.RSYSERR
        await failed(desk)
        peer.bind_status = 0
        await desk.bound()
        assert (await desk.send()).outcome is SendOutcome.ACCEPTED


async def test_a_throttle_is_waited_out_where_there_is_time() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        peer.on_submit = refuse(peer, Status.RTHROTTLED, Status.RMSGQFUL)
        begun = asyncio.get_running_loop().time()
        assert (await desk.send()).outcome is SendOutcome.ACCEPTED
        # 0.1 s, then twice as long.
        assert 0.3 <= asyncio.get_running_loop().time() - begun < 1.0
        assert desk.operator.links()[0].throttled == 0


async def test_a_throttled_smsc_is_left_alone() -> None:
    async with smpp_peer() as peer, connected(peer.settings(), throttle_min=8.5, throttle_max=9.0) as desk:
        peer.on_submit = refuse(peer, Status.RTHROTTLED)
        first = await desk.send("s1")
        second = await desk.send("s2")
        assert (first.outcome, first.retry_delay) == (SendOutcome.THROTTLED, 9)
        assert (second.outcome, second.retry_delay) == (SendOutcome.THROTTLED, 9)
        assert len(await peer.got(Command.SUBMIT_SM)) == 1
        assert 8 < desk.operator.links()[0].throttled <= 8.5


async def test_a_throttle_that_never_ends_is_told() -> None:
    async with smpp_peer() as peer, connected(peer.settings(), send_timeout=1.5) as desk:
        peer.on_submit = refuse(peer, *[Status.RTHROTTLED] * 50)
        sent = await desk.send()
        assert (sent.outcome, sent.retry_delay) == (SendOutcome.THROTTLED, 1)
        assert 2 <= len(await peer.got(Command.SUBMIT_SM)) <= 4


async def test_many_throttled_at_once_make_one_pause() -> None:
    async with smpp_peer() as peer, connected(peer.settings(), throttle_min=5.0, throttle_max=60.0) as desk:
        peer.on_submit = refuse(peer, *[Status.RTHROTTLED] * 10)
        sent = await asyncio.gather(*(desk.send(f"s{number}") for number in range(10)))
        assert {(one.outcome, one.retry_delay) for one in sent} == {(SendOutcome.THROTTLED, 5)}


async def test_no_more_wait_for_responses_than_the_window_allows() -> None:
    async with smpp_peer() as peer, connected(peer.settings(), window=2) as desk:
        kept: list[Pdu] = []
        peer.on_submit = kept.append
        sending = [asyncio.ensure_future(desk.send(f"s{number}")) for number in range(5)]
        for count in (2, 4, 5):
            await reached(kept, count)
            peer.write(encode(Command.ENQUIRE_LINK, 70 + count))
            await peer.got(Command.ENQUIRE_LINK_RESP, {2: 1, 4: 2, 5: 3}[count])
            assert len(kept) == count
            for pdu in kept[-2 if count < 5 else -1 :]:
                peer.accept(pdu)
        assert {(await one).outcome for one in sending} == {SendOutcome.ACCEPTED}


async def test_a_window_that_stays_full_throttles() -> None:
    async with (
        smpp_peer() as peer,
        connected(peer.settings(), window=1, send_timeout=1.2, response_timeout=1.0) as desk,
    ):
        peer.on_submit = silent
        first = asyncio.ensure_future(desk.send("s1"))
        await peer.got(Command.SUBMIT_SM)
        second = await desk.send("s2")
        assert (second.outcome, second.retry_delay) == (SendOutcome.THROTTLED, 1)
        with pytest.raises(OperatorError, match="no response"):
            await first


async def test_a_long_text_is_one_delivery() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        sent = await desk.send(text="ы" * 100)
        first, second = [read_message(pdu.body) for pdu in await peer.got(Command.SUBMIT_SM, 2)]
        assert (first.short_message + second.short_message[6:])[6:].decode("utf-16-be") == "ы" * 100
        assert first.short_message[3] == second.short_message[3]
        deliver(peer, "2")
        deliver(peer, "1")
        assert await desk.told(sent) == [(DeliveryState.DELIVERED, "")]
        await desk.send("s2", text="ы" * 100)
        third = read_message((await peer.got(Command.SUBMIT_SM, 4))[2].body)
        assert third.short_message[3] != first.short_message[3]


async def test_a_long_text_that_is_throttled_halfway_goes_on() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        statuses = [0, Status.RTHROTTLED]

        def answer(pdu: Pdu) -> None:
            status = statuses.pop(0) if statuses else 0
            peer.answer(pdu, b"" if status else f"{len(peer.received)}\0".encode(), status)

        peer.on_submit = answer
        assert (await desk.send(text="a" * 200)).outcome is SendOutcome.ACCEPTED
        assert len(await peer.got(Command.SUBMIT_SM, 3)) == 3


@pytest.mark.parametrize("status", [Status.RSYSERR, Status.RINVDSTADR, Status.RTHROTTLED])
async def test_a_long_text_that_is_refused_halfway_was_sent(status: Status) -> None:
    async with smpp_peer() as peer, connected(peer.settings(), throttle_min=5.0, throttle_max=5.0) as desk:
        statuses = [0, status]
        peer.on_submit = lambda pdu: peer.answer(pdu, b"1\0" if not (one := statuses.pop(0)) else b"", one)
        error = await failed(desk, text="a" * 200)
        assert (error.reason, error.sent) == ("PARTLY_SENT", True)
        assert "took 1 of 2 messages" in str(error)


async def test_a_long_text_whose_session_ends_halfway_was_sent() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:

        def answer(pdu: Pdu) -> None:
            peer.accept(pdu)
            peer.write(encode(Command.UNBIND, 9))

        peer.on_submit = answer
        error = await failed(desk, text="a" * 200)
        assert (error.reason, error.sent) == ("CONNECTION_LOST", True)


async def test_a_long_text_that_finds_no_room_halfway_was_sent() -> None:
    async with (
        smpp_peer() as peer,
        connected(peer.settings(), window=1, send_timeout=1.3, response_timeout=1.0) as desk,
    ):
        peer.on_submit = lambda pdu: peer.accept(pdu) if len(peer.received) == 2 else None
        long = asyncio.ensure_future(desk.send("s1", text="a" * 200))
        short = asyncio.ensure_future(desk.send("s2"))
        with pytest.raises(OperatorError) as caught:
            await long
        assert (caught.value.reason, caught.value.sent) == ("PARTLY_SENT", True)
        with pytest.raises(OperatorError, match="no response"):
            await short


async def test_a_delivery_without_receipt_is_unknown_in_the_end() -> None:
    async with smpp_peer() as peer, connected(peer.settings(), receipt_timeout=60) as desk:
        first = await desk.send("s1")
        desk.clock.advance(30)
        second = await desk.send("s2")
        desk.clock.advance(29)
        await asyncio.sleep(0.01)
        assert desk.events == []
        desk.clock.advance(1)
        assert await desk.told(first) == [(DeliveryState.UNKNOWN, NO_RECEIPT)]
        assert len(desk.events) == 1
        deliver(peer, "1")
        assert await desk.told(first, 2) == [(DeliveryState.UNKNOWN, NO_RECEIPT), (DeliveryState.DELIVERED, "")]
        desk.clock.advance(30)
        assert await desk.told(second) == [(DeliveryState.UNKNOWN, NO_RECEIPT)]


async def test_another_smsc_is_asked_where_the_first_cannot_be() -> None:
    async with smpp_peer() as first, smpp_peer() as second, both(first, second) as desk:
        first.on_submit = refuse(first, Status.RSYSERR)
        assert (await desk.send("s1")).outcome is SendOutcome.ACCEPTED
        assert len(second.received) == 2
        assert (await desk.send("s2")).outcome is SendOutcome.ACCEPTED
        assert len(await first.got(Command.SUBMIT_SM, 2)) == 2


async def test_another_smsc_is_asked_while_the_first_is_throttled() -> None:
    async with smpp_peer() as first, smpp_peer() as second:
        settings = first.settings("first"), second.settings("second")
        async with connected(*settings, throttle_min=5.0, throttle_max=5.0) as desk:
            first.on_submit = refuse(first, Status.RTHROTTLED)
            for number in range(3):
                assert (await desk.send(f"s{number}")).outcome is SendOutcome.ACCEPTED
            assert len(await first.got(Command.SUBMIT_SM)) == 1
            assert len(await second.got(Command.SUBMIT_SM, 3)) == 3


async def test_an_order_that_one_smsc_refuses_is_not_put_to_another() -> None:
    async with smpp_peer() as first, smpp_peer() as second, both(first, second) as desk:
        first.on_submit = refuse(first, Status.RINVDSTADR)
        assert (await desk.send()).outcome is SendOutcome.NOT_OURS
        assert not [pdu for pdu in second.received if pdu.command == Command.SUBMIT_SM]


async def test_a_connection_that_is_down_is_gone_round() -> None:
    async with smpp_peer() as second:
        async with smpp_peer() as first:
            settings = first.settings("first"), second.settings("second")
        async with connected(*settings) as desk:
            assert (await desk.send()).outcome is SendOutcome.ACCEPTED
            assert [link.bound for link in desk.operator.links()] == [False, True]


async def test_an_smsc_that_does_not_answer_the_bind_holds_up_nobody_later() -> None:
    async with smpp_peer() as first, smpp_peer() as second:
        first.bind_status = None
        settings = first.settings("first"), second.settings("second")
        async with connected(*settings, connect_timeout=0.5) as desk:
            await desk.send("s1")
            await first.got(Command.BIND_TRANSCEIVER, 2)
            begun = asyncio.get_running_loop().time()
            await desk.send("s2")
            assert asyncio.get_running_loop().time() - begun < 0.3


async def test_an_smsc_whose_receipts_are_missing_is_gone_round_until_it_recovers() -> None:
    async with smpp_peer() as first, smpp_peer() as second:
        settings = first.settings("first"), second.settings("second")
        limits = {"receipt_timeout": 60, "missing_sample": 3, "suspect_time": 100.0}
        async with connected(*settings, **limits) as desk:
            for number in range(3):
                await desk.send(f"s{number}")
            desk.clock.advance(60)
            async with asyncio.timeout(5):
                while not desk.operator.links()[0].suspect:  # noqa: ASYNC110
                    await asyncio.sleep(0.002)
            assert (await desk.send("s3")).challenge.startswith(b"smpp:second:")
            desk.clock.advance(100)
            assert (await desk.send("s4")).challenge.startswith(b"smpp:first:")


async def test_an_smsc_that_never_answers_is_gone_round() -> None:
    async with smpp_peer() as first, smpp_peer() as second:
        first.on_submit = silent
        settings = first.settings("first"), second.settings("second")
        async with connected(*settings, missing_sample=2, response_timeout=0.1) as desk:
            for number in range(2):
                assert (await failed(desk, f"s{number}")).sent is True
            assert (await desk.send("s3")).outcome is SendOutcome.ACCEPTED
            assert len(await second.got(Command.SUBMIT_SM)) == 1


async def test_a_resend_goes_another_way_unless_the_code_arrived() -> None:
    async with smpp_peer() as first, smpp_peer() as second, both(first, second) as desk:
        one = await desk.send("s1")
        two = await desk.send("s2", previous_challenge=one.challenge)
        assert two.challenge.startswith(b"smpp:second:")
        three = await desk.send("s3", previous_challenge=two.challenge)
        assert three.challenge.startswith(b"smpp:first:")
        deliver(second, "1")
        await desk.told(two)
        four = await desk.send("s4", previous_challenge=two.challenge)
        assert four.challenge.startswith(b"smpp:first:")
        deliver(first, "3")
        await desk.told(four)
        five = await desk.send("s5", previous_challenge=four.challenge)
        assert five.challenge.startswith(b"smpp:first:")


@pytest.mark.parametrize("challenge", [b"smpp:gone:1", b"other:first:1", b"\xff", b"smpp", b"smpp:second"])
async def test_a_strange_challenge_changes_little(challenge: bytes) -> None:
    async with smpp_peer() as first, smpp_peer() as second, both(first, second) as desk:
        sent = await desk.send(previous_challenge=challenge)
        assert sent.challenge.startswith(b"smpp:first:")


async def test_what_subscribers_write_is_taken_and_left_alone() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        await desk.send()
        written = Message(Address(1, 1, NUMBER[1:]), Address(3, 0, "7777"), b"id:1 stat:DELIVRD err:000")
        peer.write(encode(Command.DELIVER_SM, 70, message_body(written)))
        (answer,) = await peer.got(Command.DELIVER_SM_RESP)
        assert answer.status == 0
        assert desk.events == []


async def test_an_order_that_was_not_written_goes_through_another_smsc() -> None:
    async with smpp_peer() as first, smpp_peer() as second:
        settings = first.settings("first"), second.settings("second")
        async with connected(*settings, window=1) as desk:
            first.on_submit = silent
            written = asyncio.ensure_future(desk.send("s1"))
            await first.got(Command.SUBMIT_SM)
            waiting = asyncio.ensure_future(desk.send("s2"))
            await asyncio.sleep(0.05)
            first.cut()
            with pytest.raises(OperatorError) as caught:
                await written
            assert (caught.value.reason, caught.value.sent) == ("CONNECTION_LOST", True)
            assert (await waiting).challenge.startswith(b"smpp:second:")


async def test_a_throttle_that_comes_too_late_is_not_waited_out() -> None:
    async with (
        smpp_peer() as peer,
        connected(peer.settings(), send_timeout=1.1, response_timeout=1.0) as desk,
    ):
        kept: list[Pdu] = []
        peer.on_submit = kept.append
        sending = asyncio.ensure_future(desk.send())
        await reached(kept)
        await asyncio.sleep(0.2)
        peer.answer(kept[0], status=Status.RTHROTTLED)
        sent = await sending
        assert (sent.outcome, sent.retry_delay) == (SendOutcome.THROTTLED, 1)
        assert len(kept) == 1


async def test_a_bind_under_way_is_waited_for() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        await desk.send("s1")
        peer.bind_status = None
        peer.cut()
        bind = (await peer.got(Command.BIND_TRANSCEIVER, 2))[1]
        waiting = asyncio.ensure_future(desk.send("s2"))
        await asyncio.sleep(0.05)
        peer.answer(bind, b"peer\0")
        assert (await waiting).outcome is SendOutcome.ACCEPTED


async def test_a_bind_under_way_is_not_waited_for_too_long() -> None:
    async with (
        smpp_peer() as peer,
        connected(peer.settings(), send_timeout=1.2, response_timeout=1.0, connect_timeout=5.0) as desk,
    ):
        peer.bind_status = None
        for number in range(2):
            error = await failed(desk, f"s{number}")
            assert (error.reason, error.sent) == ("UNAVAILABLE", False)


async def test_a_session_that_was_good_is_renewed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "_STEADY", 0.0)
    async with smpp_peer() as peer, connected(peer.settings(), reconnect_max=60.0) as desk:
        await desk.send()
        for count in range(2, 10):
            await desk.bound()
            peer.cut()
            await peer.got(Command.BIND_TRANSCEIVER, count)
        await desk.bound()


async def test_a_session_that_ends_at_once_is_renewed_later_and_later() -> None:
    async with smpp_peer() as peer, connected(peer.settings(), reconnect_max=60.0) as desk:
        await desk.send()
        begun = asyncio.get_running_loop().time()
        for count in range(2, 6):
            await desk.bound()
            peer.cut()
            await peer.got(Command.BIND_TRANSCEIVER, count)
        # Half of 0.02 + 0.04 + 0.08 + 0.16 s at the least.
        assert asyncio.get_running_loop().time() - begun >= 0.15


async def test_close_ends_the_wait_for_a_throttle() -> None:
    async with smpp_peer() as peer, connected(peer.settings(), throttle_min=0.9, throttle_max=0.9) as desk:
        peer.on_submit = refuse(peer, Status.RTHROTTLED)
        waiting = asyncio.ensure_future(desk.send())
        async with asyncio.timeout(5):
            while not desk.operator.links()[0].throttled:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        begun = asyncio.get_running_loop().time()
        await desk.operator.close()
        assert asyncio.get_running_loop().time() - begun < 0.5
        with pytest.raises(OperatorError) as caught:
            await waiting
        assert (caught.value.reason, caught.value.sent) == ("UNAVAILABLE", False)


async def test_close_before_anything_was_sent() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        assert desk.operator.operator_id == "mts"
        await desk.operator.close()
        assert peer.binds == 0
