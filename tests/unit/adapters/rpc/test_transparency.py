import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fakes.attestation_issuer import DAY, ISSUER, NOW, ORIGIN, Issuer, sample_claims, sample_disclosed
from fakes.clock import FakeClock
from fakes.holder import AUDIENCE, NONCE, Holder
from fakes.log_store import FakeLogStore, record_of
from fakes.rpc import failure, serving
from numseal.adapters.rpc.handlers import add_handlers
from numseal.adapters.rpc.transparency import MAX_BUNDLE, VERIFIERS, TransparencyService, TransparencyUseCases
from numseal.api.transparency.v1 import transparency_pb2 as pb
from numseal.api.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub
from numseal.api.verification.v1 import assurance_pb2
from numseal.attestation import jwk, sd_jwt
from numseal.attestation.bundle import Bundle
from numseal.attestation.entry import Entry, EntryKind, attestation_entry, format_entry
from numseal.attestation.presentation import presentation
from numseal.attestation.public_keys import PublicKeys
from numseal.tlog import note, tlog_proof
from numseal.tlog.checkpoint import open_checkpoint
from numseal.tlog.hashing import leaf_hash
from numseal.tlog.proof import root_at, verify_consistency, verify_inclusion
from numseal.usecases.read_log import DEFAULT_PAGE, MAX_PAGE, ReadLog
from numseal.usecases.verify_attestation import Verified, VerifyAttestation

if TYPE_CHECKING:  # the stubs' name for what TransparencyServiceStub makes of an aio channel
    from numseal.api.transparency.v1.transparency_pb2_grpc import TransparencyServiceAsyncStub

SIZE = 11
JTI = "a" * 32
BIG = 2**63 - 1


def entry(index: int) -> bytes:
    if index % 5 == 4:
        return format_entry(Entry(EntryKind.KEY_MANIFEST, index.to_bytes(32, "big")))
    return attestation_entry(b"signing input %d" % index)


ENTRIES = [entry(index) for index in range(SIZE)]


@dataclass
class World:
    """A log with SIZE entries, its issuer, and a stub."""

    issuer: Issuer
    store: FakeLogStore
    clock: FakeClock
    stub: "TransparencyServiceAsyncStub"

    @property
    def keys(self) -> PublicKeys:
        return self.issuer.public_keys()

    async def verify(self, bundle: bytes, **asked: str) -> pb.VerifyAttestationResponse:
        return await self.stub.VerifyAttestation(pb.VerifyAttestationRequest(bundle_json=bundle, **asked))


@asynccontextmanager
async def world_of(entries: list[bytes], *, published: int = -1, **keys: Any) -> AsyncIterator[World]:
    issuer = Issuer.make()
    store = FakeLogStore(entries, issuer.log_key, ORIGIN, published=published)
    clock = FakeClock(NOW)
    public = issuer.public_keys(**keys)
    use = TransparencyUseCases(ReadLog(store=store), VerifyAttestation(keys=public, clock=clock))
    async with stub_of(TransparencyService(use, public)) as stub:
        yield World(issuer, store, clock, stub)


@asynccontextmanager
async def stub_of(service: TransparencyService) -> AsyncIterator["TransparencyServiceAsyncStub"]:
    described = pb.DESCRIPTOR.services_by_name["TransparencyService"]
    async with serving(lambda server: add_handlers(server, described, service)) as channel:
        yield TransparencyServiceStub(channel)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with world_of(ENTRIES) as made:
        yield made


