"""A sign-up from the first call to the bundle checked offline, over real gRPC."""

import asyncio
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fakes.messenger import codes, result, state
from fakes.world import World
from numseal.adapters.signers.secret_file import read_secret
from numseal.api.operator.v1 import subscriber_pb2
from numseal.api.simulator.v1 import simulator_pb2
from numseal.api.transparency.v1 import transparency_pb2
from numseal.api.verification.v1 import assurance_pb2, binding_pb2, verification_pb2
from numseal.attestation import jwk, jws, sd_jwt
from numseal.domain.otp import code_of
from numseal.tlog import proof
from numseal.verify import ExitCode, verify_bundle

MTS, MEGAFON, BEELINE, KCELL = "+79161234567", "+79261234567", "+79031234568", "+77011234568"
LANDLINE, UNALLOCATED = "+74951234567", "+79160001234"

OTHER_PHONE = simulator_pb2.SubscriberChange(change_device=simulator_pb2.ChangeDevice())
SWAP = simulator_pb2.SubscriberChange(swap_sim=simulator_pb2.SwapSim(kind=subscriber_pb2.SIM_CHANGE_KIND_REPLACED))


def forwarding(kind: subscriber_pb2.ForwardingKind.ValueType, *, active: bool = True) -> simulator_pb2.SubscriberChange:
    return simulator_pb2.SubscriberChange(set_forwarding=simulator_pb2.SetForwarding(kind=kind, active=active))


def unknown(signal: subscriber_pb2.SignalKind.ValueType) -> simulator_pb2.SubscriberChange:
    override = simulator_pb2.SignalOverride(signal=signal, state=subscriber_pb2.SIGNAL_STATE_UNKNOWN)
    return simulator_pb2.SubscriberChange(override=override)


def spoken_code(world: World, verification_id: str) -> str:
    """Return a verification's first code as the forwarding target heard it: no inbox of the simulator holds it."""
    master = read_secret(world.setup.config.keys.master)
    key = HKDF(SHA256(), 32, salt=None, info=b"numseal/v1 one-time codes").derive(master)
    return code_of(key, verification_id, 1)


async def test_a_right_code_yields_a_bundle_that_stands_offline(world: World) -> None:
    opened = await world.messenger.start(MTS)
    assert state(opened) == "CODE_SENT"
    assert opened.masked_phone_number == "+7916*****67"
    assert opened.operator.operator_id == "mts"
    assert opened.operator.plmn == "250-01"
    assert opened.attempts_remaining == 5
    assert not opened.HasField("bundle")

    answer = await world.messenger.check(opened.verification_id, await world.messenger.code(MTS))

    verified = answer.verification
    assert answer.code_result == verification_pb2.CODE_RESULT_MATCH
    assert state(verified) == "VERIFIED"
    assert verified.assurance_level == assurance_pb2.ASSURANCE_LEVEL_LOW
    assert result(await world.messenger.shown(MTS)) == "GENUINE"
    report = verify_bundle(verified.bundle.bundle_json, world.keys, world.clock.now())
    assert report.exit_code is ExitCode.VALID
    assert report.claims is not None
    assert report.claims["phone_number"] == MTS
    assert report.claims["account_id"] == "alice"
    assert report.claims["relying_party"] == "demo-messenger"
    expired = verify_bundle(verified.bundle.bundle_json, world.keys, world.clock.now() + 31 * 86_400)
    assert expired.exit_code is ExitCode.OUTSIDE_VALIDITY


async def test_the_same_right_code_again_gives_the_same_attestation(world: World) -> None:
    opened = await world.messenger.start(MTS)
    code = await world.messenger.code(MTS)
    first = await world.messenger.check(opened.verification_id, code)
    again = await world.messenger.check(opened.verification_id, code)
    read = await world.messenger.get(opened.verification_id)
    assert first.verification.bundle.sd_jwt == again.verification.bundle.sd_jwt == read.bundle.sd_jwt
    assert await world.messenger.log_size() == 1


