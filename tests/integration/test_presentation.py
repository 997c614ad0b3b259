"""An account presents its attestation: judged over real gRPC, from the sign-up to every way of faking it."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fakes.messenger import answers, codes, result
from fakes.world import World
from numseal.api.verification.v1 import binding_pb2, verification_pb2
from numseal.attestation import jwk, jws, key_binding
from numseal.attestation.presentation import bind, presentation

MTS, MEGAFON = "+79161234567", "+79261234567"
NONCE, AUDIENCE = "n-1", "https://bob.example"


async def attested(world: World, key: ec.EllipticCurvePrivateKey, number: str = MTS, account: str = "alice") -> str:
    """Sign up with a key of the account's and return the attestation."""
    client = verification_pb2.ClientFacts(device_public_key_jwk=json.dumps(jwk.public_jwk(key.public_key())))
    opened = await world.messenger.start(number, account, client=client)
    proof = jws.sign_es256(f"numseal/v1\nkey-proof\n{opened.verification_id}\n".encode(), key)
    answer = await world.messenger.check(opened.verification_id, await world.messenger.code(number), proof)
    return answer.verification.bundle.sd_jwt


def presented(
    world: World, text: str, key: ec.EllipticCurvePrivateKey, *, nonce: str = NONCE, disclose: set[str] | None = None
) -> str:
    """Make a presentation, as the account does."""
    bare = presentation(text, disclose or set())
    signing_input = key_binding.signing_input(bare, nonce=nonce, audience=AUDIENCE, issued_at=world.clock.now())
    return bind(bare, signing_input, jws.sign_es256(signing_input, key))


async def shown(world: World, text: str, account: str = "alice", **fields: object) -> binding_pb2.CheckNumberResponse:
    values: dict[str, object] = {"nonce": NONCE, "audience": AUDIENCE, **fields}
    request = binding_pb2.CheckNumberRequest(account_id=account, presentation=text, **values)  # type: ignore[arg-type]
    return await world.messenger.binding.CheckNumber(request, metadata=world.messenger.metadata)


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


async def test_a_presentation_that_discloses_nothing_is_the_accounts_own(
    world: World, key: ec.EllipticCurvePrivateKey
) -> None:
    answer = await shown(world, presented(world, await attested(world, key), key))
    assert result(answer) == "GENUINE"
    assert answer.binding_id


async def test_every_way_of_faking_is_named(world: World, key: ec.EllipticCurvePrivateKey) -> None:
    text = await attested(world, key)
    thief = ec.generate_private_key(ec.SECP256R1())
    good = presented(world, text, key, disclose={"phone_number"})
    signed, disclosure, *rest = good.split("~")
    altered = "~".join((signed, disclosure.swapcase(), *rest))
    fakes = {
        "PRESENTATION_ALTERED": (altered, {}),
        "KEY_BINDING_MISSING": (presentation(text, set()), {}),
        "KEY_BINDING_WRONG": (presented(world, text, thief), {}),
        "PRESENTATION_OF_ANOTHER_ACCOUNT": (good, {"account": "mallory"}),
    }
    for finding, (fake, fields) in fakes.items():
        answer = await shown(world, fake, **fields)
        assert (result(answer), codes(answer)) == ("SPOOFED", {finding})
    replayed = await shown(world, good, nonce="n-2")
    assert (result(replayed), codes(replayed)) == ("SPOOFED", {"KEY_BINDING_WRONG"})


async def test_another_messenger_learns_no_more_than_that_it_is_not_its_own(
    world: World, key: ec.EllipticCurvePrivateKey
) -> None:
    good = presented(world, await attested(world, key), key)
    request = binding_pb2.CheckNumberRequest(account_id="alice", presentation=good, nonce=NONCE, audience=AUDIENCE)
    answer = await world.other.binding.CheckNumber(request, metadata=world.other.metadata)
    assert (result(answer), codes(answer)) == ("SPOOFED", {"PRESENTATION_FOR_ANOTHER_RELYING_PARTY"})


async def test_what_became_of_the_binding_counts(world: World, key: ec.EllipticCurvePrivateKey) -> None:
    first = await attested(world, key)
    second = await attested(world, key)
    superseded = await shown(world, presented(world, first, key))
    assert result(superseded) == "SUPERSEDED"
    alive = await shown(world, presented(world, second, key))
    assert result(alive) == "GENUINE"
    request = binding_pb2.RevokeBindingRequest(
        binding_id=alive.binding_id, reason=binding_pb2.REVOCATION_REASON_NUMBER_RELEASED
    )
    await world.messenger.binding.RevokeBinding(request, metadata=world.messenger.metadata)
    assert result(await shown(world, presented(world, second, key))) == "REVOKED"


async def test_an_attestation_past_its_end_is_stale(world: World, key: ec.EllipticCurvePrivateKey) -> None:
    text = await attested(world, key)
    world.clock.advance(31 * 86_400)
    assert result(await shown(world, presented(world, text, key))) == "STALE"


async def test_a_batch_takes_numbers_and_presentations(world: World, key: ec.EllipticCurvePrivateKey) -> None:
    good = presented(world, await attested(world, key), key)
    request = binding_pb2.BatchCheckNumbersRequest(
        requests=[
            binding_pb2.CheckNumberRequest(account_id="alice", phone_number=MTS),
            binding_pb2.CheckNumberRequest(account_id="alice", presentation=good, nonce=NONCE, audience=AUDIENCE),
            binding_pb2.CheckNumberRequest(account_id="alice", presentation=good),
            binding_pb2.CheckNumberRequest(account_id="alice", phone_number=MEGAFON),
        ]
    )
    answer = await world.messenger.binding.BatchCheckNumbers(request, metadata=world.messenger.metadata)
    found = [result(item.response) if item.HasField("response") else item.error.field for item in answer.results]
    assert found == ["GENUINE", "GENUINE", "nonce", "SPOOFED"]


async def test_a_nonce_is_asked_for(world: World, key: ec.EllipticCurvePrivateKey) -> None:
    good = presented(world, await attested(world, key), key)
    with answers("INVALID_ARGUMENT", "NONCE_REQUIRED", "nonce"):
        await shown(world, good, nonce="")