async def test_the_keys_are_those_in_use(world: World) -> None:
    answer = await world.stub.GetKeys(pb.GetKeysRequest())
    assert (answer.issuer, answer.origin, answer.HasField("manifest")) == (ISSUER, ORIGIN, False)
    attestation, log = answer.keys
    assert (attestation.use, attestation.state) == (pb.KEY_USE_ATTESTATION, pb.KEY_STATE_ACTIVE)
    assert (attestation.key_id, attestation.verifier_key) == (world.issuer.kid, "")
    read = jwk.load_p256(json.loads(attestation.jwk))
    assert read.public_numbers() == world.issuer.attestation_key.public_key().public_numbers()
    assert (log.use, log.state, log.verifier_key) == (pb.KEY_USE_LOG, pb.KEY_STATE_ACTIVE, world.keys.log_vkey)
    assert log.key_id == note.parse_vkey(log.verifier_key).key_id.hex()
    assert json.loads(log.jwk).keys() == {"kty", "crv", "x"}


async def test_the_checkpoint_is_the_published_head(world: World) -> None:
    answer = await world.stub.GetCheckpoint(pb.GetCheckpointRequest())
    opened = open_checkpoint(answer.checkpoint, world.keys.log_vkey, ORIGIN)
    assert (answer.origin, answer.tree_size, answer.root_hash) == (opened.origin, SIZE, opened.root)
    assert opened.size == SIZE


@pytest.mark.parametrize("index", [0, 4, SIZE - 1])
@pytest.mark.parametrize("arm", ["leaf_index", "attestation_id", "leaf_hash"])
async def test_an_inclusion_proof_holds_however_it_was_asked_for(world: World, index: int, arm: str) -> None:
    world.store.records[JTI] = record_of(JTI, index)
    asked: dict[str, Any] = {"leaf_index": index, "attestation_id": JTI, "leaf_hash": leaf_hash(ENTRIES[index])}
    answer = await world.stub.GetInclusionProof(pb.GetInclusionProofRequest(**{arm: asked[arm]}))
    head = open_checkpoint(answer.checkpoint, world.keys.log_vkey, ORIGIN)
    assert (answer.leaf_index, answer.tree_size, answer.leaf_hash) == (index, head.size, leaf_hash(ENTRIES[index]))
    verify_inclusion(answer.leaf_hash, answer.leaf_index, head.size, list(answer.hashes), head.root)
    proof = tlog_proof.parse(answer.proof)
    assert (proof.index, list(proof.path), proof.checkpoint) == (index, list(answer.hashes), answer.checkpoint)


@pytest.mark.parametrize(
    ("asked", "code", "reason", "field"),
    [
        ({}, "INVALID_ARGUMENT", "ENTRY_REQUIRED", "entry"),
        ({"leaf_index": -1}, "INVALID_ARGUMENT", "LEAF_INDEX_NEGATIVE", "leaf_index"),
        ({"leaf_index": SIZE}, "OUT_OF_RANGE", "LEAF_INDEX_NOT_PUBLISHED", "leaf_index"),
        ({"leaf_index": BIG}, "OUT_OF_RANGE", "LEAF_INDEX_NOT_PUBLISHED", "leaf_index"),
        ({"attestation_id": ""}, "INVALID_ARGUMENT", "ATTESTATION_ID_MALFORMED", "attestation_id"),
        ({"attestation_id": "A" * 32}, "INVALID_ARGUMENT", "ATTESTATION_ID_MALFORMED", "attestation_id"),
        ({"attestation_id": "f" * 32}, "NOT_FOUND", "ATTESTATION_NOT_FOUND", None),
        ({"leaf_hash": b""}, "INVALID_ARGUMENT", "LEAF_HASH_MALFORMED", "leaf_hash"),
        ({"leaf_hash": bytes(33)}, "INVALID_ARGUMENT", "LEAF_HASH_MALFORMED", "leaf_hash"),
        ({"leaf_hash": bytes(32)}, "NOT_FOUND", "LEAF_NOT_FOUND", None),
    ],
)
async def test_an_inclusion_proof_of_nothing_is_refused(
    world: World, asked: dict[str, Any], code: str, reason: str, field: str | None
) -> None:
    found = await failure(world.stub.GetInclusionProof(pb.GetInclusionProofRequest(**asked)))
    assert (found.code.name, found.reason, found.field) == (code, reason, field)
    if code == "OUT_OF_RANGE":
        assert found.info.metadata["tree_size"] == str(SIZE)