async def test_a_wrong_code_is_an_answer_and_costs_an_attempt(world: World) -> None:
    opened = await world.messenger.start(MTS)
    code = await world.messenger.code(MTS)
    wrong = "000000" if code != "000000" else "111111"
    answer = await world.messenger.check(opened.verification_id, wrong)
    assert answer.code_result == verification_pb2.CODE_RESULT_MISMATCH
    assert state(answer.verification) == "CODE_SENT"
    assert answer.verification.attempts_remaining == 4
    assert state((await world.messenger.check(opened.verification_id, code)).verification) == "VERIFIED"


@pytest.mark.parametrize(("number", "finding"), [(LANDLINE, "LINE_NOT_MOBILE"), (UNALLOCATED, "NUMBER_UNALLOCATED")])
async def test_a_number_that_cannot_be_a_subscribers_is_rejected_before_any_code(
    world: World, number: str, finding: str
) -> None:
    opened = await world.messenger.start(number)
    assert state(opened) == "REJECTED"
    assert finding in codes(opened)
    assert await world.messenger.inbox(number) == []


async def test_a_right_code_after_a_sim_swap_does_not_take_the_number_from_its_account(world: World) -> None:
    await world.messenger.sign_up(MTS, "alice")
    world.clock.advance(60)
    await world.messenger.change(MTS, SWAP, OTHER_PHONE)
    attacker = await world.messenger.sign_up(MTS, "mallory")
    assert state(attacker) == "CONTESTED"
    assert "SIM_CHANGED_SINCE_BINDING" in codes(attacker)
    assert not attacker.HasField("bundle")
    shown = await world.messenger.shown(MTS, "alice")
    assert result(shown) == "SUSPENDED"
    assert "CONTESTED" in codes(shown)
    assert result(await world.messenger.shown(MTS, "mallory")) == "SPOOFED"
    assert await world.messenger.log_size() == 1


async def test_a_sim_swap_before_the_same_account_registers_again_needs_more_proof(world: World) -> None:
    await world.messenger.sign_up(MTS, "alice")
    world.clock.advance(60)
    await world.messenger.change(MTS, SWAP, OTHER_PHONE)
    again = await world.messenger.sign_up(MTS, "alice", purpose=verification_pb2.PURPOSE_RE_REGISTER)
    assert state(again) == "STEP_UP_REQUIRED"
    assert "SIM_CHANGED_SINCE_BINDING" in codes(again)
    finding = next(item for item in again.findings if item.code == "SIM_CHANGED_SINCE_BINDING")
    told = finding.evidence[0]
    assert (told.phase, told.signal) == (assurance_pb2.EVIDENCE_PHASE_AFTER, "sim_change")
    assert (told.operator_id, told.source, told.observe_time.seconds) == ("mts", "crm", world.clock.now())


async def test_a_fresh_sim_at_a_first_sign_up_only_lowers_the_level(world: World) -> None:
    await world.messenger.change(MTS, SWAP, OTHER_PHONE)
    verified = await world.messenger.sign_up(MTS)
    assert state(verified) == "VERIFIED"
    assert verified.assurance_level == assurance_pb2.ASSURANCE_LEVEL_LOW
    assert "SIM_RECENT" in codes(verified)


async def test_a_sim_swapped_while_the_code_is_under_way_needs_more_proof(world: World) -> None:
    opened = await world.messenger.start(MTS)
    code = await world.messenger.code(MTS)
    await world.messenger.change(MTS, SWAP, OTHER_PHONE)
    checked = (await world.messenger.check(opened.verification_id, code)).verification
    assert state(checked) == "STEP_UP_REQUIRED"
    assert "SIM_CHANGED_DURING_VERIFICATION" in codes(checked)


async def test_forwarding_lowers_the_level_of_a_text_and_takes_a_spoken_code(world: World) -> None:
    await world.messenger.change(MTS, forwarding(subscriber_pb2.FORWARDING_KIND_UNCONDITIONAL))
    verified = await world.messenger.sign_up(MTS)
    assert verified.assurance_level == assurance_pb2.ASSURANCE_LEVEL_LOW
    assert "FORWARDING_ACTIVE" in codes(verified)
    before = await world.messenger.inbox(MTS)
    spoken = await world.messenger.start(MTS, "bob", method=assurance_pb2.METHOD_VOICE)
    assert state(spoken) == "CODE_SENT"
    assert await world.messenger.inbox(MTS) == before


