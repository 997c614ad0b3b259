"""Agreements where the messenger meets them, over a real server: every reason, and both sides of every edge."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from fakes import channels
from fakes.administration import WHY, Admin, administrators, agreement_of, put_in_force, suspend
from fakes.clock import FakeClock
from fakes.messenger import Messenger, answers, codes, refused, result, state
from fakes.world import NOW, World
from numseal.api.admin.v1 import resource_pb2
from numseal.api.operator.v1 import operator_pb2, subscriber_pb2
from numseal.api.verification.v1 import assurance_pb2, binding_pb2, verification_pb2
from numseal.apps.config import Config
from numseal.apps.config_agreements import read_agreements
from numseal.apps.config_reader import Table
from numseal.apps.development import Development
from numseal.apps.server import serving
from numseal.attestation.entry import agreement_entry
from numseal.domain.limits import DAY
from numseal.tlog import tlog_proof
from numseal.tlog.checkpoint import open_checkpoint
from numseal.tlog.hashing import leaf_hash
from numseal.tlog.proof import verify_inclusion

MTS = "+79161234567"
KCELL = "+77012345678"
BEELINE, BEELINE_OTHER = "+79031234567", "+79031234568"
OTHERS = ("+79161234568", "+79161234569", "+79161234570")


@pytest.fixture
def admins(world: World) -> tuple[Admin, Admin]:
    return administrators(world.messenger.channel, world.setup.config.file.parent)


async def only(admins: tuple[Admin, Admin], **fields: object) -> resource_pb2.Agreement:
    """Leave the messenger with one agreement with MTS, with these terms."""
    ada, _ = admins
    await ada.call("EndAgreement", agreement_id="demo-mts", **WHY)
    return await put_in_force(ada, agreement_of("only", **fields))


def quota(**fields: object) -> resource_pb2.Quota:
    return resource_pb2.Quota(**fields)  # type: ignore[arg-type]


def logged(world: World, proof: str, document: str) -> int:
    """Verify that the log holds the entry of a document, as an auditor does; return the entry's index."""
    parsed = tlog_proof.parse(proof)
    checkpoint = open_checkpoint(parsed.checkpoint, world.keys.log_vkey)
    entry = agreement_entry(document.encode())
    verify_inclusion(leaf_hash(entry), parsed.index, checkpoint.size, parsed.path, checkpoint.root)
    return parsed.index


# Validity


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [(1, 100, "NO_AGREEMENT"), (0, 100, None), (-100, 1, None), (-100, 0, "AGREEMENT_EXPIRED")],
)
async def test_an_agreement_is_in_force_between_its_start_and_its_end(
    world: World, admins: tuple[Admin, Admin], start: int, end: int, reason: str | None
) -> None:
    ada, _ = admins
    # One that is over already is not made: it comes to its end.
    late = 1 if reason == "AGREEMENT_EXPIRED" else 0
    # The other messenger has none with Kcell but this one.
    made = agreement_of(
        "timed",
        relying_party_id="other-messenger",
        operator_id="kcell",
        start_time=Timestamp(seconds=NOW + start),
        end_time=Timestamp(seconds=NOW + end + late),
    )
    await put_in_force(ada, made)
    world.clock.advance(late)
    if reason is None:
        assert state(await world.other.start(KCELL)) == "CODE_SENT"
    else:
        with answers("PERMISSION_DENIED", reason):
            await world.other.start(KCELL)


async def test_an_agreement_ends_under_a_running_server(world: World, admins: tuple[Admin, Admin]) -> None:
    await only(admins, end_time=Timestamp(seconds=NOW + 100))
    world.clock.advance(99)
    opened = await world.messenger.start(MTS)
    world.clock.advance(1)
    with answers("PERMISSION_DENIED", "AGREEMENT_EXPIRED"):
        await world.messenger.start(MTS, "bob")
    with answers("PERMISSION_DENIED", "AGREEMENT_EXPIRED"):
        await world.messenger.check(opened.verification_id, await world.messenger.code(MTS))


async def test_without_any_agreement_nothing_is_asked(world: World) -> None:
    with answers("PERMISSION_DENIED", "NO_AGREEMENT"):
        await world.other.start(KCELL)


# What it covers