async def test_an_entry_behind_the_published_head_does_not_exist() -> None:
    async with world_of(ENTRIES, published=5) as world:
        late = pb.GetInclusionProofRequest(leaf_hash=leaf_hash(ENTRIES[7]))
        assert (await failure(world.stub.GetInclusionProof(late))).reason == "LEAF_NOT_FOUND"
        page = await world.stub.ListEntries(pb.ListEntriesRequest())
        assert (len(page.entries), page.tree_size) == (5, 5)


@pytest.mark.parametrize(("old", "new"), [(1, SIZE), (4, 7), (7, 0), (SIZE, 0), (SIZE, SIZE)])
async def test_a_consistency_proof_holds(world: World, old: int, new: int) -> None:
    answer = await world.stub.GetConsistencyProof(pb.GetConsistencyProofRequest(old_size=old, new_size=new))
    head = open_checkpoint(answer.checkpoint, world.keys.log_vkey, ORIGIN)
    assert (answer.old_size, answer.new_size) == (old, new or SIZE)
    assert head.size == SIZE
    roots = [root_at(size, world.store._node) for size in (old, new or SIZE)]
    verify_consistency(old, roots[0], new or SIZE, roots[1], list(answer.hashes))


@pytest.mark.parametrize(
    ("old", "new", "code", "reason", "field"),
    [
        (0, 0, "INVALID_ARGUMENT", "OLD_SIZE_TOO_SMALL", "old_size"),
        (-1, 5, "INVALID_ARGUMENT", "OLD_SIZE_TOO_SMALL", "old_size"),
        (5, -1, "INVALID_ARGUMENT", "NEW_SIZE_TOO_SMALL", "new_size"),
        (5, 4, "INVALID_ARGUMENT", "NEW_SIZE_TOO_SMALL", "new_size"),
        (5, SIZE + 1, "OUT_OF_RANGE", "SIZE_NOT_PUBLISHED", "new_size"),
        (SIZE + 1, 0, "OUT_OF_RANGE", "SIZE_NOT_PUBLISHED", "old_size"),
        (BIG, BIG, "OUT_OF_RANGE", "SIZE_NOT_PUBLISHED", "new_size"),
    ],
)
async def test_sizes_that_no_two_published_trees_have_are_refused(
    world: World, old: int, new: int, code: str, reason: str, field: str
) -> None:
    request = pb.GetConsistencyProofRequest(old_size=old, new_size=new)
    found = await failure(world.stub.GetConsistencyProof(request))
    assert (found.code.name, found.reason, found.field) == (code, reason, field)


async def test_entries_are_listed_page_by_page(world: World) -> None:
    listed: list[tuple[int, bytes]] = []
    start = 0
    while start < SIZE:
        page = await world.stub.ListEntries(pb.ListEntriesRequest(start_index=start, page_size=4))
        assert len(page.entries) <= 4
        listed += [(item.leaf_index, item.data) for item in page.entries]
        assert page.next_start_index > start
        start = page.next_start_index
    assert listed == list(enumerate(ENTRIES))
    end = await world.stub.ListEntries(pb.ListEntriesRequest(start_index=SIZE))
    assert (list(end.entries), end.next_start_index, end.tree_size) == ([], SIZE, SIZE)


async def test_entries_of_one_kind_only(world: World) -> None:
    page = await world.stub.ListEntries(pb.ListEntriesRequest(kind=pb.ENTRY_KIND_KEY))
    assert [(item.leaf_index, item.kind) for item in page.entries] == [(4, pb.ENTRY_KIND_KEY), (9, pb.ENTRY_KIND_KEY)]
    assert page.next_start_index == SIZE


