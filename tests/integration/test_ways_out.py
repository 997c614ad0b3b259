"""Network proof, step-up and contests over real gRPC."""

import json

from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.timestamp_pb2 import Timestamp

from fakes.messenger import answers, codes, result, state
from fakes.world import World
from numseal.api.operator.v1 import subscriber_pb2
from numseal.api.simulator.v1 import simulator_pb2
from numseal.api.verification.v1 import assurance_pb2, verification_pb2
from numseal.attestation import jwk, jws
from numseal.verify import ExitCode, verify_bundle

MTS, NEIGHBOUR, T2 = "+79161234567", "+79161234568", "+79041234570"
HOUR = 3_600
OTHER_PHONE = simulator_pb2.SubscriberChange(change_device=simulator_pb2.ChangeDevice())
SWAP = simulator_pb2.SubscriberChange(swap_sim=simulator_pb2.SwapSim(kind=subscriber_pb2.SIM_CHANGE_KIND_REPLACED))
RECYCLE = simulator_pb2.SubscriberChange(recycle=simulator_pb2.Recycle())


def kinds(verification: verification_pb2.Verification) -> list[str]:
    """Name the ways on."""
    if verification.HasField("contest"):
        names = verification_pb2.ContestWayKind
        return [names.Name(way.kind).removeprefix("CONTEST_WAY_KIND_") for way in verification.contest.ways]
    steps = verification_pb2.StepUpKind
    return [steps.Name(option.kind).removeprefix("STEP_UP_KIND_") for option in verification.step_up_options]


async def test_a_sim_that_the_network_recognises_is_bound_at_the_highest_level(world: World) -> None:
    opened = await world.messenger.start(MTS, method=assurance_pb2.METHOD_NETWORK)
    assert state(opened) == "NETWORK_PENDING"
    assert opened.network.auth_url.startswith("https://")
    assert opened.sends_remaining == 5
    assert await world.messenger.inbox(MTS) == []
    answer = await world.messenger.offer_proof(opened, MTS)
    assert answer.network_result == verification_pb2.NETWORK_RESULT_MATCH
    assert state(answer.verification) == "VERIFIED"
    assert answer.verification.assurance_level == assurance_pb2.ASSURANCE_LEVEL_HIGH
    report = verify_bundle(answer.verification.bundle.bundle_json, world.keys, world.clock.now())
    assert report.exit_code is ExitCode.VALID
    assert report.claims is not None
    assert report.claims["method"] == "NETWORK"


async def test_another_sim_is_told_and_a_code_helps_on(world: World) -> None:
    opened = await world.messenger.start(MTS, method=assurance_pb2.METHOD_NETWORK)
    answer = await world.messenger.offer_proof(opened, NEIGHBOUR)
    assert answer.network_result == verification_pb2.NETWORK_RESULT_MISMATCH
    assert state(answer.verification) == "NETWORK_PENDING"
    assert answer.verification.attempts_remaining == 4
    resent = await world.messenger.verification.ResendCode(
        verification_pb2.ResendCodeRequest(verification_id=opened.verification_id), metadata=world.messenger.metadata
    )
    assert state(resent.verification) == "CODE_SENT"
    checked = await world.messenger.check(opened.verification_id, await world.messenger.code(MTS))
    assert state(checked.verification) == "VERIFIED"
    assert checked.verification.assurance_level == assurance_pb2.ASSURANCE_LEVEL_LOW
    assert "NETWORK_MISMATCH" in codes(checked.verification)


async def test_an_operator_without_network_proof_says_so(world: World) -> None:
    opened = await world.messenger.start(T2, method=assurance_pb2.METHOD_NETWORK)
    assert (state(opened), opened.failure_reason) == ("FAILED", "METHOD_NOT_SUPPORTED")


async def test_a_required_level_is_reached_by_stepping_up_to_network_proof(world: World) -> None:
    checked = await world.messenger.sign_up(MTS, required_level=assurance_pb2.ASSURANCE_LEVEL_HIGH)
    assert state(checked) == "STEP_UP_REQUIRED"
    assert kinds(checked) == ["NETWORK"]
    pending = await world.messenger.proceed(
        checked, method=verification_pb2.MethodWay(method=assurance_pb2.METHOD_NETWORK)
    )
    assert state(pending) == "NETWORK_PENDING"
    verified = await world.messenger.prove(pending, MTS)
    assert (state(verified), verified.assurance_level) == ("VERIFIED", assurance_pb2.ASSURANCE_LEVEL_HIGH)


async def test_a_re_registration_after_a_sim_swap_waits(world: World) -> None:
    await world.messenger.sign_up(MTS)
    world.clock.advance(60)
    await world.messenger.change(MTS, SWAP, OTHER_PHONE)
    again = await world.messenger.sign_up(MTS, purpose=verification_pb2.PURPOSE_RE_REGISTER)
    assert state(again) == "STEP_UP_REQUIRED"
    assert "WAIT" in kinds(again)
    assert result(await world.messenger.shown(MTS)) == "SUSPENDED"
    wait = verification_pb2.WaitWay()
    with answers("FAILED_PRECONDITION", "WAY_NOT_YET_OPEN"):
        await world.messenger.proceed(again, wait=wait)
    world.clock.advance(again.step_up_options[-1].available_time.seconds - world.clock.now())
    verified = await world.messenger.proceed(again, wait=wait)
    assert state(verified) == "VERIFIED"
    assert result(await world.messenger.shown(MTS)) == "GENUINE"