async def test_methods_that_are_not_covered_are_refused(world: World, admins: tuple[Admin, Admin]) -> None:
    await only(admins, methods=[operator_pb2.METHOD_SMS])
    for method in (assurance_pb2.METHOD_VOICE, assurance_pb2.METHOD_OPERATOR_CODE, assurance_pb2.METHOD_NETWORK):
        with answers("PERMISSION_DENIED", "METHOD_NOT_COVERED"):
            await world.messenger.start(MTS, method=method)
    opened = await world.messenger.start(MTS)
    assert [offered.method for offered in opened.methods] == [assurance_pb2.METHOD_SMS]
    world.clock.advance(60)
    request = verification_pb2.ResendCodeRequest(
        verification_id=opened.verification_id, method=assurance_pb2.METHOD_VOICE
    )
    with answers("PERMISSION_DENIED", "METHOD_NOT_COVERED"):
        await world.messenger.verification.ResendCode(request, metadata=world.messenger.metadata)
    request.method = assurance_pb2.METHOD_SMS
    await world.messenger.verification.ResendCode(request, metadata=world.messenger.metadata)


async def test_signals_that_are_not_covered_are_unknown_and_never_safe(
    world: World, admins: tuple[Admin, Admin]
) -> None:
    method = assurance_pb2.METHOD_NETWORK
    opened = await world.messenger.start(MTS, method=method)
    assert (await world.messenger.prove(opened, MTS)).assurance_level == assurance_pb2.ASSURANCE_LEVEL_HIGH
    await only(admins, signals=[subscriber_pb2.SIGNAL_KIND_LINE_TYPE])
    number = OTHERS[0]
    opened = await world.messenger.start(number, "bob", method=method)
    proved = await world.messenger.prove(opened, number)
    assert proved.assurance_level < assurance_pb2.ASSURANCE_LEVEL_HIGH
    assert "SIGNAL_MISSING" in codes(proved)


async def test_consent_is_required_where_the_agreement_says_so(world: World, admins: tuple[Admin, Admin]) -> None:
    await only(admins, consent_purpose="number check")
    with answers("INVALID_ARGUMENT", "CONSENT_REQUIRED", "consent_reference"):
        await world.messenger.start(MTS)
    assert state(await world.messenger.sign_up(MTS, consent_reference="c-1")) == "VERIFIED"


# Quotas


async def test_a_days_verifications_end_at_the_quota_and_begin_with_the_next_day(
    world: World, admins: tuple[Admin, Admin]
) -> None:
    await only(admins, quota=quota(daily_verifications=2))
    for number in (MTS, OTHERS[0]):
        await world.messenger.start(number)
    with pytest.raises(Exception, match="AGREEMENT_VERIFICATIONS") as caught:
        await world.messenger.start(OTHERS[1])
    found = refused(caught.value)  # type: ignore[arg-type]
    assert (found.code, found.reason) == ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
    assert found.retry_delay == DAY - NOW % DAY
    # The operator was not asked, so no code came.
    assert await world.messenger.inbox(OTHERS[1]) == []
    world.clock.advance(found.retry_delay - 1)
    with answers("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"):
        await world.messenger.start(OTHERS[1])
    world.clock.advance(1)
    assert state(await world.messenger.start(OTHERS[1])) == "CODE_SENT"


async def test_calls_a_second_are_bounded(world: World, admins: tuple[Admin, Admin]) -> None:
    await only(admins, quota=quota(calls_per_second=2))
    await world.messenger.start(MTS)
    with answers("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"):
        await world.messenger.start(OTHERS[0])
    world.clock.advance(1)
    assert state(await world.messenger.start(OTHERS[0])) == "CODE_SENT"


async def test_a_cost_cap_without_announced_prices_refuses(world: World, admins: tuple[Admin, Admin]) -> None:
    # The simulator announces none.
    await only(admins, quota=quota(daily_cost_cap_micros=10**9, currency_code="RUB"))
    with answers("FAILED_PRECONDITION", "COST_UNKNOWN"):
        await world.messenger.start(MTS)
    assert await world.messenger.inbox(MTS) == []


# Suspension