async def test_forwarding_switched_off_after_the_spoken_code_was_heard_elsewhere_does_not_hide_it(world: World) -> None:
    await world.messenger.change(MTS, forwarding(subscriber_pb2.FORWARDING_KIND_UNCONDITIONAL))
    opened = await world.messenger.start(MTS, method=assurance_pb2.METHOD_VOICE)
    assert await world.messenger.inbox(MTS) == []
    await world.messenger.change(MTS, forwarding(subscriber_pb2.FORWARDING_KIND_UNCONDITIONAL, active=False))
    heard = await world.messenger.check(opened.verification_id, spoken_code(world, opened.verification_id))
    assert heard.code_result == verification_pb2.CODE_RESULT_MATCH
    assert state(heard.verification) == "STEP_UP_REQUIRED"
    assert "VOICE_CODE_FORWARDED" in codes(heard.verification)
    assert not heard.verification.HasField("bundle")
    assert await world.messenger.log_size() == 0


async def test_a_swapped_sim_seen_before_the_code_counts_where_the_operator_says_less_after_it(world: World) -> None:
    await world.messenger.sign_up(MTS, "alice")
    world.clock.advance(60)
    await world.messenger.change(MTS, SWAP, OTHER_PHONE)
    opened = await world.messenger.start(MTS, "alice", purpose=verification_pb2.PURPOSE_RE_REGISTER)
    await world.messenger.change(
        MTS, unknown(subscriber_pb2.SIGNAL_KIND_SIM_REF), unknown(subscriber_pb2.SIGNAL_KIND_SIM_CHANGE)
    )
    answer = await world.messenger.check(opened.verification_id, await world.messenger.code(MTS))
    assert answer.code_result == verification_pb2.CODE_RESULT_MATCH
    assert state(answer.verification) == "STEP_UP_REQUIRED"
    assert "SIM_CHANGED_SINCE_BINDING" in codes(answer.verification)
    assert await world.messenger.log_size() == 1


async def test_a_missing_signal_lowers_the_level(world: World) -> None:
    await world.messenger.change(MTS, unknown(subscriber_pb2.SIGNAL_KIND_REACHABILITY))
    verified = await world.messenger.prove(await world.messenger.start(MTS, method=assurance_pb2.METHOD_NETWORK), MTS)
    assert verified.assurance_level == assurance_pb2.ASSURANCE_LEVEL_SUBSTANTIAL
    assert "SIGNAL_MISSING" in codes(verified)


async def test_a_required_level_that_is_not_reached_needs_more_proof(world: World) -> None:
    checked = await world.messenger.sign_up(MTS, required_level=assurance_pb2.ASSURANCE_LEVEL_HIGH)
    assert state(checked) == "STEP_UP_REQUIRED"
    assert "LEVEL_BELOW_REQUIRED" in codes(checked)


async def test_a_lookup_that_fails_sends_the_code_all_the_same_and_caps_the_level(world: World) -> None:
    await world.messenger.change(MTS, simulator_pb2.SubscriberChange(lookup=simulator_pb2.Lookup(fail=True)))
    verified = await world.messenger.sign_up(MTS)
    assert state(verified) == "VERIFIED"
    assert verified.assurance_level == assurance_pb2.ASSURANCE_LEVEL_LOW


async def test_the_operators_own_code_never_reaches_numseal(world: World) -> None:
    opened = await world.messenger.start(MTS, method=assurance_pb2.METHOD_OPERATOR_CODE)
    code = await world.messenger.code(MTS)
    wrong = "000000" if code != "000000" else "111111"
    answer = await world.messenger.check(opened.verification_id, wrong)
    assert answer.code_result == verification_pb2.CODE_RESULT_MISMATCH
    assert answer.verification.attempts_remaining == 4
    checked = await world.messenger.check(opened.verification_id, code)
    assert state(checked.verification) == "VERIFIED"
    again = await world.messenger.check(opened.verification_id, code)
    assert again.verification.bundle.sd_jwt == checked.verification.bundle.sd_jwt


