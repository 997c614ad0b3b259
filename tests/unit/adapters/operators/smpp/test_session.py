"""A session against a peer that is scripted octet by octet."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from fakes.smpp_operator import NUMBER, connected
from fakes.smpp_peer import silent, smpp_peer
from numseal.adapters.operators.smpp.commands import RECEIPT, Command, Status
from numseal.adapters.operators.smpp.pdu import Address, Message, Pdu, data_body, encode, message_body, read_message
from numseal.adapters.operators.smpp.session import _MAX_SEQUENCE, Session
from numseal.adapters.operators.smpp.settings import Settings
from numseal.domain.evidence import DeliveryState
from numseal.domain.operator import SendOutcome
from numseal.ports.operator_backend import OperatorError


def receipt(message_id: str = "1", state: str = "DELIVRD") -> Message:
    text = f"id:{message_id} stat:{state} err:000"
    return Message(Address(1, 1, NUMBER[1:]), Address(5, 0, "Numseal"), text.encode(), RECEIPT)


async def test_a_bind_as_it_stands_on_the_wire() -> None:
    async with smpp_peer() as peer, connected(peer.settings(system_type="otp", bind_ton=1, bind_npi=2)) as desk:
        await desk.send()
        (bind,) = await peer.got(Command.BIND_TRANSCEIVER)
        assert bind.body == b"numseal\0secret\0otp\0\x34\x01\x02\0"
        (submit,) = await peer.got(Command.SUBMIT_SM)
        assert read_message(submit.body).short_message == b"Your code is 123456"


async def test_requests_of_the_smsc_are_answered() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        sent = await desk.send()
        peer.write(encode(Command.ENQUIRE_LINK, 70))
        peer.write(encode(Command.DELIVER_SM, 71, message_body(receipt())))
        peer.write(encode(Command.DATA_SM, 72, data_body(receipt("nobody's"))))
        peer.write(encode(Command.ALERT_NOTIFICATION, 73))
        peer.write(encode(0x00000003, 74))
        (enquired,) = await peer.got(Command.ENQUIRE_LINK_RESP)
        (delivered,) = await peer.got(Command.DELIVER_SM_RESP)
        (data,) = await peer.got(Command.DATA_SM_RESP)
        (nack,) = await peer.got(Command.GENERIC_NACK)
        assert (enquired.sequence, enquired.body) == (70, b"")
        assert (delivered.sequence, delivered.status, delivered.body) == (71, 0, b"\0")
        assert (data.sequence, data.status, data.body) == (72, 0, b"\0")
        assert (nack.sequence, nack.status) == (74, Status.RINVCMDID)
        assert await desk.told(sent) == [(DeliveryState.DELIVERED, "")]
        assert desk.operator.links()[0].bound


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        ((70_000).to_bytes(4) + bytes(12), Status.RINVCMDLEN),
        (bytes(16), Status.RINVCMDLEN),
        (encode(Command.DELIVER_SM, 9, b"\0\1\1no end"), Status.RINVCMDLEN),
        (encode(Command.DATA_SM, 9, b"\0"), Status.RINVCMDLEN),
        (encode(Command.DELIVER_SM, 9, message_body(receipt()) + b"\0\x1e"), Status.RINVCMDLEN),
        (encode(Command.DELIVER_SM, 9, message_body(receipt()) + b"\0\x1e\0\5abc"), Status.RINVCMDLEN),
    ],
)
async def test_what_is_no_pdu_ends_the_session(octets: bytes, status: Status) -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        await desk.send()
        peer.write(octets + encode(Command.ENQUIRE_LINK, 70))
        (nack,) = await peer.got(Command.GENERIC_NACK)
        assert nack.status == status
        await peer.got(Command.BIND_TRANSCEIVER, 2)
        assert not [pdu for pdu in peer.received if pdu.command == Command.ENQUIRE_LINK_RESP]
        await desk.bound()
        assert (await desk.send("s2")).outcome is SendOutcome.ACCEPTED


@pytest.mark.parametrize(
    "answer",
    [
        lambda pdu: encode(Command.UNBIND_RESP, pdu.sequence),
        lambda pdu: encode(Command.SUBMIT_SM_RESP, pdu.sequence, b"no end"),
        lambda pdu: encode(Command.SUBMIT_SM_RESP, pdu.sequence, b"x" * 65 + b"\0"),
    ],
    ids=["of another kind", "without its end", "with too long an id"],
)
async def test_a_response_that_cannot_be_leaves_the_order_open(answer: Callable[[Pdu], bytes]) -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        peer.on_submit = lambda pdu: peer.write(answer(pdu))
        with pytest.raises(OperatorError) as caught:
            await desk.send()
        assert (caught.value.reason, caught.value.sent) == ("CONNECTION_LOST", True)
        await peer.got(Command.GENERIC_NACK)
        await peer.got(Command.BIND_TRANSCEIVER, 2)


async def test_a_generic_nack_refuses_one_request() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        for number, status in enumerate((0, Status.RINVCMDLEN)):
            peer.on_submit = lambda pdu, status=status: peer.write(
                encode(Command.GENERIC_NACK, pdu.sequence, status=status)
            )
            with pytest.raises(OperatorError) as caught:
                await desk.send(f"s{number}")
            assert (caught.value.reason, caught.value.sent) == ("UNAVAILABLE", False)
        peer.on_submit = None
        assert (await desk.send("s3")).outcome is SendOutcome.ACCEPTED
        assert peer.binds == 1


async def test_a_generic_nack_of_nothing_ends_the_session() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        await desk.send()
        peer.write(encode(Command.GENERIC_NACK, 77, status=Status.RINVCMDLEN))
        peer.write(encode(Command.ENQUIRE_LINK, 70))
        await peer.got(Command.ENQUIRE_LINK_RESP)
        peer.write(encode(Command.GENERIC_NACK, 0, status=Status.RINVCMDLEN))
        await peer.got(Command.BIND_TRANSCEIVER, 2)


async def test_answers_that_nobody_waits_for_are_ignored() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:

        def twice(pdu: Pdu) -> None:
            peer.answer(pdu, b"1\0")
            peer.answer(pdu, b"2\0")
            peer.write(encode(Command.SUBMIT_SM_RESP, 4_000, b"3\0"))

        peer.on_submit = twice
        sent = await desk.send()
        peer.write(encode(Command.DELIVER_SM, 71, message_body(receipt("2"))))
        peer.write(encode(Command.DELIVER_SM, 72, message_body(receipt("1"))))
        assert await desk.told(sent) == [(DeliveryState.DELIVERED, "")]
        assert peer.binds == 1


async def test_a_link_that_was_silent_is_asked_and_cut_where_it_is_dead() -> None:
    async with (
        smpp_peer() as peer,
        connected(peer.settings(), enquire_interval=0.1, response_timeout=0.2) as desk,
    ):
        await desk.send()
        await peer.got(Command.ENQUIRE_LINK, 2)
        assert peer.binds == 1
        peer.answered.discard(Command.ENQUIRE_LINK)
        await peer.got(Command.BIND_TRANSCEIVER, 2)


async def test_an_smsc_that_unbinds_us_is_bound_again() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        await desk.send()
        peer.write(encode(Command.UNBIND, 70))
        (answer,) = await peer.got(Command.UNBIND_RESP)
        assert answer.sequence == 70
        await peer.got(Command.BIND_TRANSCEIVER, 2)
        await desk.bound()
        assert (await desk.send("s2")).outcome is SendOutcome.ACCEPTED


async def test_close_unbinds_even_where_nobody_answers() -> None:
    async with smpp_peer() as peer:
        async with connected(peer.settings()) as desk:
            await desk.send()
        assert len(await peer.got(Command.UNBIND)) == 1
        peer.answered.clear()
        async with connected(peer.settings(), response_timeout=0.1) as desk:
            await desk.send()
        assert len(await peer.got(Command.UNBIND, 2)) == 2


async def test_close_ends_what_waits_and_no_more_is_taken() -> None:
    async with smpp_peer() as peer, connected(peer.settings(), response_timeout=1.9) as desk:
        peer.on_submit = silent
        peer.answered.clear()
        waiting = asyncio.ensure_future(desk.send())
        await peer.got(Command.SUBMIT_SM)
        await desk.operator.close()
        with pytest.raises(OperatorError) as caught:
            await waiting
        assert (caught.value.reason, caught.value.sent) == ("CONNECTION_LOST", True)
        with pytest.raises(OperatorError) as caught:
            await desk.send("s2")
        assert (caught.value.reason, caught.value.sent) == ("UNAVAILABLE", False)


@pytest.mark.parametrize("status", [Status.RINVPASWD, Status.RINVSYSID, Status.RBINDFAIL])
async def test_a_refused_bind_is_told_and_nothing_was_sent(status: Status, caplog: pytest.LogCaptureFixture) -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        peer.bind_status = status
        with caplog.at_level(logging.WARNING), pytest.raises(OperatorError) as caught:
            await desk.send()
        assert (caught.value.reason, caught.value.sent) == ("UNAVAILABLE", False)
        assert status.name in str(caught.value)
        assert "secret" not in caplog.text
        assert not desk.operator.links()[0].bound
        assert status.name in desk.operator.links()[0].failure


async def test_a_refused_bind_is_not_tried_again_soon() -> None:
    async with smpp_peer() as peer, connected(peer.settings(), reconnect_max=60.0) as desk:
        peer.bind_status = Status.RINVPASWD
        for number in range(3):
            with pytest.raises(OperatorError):
                await desk.send(f"s{number}")
            await asyncio.sleep(0.05)
        assert peer.binds == 1


async def test_a_bind_that_is_not_answered_is_given_up() -> None:
    async with smpp_peer() as peer, connected(peer.settings(), connect_timeout=0.2) as desk:
        peer.bind_status = None
        with pytest.raises(OperatorError) as caught:
            await desk.send()
        assert (caught.value.reason, caught.value.sent) == ("UNAVAILABLE", False)
        assert "no bind within 0.2 s" in str(caught.value)


async def test_a_bind_whose_connection_breaks_is_tried_again() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        peer.bind_status = None
        sending = asyncio.ensure_future(desk.send())
        await peer.got(Command.BIND_TRANSCEIVER)
        peer.bind_status = 0
        peer.cut()
        with pytest.raises(OperatorError) as caught:
            await sending
        assert "before the bind was answered" in str(caught.value)
        await desk.bound()


async def test_a_close_during_the_bind_leaves_nothing_behind() -> None:
    async with smpp_peer() as peer, connected(peer.settings()) as desk:
        peer.bind_status = None
        sending = asyncio.ensure_future(desk.send())
        await peer.got(Command.BIND_TRANSCEIVER)
        await desk.operator.close()
        with pytest.raises(OperatorError, match="closed"):
            await sending


async def test_a_peer_that_does_not_read_is_not_answered_without_bound() -> None:
    async with smpp_peer() as peer:
        paused: list[str] = []

        class Watched(Session):
            def pause_writing(self) -> None:
                super().pause_writing()
                paused.append("paused")

            def resume_writing(self) -> None:
                super().resume_writing()
                paused.append("resumed")

        session = await Watched.open(peer.settings(), Settings((peer.settings(),)), None, lambda _: None)
        assert session._transport is not None
        session._transport.set_write_buffer_limits(high=0)
        session._transport.write(encode(Command.ALERT_NOTIFICATION, 1) * (1 << 18))
        assert paused == ["paused"]
        assert not session._transport.is_reading()
        async with asyncio.timeout(10):
            while len(paused) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        assert session._transport.is_reading()
        session.end("enough")
        await session.ended


async def test_sequence_numbers_begin_again_after_the_last() -> None:
    async with smpp_peer() as peer:
        settings = Settings((peer.settings(),))
        session = await Session.open(peer.settings(), settings, None, lambda _: None)
        session._sequence = _MAX_SEQUENCE
        await session.submit(message_body(receipt()), 1)
        assert (await peer.got(Command.SUBMIT_SM))[0].sequence == 1
        await session.close()
        await session.close()