async def test_a_suspension_stops_new_verifications_at_once_and_leaves_bindings_checkable(
    world: World, admins: tuple[Admin, Admin]
) -> None:
    ada, bob = admins
    verified = await world.messenger.sign_up(MTS)
    size = await world.messenger.log_size()
    confirmed = await suspend(ada, bob, "demo-mts")
    with answers("PERMISSION_DENIED", "AGREEMENT_SUSPENDED"):
        await world.messenger.start(OTHERS[0])
    with answers("PERMISSION_DENIED", "AGREEMENT_SUSPENDED"):
        request = binding_pb2.RefreshBindingRequest(binding_id=verified.binding_id)
        await world.messenger.binding.RefreshBinding(request, metadata=world.messenger.metadata)
    assert result(await world.messenger.shown(MTS)) == "GENUINE"
    # Other agreements of the messenger, and of others with this operator, stand.
    assert state(await world.messenger.start("+79261234567")) == "CODE_SENT"
    assert state(await world.other.start(OTHERS[1], "carol")) == "CODE_SENT"
    assert confirmed.agreement.state == resource_pb2.AGREEMENT_STATE_SUSPENDED
    assert await world.messenger.log_size() == size + 1
    await ada.call("ResumeAgreement", agreement_id="demo-mts", **WHY)
    assert state(await world.messenger.sign_up(OTHERS[0], "bob")) == "VERIFIED"


async def test_a_verification_begun_before_ends_only_once_the_agreement_is_in_force_again(
    world: World, admins: tuple[Admin, Admin]
) -> None:
    opened = await world.messenger.start(MTS)
    code = await world.messenger.code(MTS)
    await suspend(*admins, "demo-mts")
    with answers("PERMISSION_DENIED", "AGREEMENT_SUSPENDED"):
        await world.messenger.check(opened.verification_id, code)
    kept = await world.messenger.get(opened.verification_id)
    assert state(kept) == "ASSESSING"
    assert kept.binding_id == ""
    await admins[0].call("ResumeAgreement", agreement_id="demo-mts", **WHY)
    ended = await world.messenger.check(opened.verification_id, code)
    assert state(ended.verification) == "VERIFIED"


async def test_monitoring_says_that_nobody_asks_any_more(world: World, admins: tuple[Admin, Admin]) -> None:
    verified = await world.messenger.sign_up(MTS)

    async def monitoring(wanted: int) -> None:
        request = binding_pb2.GetBindingRequest(binding_id=verified.binding_id)
        async with asyncio.timeout(10):
            while True:
                answer = await world.messenger.binding.GetBinding(request, metadata=world.messenger.metadata)
                if answer.binding.monitoring_state == wanted:
                    return
                await asyncio.sleep(0.01)

    await monitoring(binding_pb2.MONITORING_STATE_WATCHED)
    await suspend(*admins, "demo-mts")
    await monitoring(binding_pb2.MONITORING_STATE_UNMONITORED)
    await admins[0].call("ResumeAgreement", agreement_id="demo-mts", **WHY)
    await monitoring(binding_pb2.MONITORING_STATE_WATCHED)


async def test_every_change_of_state_is_provably_in_the_log(world: World, admins: tuple[Admin, Admin]) -> None:
    ada, bob = admins
    suspended = await suspend(ada, bob, "demo-mts")
    resumed = await ada.call("ResumeAgreement", agreement_id="demo-mts", **WHY)
    ended = await bob.call("EndAgreement", agreement_id="demo-mts", **WHY)
    events = {event.action: json.loads(event.detail_json) for event in await ada.trail(resource="agreements/demo-mts")}
    for number, (action, answer, states) in enumerate(
        (
            ("ConfirmSuspension", suspended, ("ACTIVE", "SUSPENDED")),
            ("ResumeAgreement", resumed, ("SUSPENDED", "ACTIVE")),
            ("EndAgreement", ended, ("ACTIVE", "ENDED")),
        )
    ):
        document = events[action]["document"]
        assert logged(world, answer.proof, document) == number == events[action]["leaf_index"]
        told = json.loads(document)
        assert (told["from"], told["to"]) == states
        assert (told["agreement_id"], told["time"], told["reason"]) == ("demo-mts", NOW, WHY["reason"])
        with pytest.raises(Exception, match="root"):
            logged(world, answer.proof, document + " ")
    told = json.loads(events["ConfirmSuspension"]["document"])
    assert (told["proposed_by"], told["confirmed_by"]) == ("admin-a", "admin-b")
    assert suspended.agreement.suspensions[0].leaf_index == 0