async def test_a_ported_number_is_verified_at_the_operator_that_has_it_now(world: World) -> None:
    port = simulator_pb2.PortNumber(operator_id="megafon")
    await world.messenger.change(MTS, simulator_pb2.SubscriberChange(port=port))
    verified = await world.messenger.sign_up(MTS)
    assert state(verified) == "VERIFIED"
    assert verified.operator.operator_id == "megafon"
    assert "PORT_RECENT" in codes(verified)


async def test_a_number_ported_to_an_operator_without_agreement_is_not_asked_about(world: World) -> None:
    port = simulator_pb2.PortNumber(operator_id="kcell")
    await world.messenger.change(MTS, simulator_pb2.SubscriberChange(port=port))
    opened = await world.other.start(MTS)
    assert state(opened) == "FAILED"
    assert opened.failure_reason == "NO_AGREEMENT"
    assert await world.messenger.inbox(MTS) == []


async def test_an_account_key_that_was_proven_enters_the_attestation(world: World) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = jwk.public_jwk(key.public_key())
    client = verification_pb2.ClientFacts(device_public_key_jwk=json.dumps(public))
    opened = await world.messenger.start(MTS, client=client)
    proven = jws.sign_es256(f"numseal/v1\nkey-proof\n{opened.verification_id}\n".encode(), key)
    answer = await world.messenger.check(opened.verification_id, await world.messenger.code(MTS), proven)
    payload = sd_jwt.read_profile(sd_jwt.split(answer.verification.bundle.sd_jwt))
    assert payload.claims.confirmation_jwk == public
    request = binding_pb2.GetBindingRequest(binding_id=answer.verification.binding_id)
    binding = (await world.messenger.binding.GetBinding(request, metadata=world.messenger.metadata)).binding
    assert binding.account_key_thumbprint == jwk.thumbprint(public)


async def test_a_key_that_was_not_proven_does_not_enter_the_attestation(world: World) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    client = verification_pb2.ClientFacts(device_public_key_jwk=json.dumps(jwk.public_jwk(key.public_key())))
    verified = await world.messenger.sign_up(MTS, client=client)
    payload = sd_jwt.read_profile(sd_jwt.split(verified.bundle.sd_jwt))
    assert payload.claims.confirmation_jwk is None


async def test_a_renewed_binding_supersedes_the_old_one(world: World) -> None:
    first = await world.messenger.sign_up(MTS)
    second = await world.messenger.sign_up(MTS, purpose=verification_pb2.PURPOSE_REVERIFY)
    assert list(second.supersedes) == [first.binding_id]
    request = binding_pb2.GetBindingRequest(binding_id=first.binding_id, include_bundle=True)
    answer = await world.messenger.binding.GetBinding(request, metadata=world.messenger.metadata)
    assert answer.binding.state == binding_pb2.BINDING_STATE_SUPERSEDED
    assert answer.binding.superseded_by == second.binding_id
    assert answer.bundle.sd_jwt == first.bundle.sd_jwt
    report = verify_bundle(second.bundle.bundle_json, world.keys, world.clock.now())
    earlier = verify_bundle(first.bundle.bundle_json, world.keys, world.clock.now())
    assert report.claims is not None
    assert earlier.claims is not None
    assert report.claims["supersedes"] == earlier.claims["jti"]


async def test_a_change_of_number_ends_the_binding_it_replaces(world: World) -> None:
    first = await world.messenger.sign_up(MTS)
    await world.messenger.sign_up(
        MEGAFON, purpose=verification_pb2.PURPOSE_CHANGE_NUMBER, replaces_binding=first.binding_id
    )
    assert result(await world.messenger.shown(MEGAFON)) == "GENUINE"
    assert result(await world.messenger.shown(MTS)) == "SUPERSEDED"


