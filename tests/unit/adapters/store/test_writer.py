"""The writer's order and its ways out of trouble, over an engine that can be made to fail."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fakes.memory_engine import MemoryEngine
from fakes.store_kit import StoreKit
from fakes.store_rows import PARTY, Do, entry_of, issue, name_of, put, record, subject_of, verification
from numseal.adapters.store import publisher, writer
from numseal.adapters.store.engine import EngineError
from numseal.adapters.store.store import DurableStore
from numseal.domain.errors import Refusal, precondition
from numseal.ports.store import Needs, Rows, StoreError
from numseal.tlog.checkpoint import Checkpoint, open_checkpoint

FULL = EngineError("STORAGE_FULL", "the disk is full")
REFUSED = EngineError("ROWS_REFUSED", "a row is there already")
UNKNOWN = EngineError("STORAGE_FAILED", "the sync failed", settled=False)


@pytest.fixture
async def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StoreKit]:
    monkeypatch.setattr(publisher, "RETRY_DELAYS", (0, 0))
    monkeypatch.setattr(writer, "PUBLISH_SECONDS", 0.01)
    kit = StoreKit(tmp_path, "memory")
    yield kit
    await kit.close_all()


@pytest.fixture
async def store(kit: StoreKit) -> DurableStore:
    store = await kit.open()
    # The first look for expired rows is done with once a command has been answered.
    await store.apply(Do(Needs(), lambda _: None))
    kit.engine.events.clear()
    return store


def fail_with(engine: MemoryEngine, what: str, error: Exception) -> None:
    engine.trouble[what] = error


async def failure(store: DurableStore, number: int = 1) -> StoreError:
    with pytest.raises(StoreError) as failed:
        await store.apply(issue(number))
    return failed.value


# Order


async def test_a_batch_is_committed_before_its_head_is_signed_and_shown(kit: StoreKit, store: DurableStore) -> None:
    def asked(message: bytes) -> None:
        committed = kit.disk.tables.head
        assert message.decode() == Checkpoint(committed.origin, committed.size, committed.root).body()
        kit.engine.events.append("sign")

    kit.signer.asked = asked
    await store.apply(issue(1))
    assert kit.engine.events[:6] == ["begin", "load", "flush", "commit", "sign", "show"]


async def test_nothing_is_answered_before_the_head_is_signed(kit: StoreKit, store: DurableStore) -> None:
    answered: list[object] = []
    waiting = asyncio.ensure_future(store.apply(issue(1)))
    waiting.add_done_callback(answered.append)
    refused = asyncio.ensure_future(store.apply(Do(Needs(), _refuse)))
    refused.add_done_callback(answered.append)

    def asked(_message: bytes) -> None:
        assert answered == []
        assert store.published().size == 0

    kit.signer.asked = asked
    await asyncio.wait([waiting, refused])
    assert isinstance(refused.exception(), Refusal)
    assert waiting.result().published.size == 1


def _refuse(_rows: Rows) -> None:
    raise precondition("NO", "no")


async def test_commands_that_change_nothing_commit_nothing(kit: StoreKit, store: DurableStore) -> None:
    look = Do(Needs(verifications=(name_of(1),)), lambda rows: rows.verification(name_of(1)))
    applied = await store.apply(look)
    with pytest.raises(Refusal):
        await store.apply(Do(Needs(), _refuse))
    assert applied.published == store.published()
    assert "flush" not in kit.engine.events
    assert "commit" not in kit.engine.events


async def test_what_waits_becomes_one_batch_up_to_the_cap(
    kit: StoreKit, store: DurableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.gather(*(store.apply(issue(number)) for number in range(10)))
    assert kit.engine.events.count("commit") == 1
    monkeypatch.setattr(writer, "BATCH_COMMANDS", 4)
    await asyncio.gather(*(store.apply(issue(number)) for number in range(10, 20)))
    assert kit.engine.events.count("commit") == 4
    assert store.published().size == 20


async def test_rows_without_leaves_are_not_signed_again(kit: StoreKit, store: DurableStore) -> None:
    before = store.published()
    calls = len(kit.signer.calls)
    applied = await store.apply(put(verification(1)))
    assert applied.published == before
    assert len(kit.signer.calls) == calls


# Failing flush and commit


async def test_a_full_disk_fails_the_batch_and_is_over_when_there_is_space(kit: StoreKit, store: DurableStore) -> None:
    fail_with(kit.engine, "flush", FULL)
    failed = await asyncio.gather(store.apply(issue(1)), store.apply(issue(2)), return_exceptions=True)
    for error in failed:
        assert isinstance(error, StoreError)
        assert (error.reason, error.unknown) == ("STORAGE_FULL", False)
    assert store.published().size == 0
    fail_with(kit.engine, "flush", FULL)
    with pytest.raises(StoreError, match="the disk is full"):
        await store.ready()
    await store.ready()
    assert (await store.apply(issue(1))).value == 0


async def test_a_refused_row_has_each_command_tried_alone(kit: StoreKit, store: DurableStore) -> None:
    fail_with(kit.engine, "flush", REFUSED)
    answers = await asyncio.gather(store.apply(issue(1)), store.apply(issue(2)), store.apply(issue(3)))
    assert [answer.value for answer in answers] == [0, 1, 2]
    assert kit.engine.events.count("commit") == 3


async def test_the_command_whose_rows_are_refused_fails_alone(kit: StoreKit, store: DurableStore) -> None:
    await store.apply(issue(1))
    again = Do(Needs(subjects=(subject_of(1),)), lambda rows: rows.attest(record(1), entry_of(1)))
    good, bad = await asyncio.gather(store.apply(issue(2)), store.apply(again), return_exceptions=True)
    assert isinstance(bad, StoreError)
    assert (bad.reason, bad.unknown) == ("ROWS_REFUSED", False)
    assert not isinstance(good, BaseException)
    assert store.published().size == 2


@pytest.mark.parametrize("error", [FULL, EngineError("STORAGE_FAILED", "the write failed")])
async def test_a_commit_that_certainly_failed_is_told_so(
    kit: StoreKit, store: DurableStore, error: EngineError
) -> None:
    fail_with(kit.engine, "commit", error)
    failed = await failure(store)
    assert (failed.reason, failed.unknown) == (error.reason, False)
    assert (await store.apply(issue(1))).value == 0
    assert kit.stops == []


async def test_a_commit_of_unknown_outcome_that_was_applied_is_answered(kit: StoreKit, store: DurableStore) -> None:
    fail_with(kit.engine, "commit", UNKNOWN)
    applied = await store.apply(issue(1))
    assert applied.value == 0
    assert "recover" in kit.engine.events
    assert store.published().size == 1


async def test_a_commit_of_unknown_outcome_that_was_lost_is_told_so(kit: StoreKit, store: DurableStore) -> None:
    kit.engine.loses_commits = True
    fail_with(kit.engine, "commit", UNKNOWN)
    failed = await failure(store)
    assert (failed.reason, failed.unknown) == ("STORAGE_FAILED", False)
    assert (await store.apply(issue(1))).value == 0


async def test_a_commit_that_cannot_be_settled_stops_the_store(kit: StoreKit, store: DurableStore) -> None:
    await store.apply(put(verification(5)))
    fail_with(kit.engine, "commit", UNKNOWN)
    fail_with(kit.engine, "recover", EngineError("STORAGE_FAILED", "the disk is gone"))
    calls = len(kit.signer.calls)
    failed = await asyncio.gather(store.apply(issue(1)), store.apply(issue(2)), return_exceptions=True)
    for error in failed:
        assert isinstance(error, StoreError)
        assert error.unknown
    assert [error.unknown for error in kit.stops] == [True]
    assert len(kit.signer.calls) == calls
    with pytest.raises(StoreError, match="cannot be known"):
        await store.apply(issue(3))
    with pytest.raises(StoreError, match="cannot be known"):
        await store.ready()
    assert await store.verification(name_of(5, "a")) == verification(5)


async def test_a_batch_that_cannot_be_rolled_back_stops_the_store(kit: StoreKit, store: DurableStore) -> None:
    fail_with(kit.engine, "flush", FULL)
    fail_with(kit.engine, "rollback", EngineError("STORAGE_FAILED", "the disk is gone"))
    assert (await failure(store)).unknown
    assert len(kit.stops) == 1


@pytest.mark.parametrize("what", ["begin", "load", "flush", "commit"])
async def test_a_bug_fails_its_batch_and_the_next_goes_on(kit: StoreKit, store: DurableStore, what: str) -> None:
    fail_with(kit.engine, what, RuntimeError("a bug"))
    assert "a bug" in str(await failure(store))
    assert (await store.apply(issue(1))).value == 0


async def test_a_bug_after_the_commit_leaves_the_outcome_unknown(kit: StoreKit, store: DurableStore) -> None:
    fail_with(kit.engine, "show", RuntimeError("a bug"))
    assert (await failure(store)).unknown
    assert (await store.apply(issue(2))).value == 1


async def test_trouble_with_tidying_is_no_commands(
    kit: StoreKit, store: DurableStore, caplog: pytest.LogCaptureFixture
) -> None:
    fail_with(kit.engine, "tidy", FULL)
    with caplog.at_level(logging.WARNING):
        assert (await store.apply(issue(1))).value == 0
    await store.ready()
    assert "could not be tidied" in caplog.text


async def test_a_signature_is_kept_until_it_is_written(kit: StoreKit, store: DurableStore) -> None:
    await store.apply(issue(1))
    store.keep_signature(name_of(1, "c"), b"s" * 64)
    fail_with(kit.engine, "flush", FULL)
    await failure(store, 2)
    await store.apply(issue(2))
    found = await store.attestation(name_of(1, "c"))
    assert found is not None
    assert found.signature == b"s" * 64


# The signer


async def test_changes_are_told_of_when_their_head_is_signed(
    kit: StoreKit, store: DurableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PUBLISH_SECONDS", 3600)
    waiting = asyncio.ensure_future(store.changed(0))
    kit.signer.failures = 3
    await failure(store, 1)
    assert kit.disk.tables.head.change_sequence == 1
    assert store.change_bounds() == (0, 0)
    assert await store.changes(PARTY, 0, 10) == []
    assert not waiting.done()
    await store.apply(issue(2))
    await asyncio.wait_for(waiting, 5)
    assert store.change_bounds() == (0, 2)


async def test_who_waits_for_changes_is_told_that_the_store_stopped(kit: StoreKit, store: DurableStore) -> None:
    waiting = asyncio.ensure_future(store.changed(0))
    await asyncio.sleep(0)
    fail_with(kit.engine, "commit", UNKNOWN)
    fail_with(kit.engine, "recover", EngineError("STORAGE_FAILED", "the disk is gone"))
    await failure(store)
    with pytest.raises(StoreError, match="cannot be known"):
        await asyncio.wait_for(waiting, 5)


async def test_a_signer_that_stumbles_is_asked_again(kit: StoreKit, store: DurableStore) -> None:
    kit.signer.failures = 2
    applied = await store.apply(issue(1))
    assert open_checkpoint(applied.published.checkpoint, kit.vkey).size == 1
    assert len(set(kit.signer.calls[-3:])) == 1


async def test_a_head_that_cannot_be_signed_stays_unpublished_until_it_can(
    kit: StoreKit, store: DurableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PUBLISH_SECONDS", 3600)
    old = store.published()
    kit.signer.failures = 3
    failed = await failure(store, 1)
    assert (failed.reason, failed.unknown) == ("SIGNER_FAILED", True)
    assert kit.disk.tables.head.size == 1
    assert store.published() == old
    assert await store.attestation(name_of(1, "c")) is None
    assert await store.entries(0, 1) is None
    kit.signer.failures = 3
    with pytest.raises(StoreError) as second:
        await store.apply(issue(2))
    assert (second.value.reason, second.value.unknown) == ("SIGNER_FAILED", False)
    assert kit.disk.tables.head.size == 1
    applied = await store.apply(issue(2))
    assert (applied.value, applied.published.size) == (1, 2)
    assert await store.attestation(name_of(1, "c")) is not None
    sizes = [Checkpoint.parse(message.decode()).size for message in kit.signer.calls]
    assert sizes == sorted(sizes)


async def test_an_unpublished_head_is_tried_again_without_any_command(kit: StoreKit, store: DurableStore) -> None:
    kit.signer.failures = 4
    await failure(store)
    async with asyncio.timeout(10):
        while store.published().size == 0:  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.005)
    await store.ready()


async def test_an_unpublished_head_is_published_on_the_next_start(kit: StoreKit, store: DurableStore) -> None:
    kit.signer.failures = 100
    await failure(store)
    await store.close()
    kit.signer.failures = 0
    again = await kit.open()
    assert again.published().size == 1
    assert open_checkpoint(again.published().checkpoint, kit.vkey).root == kit.disk.tables.head.root


# Cancelling


async def test_a_cancelled_wait_is_not_answered_and_does_not_hinder_others(store: DurableStore) -> None:
    waiting = [asyncio.ensure_future(store.apply(issue(number))) for number in range(3)]
    refused = asyncio.ensure_future(store.apply(Do(Needs(), _refuse)))
    await asyncio.sleep(0)
    waiting[1].cancel()
    refused.cancel()
    assert (await waiting[2]).value == 2
    assert waiting[1].cancelled()