async def test_a_sim_that_came_back_while_somebody_waited_ends_his_waiting(world: World) -> None:
    await world.messenger.sign_up(MTS)
    world.clock.advance(60)
    await world.messenger.change(MTS, SWAP, OTHER_PHONE)
    again = await world.messenger.sign_up(MTS, purpose=verification_pb2.PURPOSE_RE_REGISTER)
    world.clock.advance(12 * HOUR)
    await world.messenger.change(MTS, SWAP, OTHER_PHONE)
    world.clock.advance(again.step_up_options[-1].available_time.seconds - world.clock.now())
    with answers("FAILED_PRECONDITION", "WAIT_NOT_CONFIRMED"):
        await world.messenger.proceed(again, wait=verification_pb2.WaitWay())
    assert result(await world.messenger.shown(MTS)) == "SUSPENDED"


async def test_a_contest_is_not_won_by_waiting_where_the_sim_changed_meanwhile(world: World) -> None:
    await world.messenger.sign_up(MTS, "alice")
    contested = await world.messenger.sign_up(MTS, "mallory")
    assert state(contested) == "CONTESTED"
    world.clock.advance(12 * HOUR)
    await world.messenger.change(MTS, SWAP, OTHER_PHONE)
    world.clock.advance(contested.contest.ways[-1].available_time.seconds - world.clock.now() + 200 * HOUR)
    with answers("FAILED_PRECONDITION", "VERIFICATION_EXPIRED"):
        await world.messenger.proceed(contested, wait=verification_pb2.WaitWay())
    contested = await world.messenger.sign_up(MTS, "mallory-2")
    waiting = next(way for way in contested.contest.ways if way.kind == verification_pb2.CONTEST_WAY_KIND_WAIT)
    world.clock.advance(12 * HOUR)
    await world.messenger.change(MTS, SWAP, OTHER_PHONE)
    world.clock.advance(waiting.available_time.seconds - world.clock.now())
    with answers("FAILED_PRECONDITION", "WAIT_NOT_CONFIRMED"):
        await world.messenger.proceed(contested, wait=verification_pb2.WaitWay())


async def test_the_owner_of_a_recycled_number_takes_it_without_a_contest(world: World) -> None:
    await world.messenger.sign_up(MTS, "alice")
    world.clock.advance(24 * HOUR)
    await world.messenger.change(MTS, RECYCLE)
    world.clock.advance(24 * HOUR)
    verified = await world.messenger.sign_up(MTS, "bob")
    assert state(verified) == "VERIFIED"
    assert result(await world.messenger.shown(MTS, "bob")) == "GENUINE"
    assert result(await world.messenger.shown(MTS, "alice")) in {"SUPERSEDED", "REVOKED"}


async def test_a_contest_ends_by_the_old_accounts_signature(world: World) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    client = verification_pb2.ClientFacts(device_public_key_jwk=json.dumps(jwk.public_jwk(key.public_key())))
    opened = await world.messenger.start(MTS, "alice", client=client)
    proof = jws.sign_es256(f"numseal/v1\nkey-proof\n{opened.verification_id}\n".encode(), key)
    await world.messenger.check(opened.verification_id, await world.messenger.code(MTS), proof)
    contested = await world.messenger.sign_up(MTS, "bob")
    assert state(contested) == "CONTESTED"
    assert sorted(kinds(contested)) == ["NEW_SUBSCRIBER", "OLD_ACCOUNT_KEY", "REGISTRATION_LOCK", "WAIT"]
    signed = jws.sign_es256(f"numseal/v1\nrelease\n{contested.verification_id}\n".encode(), key)
    with answers("INVALID_ARGUMENT", "RELEASE_INVALID", "old_account_key.signature"):
        await world.messenger.proceed(contested, old_account_key=verification_pb2.OldAccountKeyWay(signature=b"s" * 64))
    verified = await world.messenger.proceed(
        contested, old_account_key=verification_pb2.OldAccountKeyWay(signature=signed)
    )
    assert state(verified) == "VERIFIED"
    assert result(await world.messenger.shown(MTS, "bob")) == "GENUINE"
    assert result(await world.messenger.shown(MTS, "alice")) == "SUPERSEDED"


async def test_a_contest_ends_by_the_relying_partys_lock(world: World) -> None:
    await world.messenger.sign_up(MTS, "alice")
    contested = await world.messenger.sign_up(MTS, "bob")
    with answers("INVALID_ARGUMENT", "PASS_TIME_REQUIRED", "registration_lock.pass_time"):
        await world.messenger.proceed(contested, registration_lock=verification_pb2.RegistrationLockWay(reference="x"))
    with answers("INVALID_ARGUMENT", "WAY_REQUIRED", "way"):
        await world.messenger.proceed(contested)
    lock = verification_pb2.RegistrationLockWay(pass_time=Timestamp(seconds=world.clock.now()), reference="pin-1")
    with answers("NOT_FOUND", "VERIFICATION_NOT_FOUND"):
        await world.other.proceed(contested, registration_lock=lock)
    assert state(await world.messenger.proceed(contested, registration_lock=lock)) == "VERIFIED"