async def test_a_page_is_bounded() -> None:
    async with world_of([entry(0)] * (MAX_PAGE + 1)) as world:
        for asked, wanted in ((0, DEFAULT_PAGE), (MAX_PAGE, MAX_PAGE), (2**31 - 1, MAX_PAGE)):
            page = await world.stub.ListEntries(pb.ListEntriesRequest(page_size=asked))
            assert len(page.entries) == wanted


@pytest.mark.parametrize(
    ("asked", "code", "reason", "field"),
    [
        ({"start_index": -1}, "INVALID_ARGUMENT", "START_INDEX_NEGATIVE", "start_index"),
        ({"start_index": SIZE + 1}, "OUT_OF_RANGE", "START_INDEX_NOT_PUBLISHED", "start_index"),
        ({"page_size": -1}, "INVALID_ARGUMENT", "PAGE_SIZE_NEGATIVE", "page_size"),
        ({"kind": 99}, "INVALID_ARGUMENT", "ENTRY_KIND_UNKNOWN", "kind"),
    ],
)
async def test_a_page_that_cannot_be_is_refused(
    world: World, asked: dict[str, Any], code: str, reason: str, field: str
) -> None:
    found = await failure(world.stub.ListEntries(pb.ListEntriesRequest(**asked)))
    assert (found.code.name, found.reason, found.field) == (code, reason, field)


async def test_entries_that_cannot_be_read_are_a_fault_of_the_store(world: World) -> None:
    world.store.unreadable = True
    found = await failure(world.stub.GetInclusionProof(pb.GetInclusionProofRequest(leaf_index=0)))
    assert (found.code, found.reason) == (grpc.StatusCode.UNAVAILABLE, "LOG_UNREADABLE")
    assert found.retry is not None


async def test_a_genuine_bundle_is_valid_and_what_was_not_checked_is_named(world: World) -> None:
    answer = await world.verify(world.issuer.bundle().to_json())
    assert answer.outcome == pb.VERIFY_OUTCOME_VALID
    outcomes = {step.step: step.outcome for step in answer.steps}
    open_steps = {name for name, outcome in outcomes.items() if outcome == pb.STEP_OUTCOME_NOT_CHECKED}
    assert open_steps == {"status", "witnesses", "relying party", "account"}
    assert all(outcomes[name] == pb.STEP_OUTCOME_OK for name in outcomes.keys() - open_steps)
    assert all(step.sentence for step in answer.steps)
    assert answer.attestation_id == sample_claims().jti
    assert answer.assurance_level == assurance_pb2.ASSURANCE_LEVEL_LOW
    assert json.loads(answer.claims_json)["phone_number"] == sample_disclosed().phone_number
    assert (answer.leaf_index, answer.verify_time.seconds) == (5, NOW)


EXPECTED = {"relying_party": "messenger-1", "account_id": "account-1"}


async def test_expectations_that_are_met(world: World) -> None:
    answer = await world.verify(world.issuer.bundle().to_json(), **EXPECTED)
    assert answer.outcome == pb.VERIFY_OUTCOME_VALID
    own = {step.step: step.outcome for step in answer.steps[-2:]}
    assert own == {"relying party": pb.STEP_OUTCOME_OK, "account": pb.STEP_OUTCOME_OK}


@pytest.mark.parametrize(("claim", "step"), [("relying_party", "relying party"), ("account_id", "account")])
async def test_another_account_or_messenger_is_told(world: World, claim: str, step: str) -> None:
    answer = await world.verify(world.issuer.bundle().to_json(), **(EXPECTED | {claim: "another"}))
    assert answer.outcome == pb.VERIFY_OUTCOME_INVALID
    failed = [item for item in answer.steps if item.outcome == pb.STEP_OUTCOME_FAILED]
    assert [item.step for item in failed] == [step]
    assert "another" in failed[0].sentence