async def test_an_account_may_hold_two_numbers(world: World) -> None:
    await world.messenger.sign_up(MTS)
    await world.messenger.sign_up(MEGAFON)
    assert result(await world.messenger.shown(MTS)) == "GENUINE"
    assert result(await world.messenger.shown(MEGAFON)) == "GENUINE"
    listed = await world.messenger.binding.ListBindings(
        binding_pb2.ListBindingsRequest(account_id="alice", page_size=1), metadata=world.messenger.metadata
    )
    assert len(listed.bindings) == 1
    rest = await world.messenger.binding.ListBindings(
        binding_pb2.ListBindingsRequest(account_id="alice", page_token=listed.next_page_token),
        metadata=world.messenger.metadata,
    )
    assert len(rest.bindings) == 1
    assert not rest.next_page_token


async def test_two_right_codes_at_once_make_one_binding_and_one_leaf(world: World) -> None:
    opened = await world.messenger.start(MTS)
    code = await world.messenger.code(MTS)
    answers = await asyncio.gather(*(world.messenger.check(opened.verification_id, code) for _ in range(8)))
    assert {state(answer.verification) for answer in answers} == {"VERIFIED"}
    assert len({answer.verification.binding_id for answer in answers}) == 1
    assert len({answer.verification.bundle.sd_jwt for answer in answers}) == 1
    assert await world.messenger.log_size() == 1


async def test_of_two_accounts_that_race_for_a_number_one_wins_and_one_is_contested(world: World) -> None:
    first, second = await asyncio.gather(world.messenger.start(MTS, "alice"), world.messenger.start(MTS, "bob"))
    texts = [text.split()[0] for text in await world.messenger.inbox(MTS)]
    offers = [
        world.messenger.check(opened.verification_id, code) for opened, code in zip((first, second), texts, strict=True)
    ]
    answers = list(await asyncio.gather(*offers))
    if not all(answer.code_result == verification_pb2.CODE_RESULT_MATCH for answer in answers):
        # The two texts came in the other order.
        others = (
            world.messenger.check(first.verification_id, texts[1]),
            world.messenger.check(second.verification_id, texts[0]),
        )
        answers = list(await asyncio.gather(*others))
    assert sorted(state(answer.verification) for answer in answers) == ["CONTESTED", "VERIFIED"]
    assert await world.messenger.log_size() == 1


async def test_the_log_proves_every_leaf_and_grows_consistently(world: World) -> None:
    numbers = [f"+791612345{digits:02d}" for digits in (67, 68, 69, 71, 73)]
    old = None
    for number in numbers:
        verified = await world.messenger.sign_up(number, number)
        assert state(verified) == "VERIFIED"
        checkpoint = await world.messenger.transparency.GetCheckpoint(transparency_pb2.GetCheckpointRequest())
        if old is not None:
            answer = await world.messenger.transparency.GetConsistencyProof(
                transparency_pb2.GetConsistencyProofRequest(old_size=old.tree_size, new_size=checkpoint.tree_size)
            )
            proof.verify_consistency(
                old.tree_size, old.root_hash, checkpoint.tree_size, checkpoint.root_hash, list(answer.hashes)
            )
        old = checkpoint
    assert old is not None
    for index in range(old.tree_size):
        found = await world.messenger.transparency.GetInclusionProof(
            transparency_pb2.GetInclusionProofRequest(leaf_index=index)
        )
        proof.verify_inclusion(found.leaf_hash, index, old.tree_size, list(found.hashes), old.root_hash)


async def test_the_server_judges_a_bundle_as_the_offline_verifier_does(world: World) -> None:
    verified = await world.messenger.sign_up(MTS)
    good = await world.messenger.transparency.VerifyAttestation(
        transparency_pb2.VerifyAttestationRequest(bundle_json=verified.bundle.bundle_json)
    )
    assert good.outcome == transparency_pb2.VERIFY_OUTCOME_VALID
    assert good.leaf_index == 0
    altered = verified.bundle.bundle_json.replace(b'"sd_jwt": "e', b'"sd_jwt": "e ')
    broken = verified.bundle.bundle_json.replace(b'"sd_jwt": "e', b'"sd_jwt": "f')
    for bad in {altered, broken} - {verified.bundle.bundle_json}:
        answer = await world.messenger.transparency.VerifyAttestation(
            transparency_pb2.VerifyAttestationRequest(bundle_json=bad)
        )
        assert answer.outcome == transparency_pb2.VERIFY_OUTCOME_INVALID