# Restart, and the file


async def test_a_restart_keeps_all(setup: Development, config: Config, clock: FakeClock) -> None:
    directory = setup.config.file.parent
    metadata = (("authorization", f"Bearer {setup.token}"),)
    async with serving(config, clock) as addresses, channels.plain(addresses.grpc) as channel:
        ada, bob = administrators(channel, directory)
        await suspend(ada, bob, "demo-mts")
        await ada.call("EndAgreement", agreement_id="demo-megafon", **WHY)
        await put_in_force(ada, agreement_of("quota", operator_id="beeline", quota=quota(daily_verifications=1)))
        await ada.call("EndAgreement", agreement_id="demo-beeline", **WHY)
        await Messenger(channel, metadata).start(BEELINE)
        before = (await ada.call("ListAgreements")).agreements
        trail = await ada.trail()
    clock.advance(60)
    async with serving(config, clock) as addresses, channels.plain(addresses.grpc) as channel:
        ada, bob = administrators(channel, directory)
        messenger = Messenger(channel, metadata)
        assert (await ada.call("ListAgreements")).agreements == before
        assert await ada.trail() == trail
        with answers("PERMISSION_DENIED", "AGREEMENT_SUSPENDED"):
            await messenger.start(MTS)
        with answers("PERMISSION_DENIED", "AGREEMENT_EXPIRED"):
            await messenger.start("+79261234567")
        with answers("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"):
            await messenger.start(BEELINE_OTHER)
        await bob.call("ResumeAgreement", agreement_id="demo-mts", **WHY)
        assert state(await messenger.start(MTS)) == "CODE_SENT"


async def test_the_files_terms_hold_from_a_restart_on(setup: Development, config: Config, clock: FakeClock) -> None:
    directory = setup.config.file.parent
    metadata = (("authorization", f"Bearer {setup.token}"),)

    def declared(name: str, *more: tuple[str, object]) -> Config:
        values = {
            "id": "demo",
            "relying_party": "demo-messenger",
            "operators": [name],
            "valid_from": Timestamp(seconds=0).ToDatetime().date(),
            "valid_until": Timestamp(seconds=2**32).ToDatetime().date(),
            **dict(more),
        }
        table = Table(Path("f"), "agreements[1]", values)
        found = read_agreements([table], config.relying_parties, frozenset({"mts", "megafon"}))
        return replace(config, agreements=found)

    async with serving(declared("mts"), clock):
        pass
    async with (
        serving(declared("mts", ("methods", ["SMS"])), clock) as addresses,
        channels.plain(addresses.grpc) as channel,
    ):
        ada, bob = administrators(channel, directory)
        messenger = Messenger(channel, metadata)
        with answers("PERMISSION_DENIED", "METHOD_NOT_COVERED"):
            await messenger.start(MTS, method=assurance_pb2.METHOD_VOICE)
        await suspend(ada, bob, "demo-mts")
    async with serving(declared("megafon"), clock) as addresses, channels.plain(addresses.grpc) as channel:
        ada, _ = administrators(channel, directory)
        messenger = Messenger(channel, metadata)
        assert state(await messenger.start("+79261234567")) == "CODE_SENT"
        # Suspended, and named by the file no more: resumed it is nobody's.
        resumed = await ada.call("ResumeAgreement", agreement_id="demo-mts", **WHY)
        assert resumed.agreement.state == resource_pb2.AGREEMENT_STATE_PROPOSED
        with answers("PERMISSION_DENIED", "NO_AGREEMENT"):
            await messenger.start(MTS)
    async with serving(declared("mts"), clock) as addresses, channels.plain(addresses.grpc) as channel:
        ada, _ = administrators(channel, directory)
        messenger = Messenger(channel, metadata)
        assert state(await messenger.start(MTS, method=assurance_pb2.METHOD_VOICE)) == "CODE_SENT"
        actions = [event.action for event in await ada.trail(resource="agreements/demo-mts")][::-1]
        assert actions == [
            "DeclareAgreement",
            "DeclareAgreement",
            "ProposeSuspension",
            "ConfirmSuspension",
            "WithdrawAgreement",
            "ResumeAgreement",
            "DeclareAgreement",
        ]