async def test_an_expectation_about_what_is_withheld_is_not_met(world: World) -> None:
    bundle = world.issuer.bundle()
    jws = bundle.sd_jwt.partition("~")[0]
    nothing = Bundle(f"{jws}~", bundle.proof, None, bundle.keys)
    assert (await world.verify(nothing.to_json())).outcome == pb.VERIFY_OUTCOME_VALID
    answer = await world.verify(nothing.to_json(), **EXPECTED)
    assert answer.outcome == pb.VERIFY_OUTCOME_INVALID
    assert [item.outcome for item in answer.steps[-2:]] == [pb.STEP_OUTCOME_FAILED] * 2
    assert "not disclosed" in answer.steps[-1].sentence


@pytest.mark.parametrize("bundle", [b"", b"{}", b"\xff\x00", b"[" * 60_000, b'{"sd_jwt":1}', b"x" * 60_000])
async def test_bytes_that_are_no_bundle_are_an_answer(world: World, bundle: bytes) -> None:
    answer = await world.verify(bundle, **EXPECTED)
    assert answer.outcome == pb.VERIFY_OUTCOME_INVALID
    assert (answer.attestation_id, answer.claims_json, answer.HasField("leaf_index")) == ("", "", False)
    assert answer.assurance_level == assurance_pb2.ASSURANCE_LEVEL_UNSPECIFIED
    assert answer.steps[0].outcome == pb.STEP_OUTCOME_FAILED
    # What could not be judged must not read as judged.
    assert {item.outcome for item in answer.steps[1:]} == {pb.STEP_OUTCOME_NOT_CHECKED}


async def test_another_issuers_bundle_is_invalid_and_its_claims_are_not_repeated(world: World) -> None:
    answer = await world.verify(Issuer.make().bundle().to_json(), **EXPECTED)
    assert answer.outcome == pb.VERIFY_OUTCOME_INVALID
    assert (answer.attestation_id, answer.claims_json) == ("", "")
    assert answer.HasField("leaf_index") is False


async def test_an_expired_attestation_keeps_its_claims_and_its_entry(world: World) -> None:
    world.clock.advance(31 * DAY)
    answer = await world.verify(world.issuer.bundle().to_json())
    assert answer.outcome == pb.VERIFY_OUTCOME_OUTSIDE_VALIDITY
    assert answer.attestation_id == sample_claims().jti
    assert answer.leaf_index == 5


async def test_the_gravest_outcome_wins(world: World) -> None:
    world.clock.advance(31 * DAY)
    answer = await world.verify(world.issuer.bundle().to_json(), account_id="another")
    assert answer.outcome == pb.VERIFY_OUTCOME_INVALID


@pytest.mark.parametrize(
    ("asked", "code", "reason", "field"),
    [
        ({}, "INVALID_ARGUMENT", "SUBJECT_REQUIRED", "subject"),
        ({"presentation": ""}, "INVALID_ARGUMENT", "PRESENTATION_REQUIRED", "presentation"),
        ({"presentation": "~" * 16_385}, "INVALID_ARGUMENT", "PRESENTATION_TOO_LARGE", "presentation"),
        ({"presentation": "~", "nonce": "n"}, "INVALID_ARGUMENT", "AUDIENCE_REQUIRED", "audience"),
        ({"presentation": "~", "audience": "a"}, "INVALID_ARGUMENT", "NONCE_REQUIRED", "nonce"),
        ({"presentation": "~", "nonce": "ж" * 128}, "INVALID_ARGUMENT", "NONCE_TOO_LONG", "nonce"),
        ({"presentation": "~", "audience": "a" * 256}, "INVALID_ARGUMENT", "AUDIENCE_TOO_LONG", "audience"),
        (
            {"presentation": "~", "relying_party": "x" * 65},
            "INVALID_ARGUMENT",
            "RELYING_PARTY_TOO_LONG",
            "relying_party",
        ),
        ({"bundle_json": b" " * (MAX_BUNDLE + 1)}, "INVALID_ARGUMENT", "BUNDLE_TOO_LARGE", "bundle_json"),
        ({"bundle_json": b"{}", "nonce": "n"}, "INVALID_ARGUMENT", "KEY_BINDING_NOT_IN_BUNDLE", "nonce"),
        ({"bundle_json": b"{}", "audience": "a"}, "INVALID_ARGUMENT", "KEY_BINDING_NOT_IN_BUNDLE", "audience"),
        (
            {"bundle_json": b"{}", "relying_party": "x" * 65},
            "INVALID_ARGUMENT",
            "RELYING_PARTY_TOO_LONG",
            "relying_party",
        ),
        ({"bundle_json": b"{}", "account_id": "ж" * 128}, "INVALID_ARGUMENT", "ACCOUNT_ID_TOO_LONG", "account_id"),
    ],
)
async def test_what_cannot_be_verified_is_refused(
    world: World, asked: dict[str, Any], code: str, reason: str, field: str
) -> None:
    found = await failure(world.stub.VerifyAttestation(pb.VerifyAttestationRequest(**asked)))
    assert (found.code.name, found.reason, found.field) == (code, reason, field)


