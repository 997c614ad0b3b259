"""The SMPP adapter against an SMSC that is not ours: a Node process built on npm `smpp`."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from fakes.certificates import Authority
from fakes.smpp_operator import NUMBER, connected
from fakes.smsc import smsc
from numseal.adapters.operators.smpp.deliveries import NO_RECEIPT
from numseal.domain.code_texts import TEXTS
from numseal.domain.evidence import DeliveryState
from numseal.domain.operator import SendOutcome
from numseal.domain.otp import message
from numseal.ports.operator_backend import OperatorError

DELIVERED = [(DeliveryState.DELIVERED, "")]


async def test_a_code_as_the_smsc_sees_it() -> None:
    async with smsc() as center, connected(center.settings()) as desk:
        sent = await desk.send(text="123456 €\n@example.org #123456")
        assert await desk.told(sent) == DELIVERED
        (seen,) = await center.messages()
    assert seen["text"] == "123456 €\n@example.org #123456"
    assert (seen["source"], seen["sourceTon"], seen["sourceNpi"]) == ("Numseal", 5, 0)
    assert (seen["destination"], seen["destinationTon"], seen["destinationNpi"]) == (NUMBER[1:], 1, 1)
    assert (seen["dataCoding"], seen["esmClass"], seen["registered"]) == (0, 0, 1)


@pytest.mark.parametrize("language", sorted(TEXTS))
async def test_every_text_of_ours_arrives_in_one_message(language: str) -> None:
    text = message(TEXTS[language].full, "123456")
    async with smsc() as center, connected(center.settings()) as desk:
        assert (await desk.send(text=text, locale=language)).outcome is SendOutcome.ACCEPTED
        (seen,) = await center.messages()
    assert seen["text"] == text


@pytest.mark.parametrize("text", ["Your code. " * 20, "Ваш код. " * 12, "😀" * 50, "[€]" * 60])
async def test_a_long_text_arrives_in_parts(text: str) -> None:
    async with smsc() as center, connected(center.settings()) as desk:
        sent = await desk.send(text=text)
        assert await desk.told(sent) == DELIVERED
        seen = await center.messages()
    assert "".join(part["text"] for part in seen) == text
    assert len(seen) > 1
    assert {part["esmClass"] for part in seen} == {0x40}
    reference = seen[0]["header"][-6:-4]
    assert [part["header"][-10:] for part in seen] == [
        f"0003{reference}{len(seen):02x}{number:02x}" for number in range(1, len(seen) + 1)
    ]


@pytest.mark.parametrize("text", ["Your code. " * 20, "Ваш код. " * 12])
async def test_a_long_text_arrives_in_one_payload(text: str) -> None:
    async with smsc() as center, connected(center.settings(), long_texts="payload") as desk:
        sent = await desk.send(text=text)
        assert await desk.told(sent) == DELIVERED
        (seen,) = await center.messages()
    assert (seen["text"] or "", seen["payload"]) == ("", text)


RECEIPTS: dict[str, dict[str, Any]] = {
    "in text and parameters": {},
    "in the text alone": {"form": "text"},
    "in parameters alone": {"form": "parameters"},
    "before the response": {"receipt": "before"},
    "before the response, in the text": {"receipt": "before", "form": "text", "ids": "hex", "receiptIds": "decimal"},
    "given in hex, told in decimal": {"ids": "hex", "receiptIds": "decimal", "form": "text"},
    "given in decimal, told in hex": {"ids": "decimal", "receiptIds": "hex"},
    "padded": {"receiptIds": "padded"},
    "of 36 characters": {"ids": "uuid", "form": "text"},
    "twice": {"repeat": 3},
    "by data_sm": {"through": "data_sm"},
    "by data_sm, in the text": {"through": "data_sm", "form": "text"},
    "without its flag": {"flagged": False},
    "with addresses as in the message": {"swapped": True},
    "without addresses": {"unnumbered": True},
    "to a response that comes twice": {"submit": "twice"},
}


@pytest.mark.parametrize("behaviors", RECEIPTS.values(), ids=RECEIPTS)
async def test_a_receipt(behaviors: dict[str, Any]) -> None:
    async with smsc(**behaviors) as center, connected(center.settings()) as desk:
        for request_id in ("s1", "s2", "s3"):
            sent = await desk.send(request_id)
            assert await desk.told(sent) == DELIVERED
        times = 3 * behaviors.get("repeat", 1)
        assert (await center.counted("acknowledged", times))["receipts"] == times
        assert len(desk.events) == 3


@pytest.mark.parametrize(
    ("stat", "error", "told"),
    [
        ("EXPIRED", "000", (DeliveryState.FAILED, "smpp:stat=EXPIRED")),
        ("DELETED", "000", (DeliveryState.FAILED, "smpp:stat=DELETED")),
        ("UNDELIV", "001", (DeliveryState.FAILED, "smpp:err=001")),
        ("REJECTD", "45", (DeliveryState.FAILED, "smpp:err=45")),
        ("UNKNOWN", "000", (DeliveryState.UNKNOWN, "")),
    ],
)
async def test_a_receipt_that_is_not_good(stat: str, error: str, told: tuple[DeliveryState, str]) -> None:
    async with smsc(stat=stat, error=error) as center, connected(center.settings()) as desk:
        assert await desk.told(await desk.send()) == [told]


async def test_receipts_in_any_order_and_late() -> None:
    async with smsc(receipt="held") as center, connected(center.settings(), receipt_timeout=60) as desk:
        sent = [await desk.send(f"s{number}", phone_number=f"+7916123456{number}") for number in range(5)]
        assert desk.events == []
        desk.clock.advance(60)
        for one in sent:
            assert await desk.told(one) == [(DeliveryState.UNKNOWN, NO_RECEIPT)]
        await center.order(receipts=True)
        for one in sent:
            assert (await desk.told(one, 2))[1:] == DELIVERED


async def test_receipts_of_a_session_before_come_over_the_next() -> None:
    async with smsc(receipt="never", ids="hex") as center, connected(center.settings()) as desk:
        sent = await desk.send()
        await center.order(drop=True)
        await center.counted("binds", 2)
        await desk.bound()
        await desk.send("s2")
        receipt = {
            "source_addr": NUMBER[1:],
            "esm_class": 4,
            "short_message": f"id:{0xA0000001} stat:DELIVRD err:000",
        }
        assert await center.order(deliver=receipt) == {"statuses": [0]}
        assert await desk.told(sent) == DELIVERED


async def test_a_message_straight_after_the_bind() -> None:
    greeting = {"source_addr": "777", "destination_addr": "Numseal", "short_message": "id:1 stat:DELIVRD"}
    async with smsc(greet=greeting) as center, connected(center.settings()) as desk:
        assert await desk.told(await desk.send()) == DELIVERED
        assert len(desk.events) == 1


async def test_a_permanent_refusal_has_no_receipt_and_needs_none() -> None:
    async with smsc(status=0x0B) as center, connected(center.settings(), receipt_timeout=60) as desk:
        assert (await desk.send()).outcome is SendOutcome.NOT_OURS
        desk.clock.advance(61)
        await asyncio.sleep(0.01)
        assert desk.events == []


async def test_a_throttled_smsc_is_waited_for() -> None:
    async with smsc(status=0x58, statusCount=2) as center, connected(center.settings()) as desk:
        assert (await desk.send()).outcome is SendOutcome.ACCEPTED
        times = [seen["time"] for seen in await center.messages()]
        assert len(times) == 3
        assert times[1] - times[0] >= 90
        assert times[2] - times[1] >= 180


async def test_an_smsc_that_throttles_on_is_told() -> None:
    async with smsc(status=0x14) as center, connected(center.settings(), throttle_min=5.0, throttle_max=5.0) as desk:
        sent = await desk.send()
        assert (sent.outcome, sent.retry_delay) == (SendOutcome.THROTTLED, 5)


async def test_an_smsc_that_never_answers() -> None:
    async with smsc(submit="silent") as center, connected(center.settings(), response_timeout=0.2) as desk:
        with pytest.raises(OperatorError) as caught:
            await desk.send()
        assert (caught.value.reason, caught.value.sent) == ("TIMEOUT", True)
        await center.set(submit="answer")
        assert (await desk.send("s2")).outcome is SendOutcome.ACCEPTED


async def test_an_smsc_that_drops_the_connection() -> None:
    async with smsc(submit="drop") as center, connected(center.settings()) as desk:
        with pytest.raises(OperatorError) as caught:
            await desk.send()
        assert (caught.value.reason, caught.value.sent) == ("CONNECTION_LOST", True)
        await center.set(submit="answer")
        await desk.bound()
        assert await desk.told(await desk.send("s2")) == DELIVERED


async def test_an_smsc_that_refuses_with_a_generic_nack() -> None:
    async with smsc(submit="nack") as center, connected(center.settings()) as desk:
        with pytest.raises(OperatorError) as caught:
            await desk.send()
        assert (caught.value.reason, caught.value.sent) == ("UNAVAILABLE", False)


@pytest.mark.parametrize(
    ("changes", "status"), [({"password": b"wrong"}, "ESME_RINVPASWD"), ({"system_id": "other"}, "ESME_RINVSYSID")]
)
async def test_a_bind_that_is_refused(changes: dict[str, Any], status: str) -> None:
    async with smsc() as center, connected(center.settings(**changes)) as desk:
        with pytest.raises(OperatorError, match=status) as caught:
            await desk.send()
        assert (caught.value.reason, caught.value.sent) == ("UNAVAILABLE", False)


async def test_links_are_enquired_both_ways() -> None:
    async with smsc() as center, connected(center.settings(), enquire_interval=0.1) as desk:
        await desk.send()
        assert await center.order(enquire=True) == {"done": "enquire"}
        assert (await center.counted("enquiries", 1))["binds"] == 1


async def test_an_unbind_either_way() -> None:
    async with smsc() as center:
        async with connected(center.settings()) as desk:
            await desk.send("s1")
            assert await center.order(unbind=True) == {"done": "unbind"}
            await center.counted("binds", 2)
            await desk.bound()
            await desk.send("s2")
        assert (await center.counts())["unbinds"] == 1


async def test_an_smsc_that_goes_and_comes_back() -> None:
    async with smsc() as center, connected(center.settings()) as desk:
        await desk.send("s1")
        await center.order(stop=True)
        await desk.gone("one")
        with pytest.raises(OperatorError) as caught:
            await desk.send("s2")
        assert (caught.value.reason, caught.value.sent) == ("UNAVAILABLE", False)
        await center.order(resume=center.port)
        await desk.bound()
        assert await desk.told(await desk.send("s2")) == DELIVERED


async def test_two_smscs_where_one_goes_or_brings_no_receipts() -> None:
    async with smsc() as first, smsc() as second:
        limits: dict[str, Any] = {"missing_sample": 2, "receipt_timeout": 60}
        async with connected(first.settings("first"), second.settings("second"), **limits) as desk:
            assert (await desk.send("s1")).challenge.startswith(b"smpp:first:")
            await first.order(stop=True)
            await desk.gone("first")
            sent = await desk.send("s2")
            assert sent.challenge.startswith(b"smpp:second:")
            assert await desk.told(sent) == DELIVERED
            await first.order(resume=first.port)
            await desk.bound("first")
            await first.set(receipt="never")
            lost = [await desk.send(f"lost-{number}") for number in range(4)]
            desk.clock.advance(60)
            for one in lost:
                await desk.told(one)
            assert (await desk.send("s3")).challenge.startswith(b"smpp:second:")
            again = await desk.send("s4", previous_challenge=sent.challenge)
            assert await desk.told(again) == DELIVERED


async def test_tls_to_the_smsc_that_is_meant() -> None:
    authority = Authority("operators")
    async with smsc(authority.issue("smsc")) as center:
        settings = center.settings(tls=True, ca=authority.certificate, server_name="localhost")
        async with connected(settings) as desk:
            assert await desk.told(await desk.send()) == DELIVERED
        assert (await center.counts())["unbinds"] == 1


@pytest.mark.parametrize("wrong", ["name", "address", "authority", "system"])
async def test_tls_to_another_is_refused(wrong: str) -> None:
    authority = Authority("operators")
    async with smsc(authority.issue("smsc")) as center:
        settings = center.settings(tls=True, ca=authority.certificate, server_name="localhost")
        if wrong == "name":
            settings = replace(settings, server_name="smsc.example")
        elif wrong == "address":
            settings = replace(settings, server_name="")
        elif wrong == "authority":
            settings = replace(settings, ca=Authority("others").certificate)
        else:
            settings = replace(settings, ca=b"")
        async with connected(settings) as desk:
            with pytest.raises(OperatorError, match="certificate verify failed") as caught:
                await desk.send()
            assert (caught.value.reason, caught.value.sent) == ("UNAVAILABLE", False)
        assert (await center.counts())["binds"] == 0


async def test_tls_is_not_given_up_for_clear_text() -> None:
    async with smsc() as center, connected(center.settings(tls=True), connect_timeout=0.5) as desk:
        with pytest.raises(OperatorError) as caught:
            await desk.send()
        assert (caught.value.reason, caught.value.sent) == ("UNAVAILABLE", False)
        assert (await center.counts())["binds"] == 0


async def test_octets_that_are_no_pdu() -> None:
    async with smsc() as center, connected(center.settings()) as desk:
        await desk.send()
        await center.order(raw="00ffffff" + "00" * 12)
        await center.counted("binds", 2)
        await desk.bound()
        assert await desk.told(await desk.send("s2")) == DELIVERED


async def test_many_at_once() -> None:
    behaviors: dict[str, Any] = {"receipt": "before", "ids": "hex", "receiptIds": "decimal"}
    async with smsc(**behaviors) as center, connected(center.settings(), window=20) as desk:
        sent = await asyncio.gather(
            *(desk.send(f"s{number}", phone_number=f"+7916{number:07}") for number in range(500))
        )
        for one in sent:
            assert await desk.told(one) == DELIVERED
        assert (await center.counts())["submits"] == 500