HOLDER = Holder.make()


async def presented(world: World, text: str, **asked: Any) -> pb.VerifyAttestationResponse:
    return await world.stub.VerifyAttestation(pb.VerifyAttestationRequest(presentation=text, **asked))


async def test_a_genuine_presentation_is_valid_without_log_and_status(world: World) -> None:
    text = HOLDER.present(presentation(world.issuer.attestation(claims=HOLDER.claims()), {"phone_number"}))
    answer = await presented(world, text, nonce=NONCE, audience=AUDIENCE)
    assert answer.outcome == pb.VERIFY_OUTCOME_VALID
    outcomes = {step.step: step.outcome for step in answer.steps}
    assert outcomes["key binding"] == pb.STEP_OUTCOME_OK
    assert outcomes["log inclusion"] == outcomes["status"] == pb.STEP_OUTCOME_NOT_CHECKED
    assert answer.attestation_id == HOLDER.claims().jti
    assert json.loads(answer.claims_json)["phone_number"] == sample_disclosed().phone_number
    assert answer.HasField("leaf_index") is False


@pytest.mark.parametrize("asked", [{"nonce": "another", "audience": AUDIENCE}, {"nonce": NONCE, "audience": "another"}])
async def test_a_presentation_for_somebody_else_is_an_answer(world: World, asked: dict[str, str]) -> None:
    text = HOLDER.present(world.issuer.attestation(claims=HOLDER.claims()))
    answer = await presented(world, text, **asked)
    assert (answer.outcome, answer.claims_json) == (pb.VERIFY_OUTCOME_INVALID, "")
    failed = [step.step for step in answer.steps if step.outcome == pb.STEP_OUTCOME_FAILED]
    assert failed == ["key binding"]


async def test_a_key_bound_presentation_is_not_judged_without_its_nonce(world: World) -> None:
    bare = world.issuer.attestation(claims=HOLDER.claims())
    request = pb.VerifyAttestationRequest(presentation=HOLDER.present(bare))
    found = await failure(world.stub.VerifyAttestation(request))
    assert (found.code.name, found.reason, found.field) == ("INVALID_ARGUMENT", "NONCE_REQUIRED", "nonce")
    # Without its KB-JWT it is refused, whatever was demanded.
    for asked in ({}, {"nonce": NONCE, "audience": AUDIENCE}):
        answer = await presented(world, bare, **asked)
        assert answer.outcome == pb.VERIFY_OUTCOME_INVALID
        assert any("no KB-JWT" in step.sentence for step in answer.steps)


async def test_what_a_presentation_withholds_meets_no_expectation(world: World) -> None:
    text = world.issuer.attestation(claims=sample_claims(confirmation_jwk=None))
    assert (await presented(world, text, **EXPECTED)).outcome == pb.VERIFY_OUTCOME_VALID
    withheld = await presented(world, presentation(text, {"account_id"}), **EXPECTED)
    assert withheld.outcome == pb.VERIFY_OUTCOME_INVALID
    assert [item.outcome for item in withheld.steps[-2:]] == [pb.STEP_OUTCOME_FAILED, pb.STEP_OUTCOME_OK]


@pytest.mark.parametrize("text", ["~", "a.b.c~", "no presentation", "é~", "\x00"])
async def test_text_that_is_no_presentation_is_an_answer(world: World, text: str) -> None:
    answer = await presented(world, text, **EXPECTED)
    assert (answer.outcome, answer.claims_json) == (pb.VERIFY_OUTCOME_INVALID, "")


async def test_a_bundle_of_very_many_values_is_not_even_parsed(world: World) -> None:
    answer = await world.verify(b'{"a":[' + b"{}," * 20_000 + b"{}]}")
    assert answer.outcome == pb.VERIFY_OUTCOME_INVALID
    assert any("10000 names and values" in step.sentence for step in answer.steps)


class Slow(VerifyAttestation):
    """Begins and then waits to be let go; counts how many are at it, in which threads."""

    def __init__(self, keys: PublicKeys) -> None:
        super().__init__(keys=keys, clock=FakeClock(NOW))
        self.release = threading.Event()
        self.begun = threading.Semaphore(0)
        self.threads: list[threading.Thread] = []

    def __call__(self, bundle: bytes, *, relying_party: str = "", account_id: str = "") -> Verified:
        self.threads.append(threading.current_thread())
        self.begun.release()
        self.release.wait(30)
        return super().__call__(bundle, relying_party=relying_party, account_id=account_id)


async def test_verifications_hold_up_nobody_and_few_run_at_a_time() -> None:
    issuer = Issuer.make()
    keys = issuer.public_keys()
    slow = Slow(keys)
    use = TransparencyUseCases(ReadLog(store=FakeLogStore(ENTRIES, issuer.log_key, ORIGIN)), slow)
    async with stub_of(TransparencyService(use, keys)) as stub:
        request = pb.VerifyAttestationRequest(bundle_json=issuer.bundle().to_json())
        calls = [stub.VerifyAttestation(request) for _ in range(3 * VERIFIERS)]
        try:
            for _ in range(VERIFIERS):
                assert await asyncio.to_thread(slow.begun.acquire, timeout=10)
            # Everything else is answered meanwhile.
            assert (await stub.GetCheckpoint(pb.GetCheckpointRequest(), timeout=10)).tree_size == SIZE
            assert len(slow.threads) == VERIFIERS
        finally:
            slow.release.set()
        answers = await asyncio.gather(*calls)
    assert [item.outcome for item in answers] == [pb.VERIFY_OUTCOME_VALID] * len(calls)
    assert threading.main_thread() not in slow.threads


async def test_status_lists_are_not_served(world: World) -> None:
    found = await failure(world.stub.GetStatusList(pb.GetStatusListRequest(uri="https://numseal.test/status/1")))
    assert (found.code, found.reason) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_SERVED")


async def test_unusable_keys_of_the_server_are_its_own_fault() -> None:
    # A key for cosignatures is well formed, and no key that a log signs with.
    cosigner = note.verifier_key(ORIGIN, Ed25519PrivateKey.generate(), note.COSIGNATURE_V1).text()
    async with world_of(ENTRIES, log_vkey=cosigner) as world:
        bundle = pb.VerifyAttestationRequest(bundle_json=world.issuer.bundle().to_json())
        found = await failure(world.stub.VerifyAttestation(bundle))
    assert (found.code, found.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")


def test_no_disclosure_is_left_in_a_bare_sd_jwt() -> None:
    """Guards the test above that withholds everything: what it builds must be an SD-JWT."""
    text = Issuer.make().bundle().sd_jwt.partition("~")[0] + "~"
    assert sd_jwt.split(text).disclosures == ()
