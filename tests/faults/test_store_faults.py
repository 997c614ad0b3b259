"""The SQLite store against real trouble: kills, full disks, other processes.

A kill keeps the page cache, so it shows nothing about what a power cut would leave; that is for a replay of un-synced
writes. What is shown here: nothing acknowledged is lost, and the log neither shrinks nor forks.
"""

import asyncio
import hashlib
import multiprocessing
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fakes import killed_writer
from fakes.store_kit import StoreKit
from fakes.store_rows import PARTY, binding, entry_of, issue, name_of, record
from numseal.adapters.store.sealing import StoreKeys
from numseal.adapters.store.sqlite_engine import SqliteEngine
from numseal.adapters.store.store import DurableStore
from numseal.ports.store import StoreError
from numseal.tlog.hashing import leaf_hash
from numseal.tlog.proof import verify_consistency, verify_inclusion

KILLS = 24
SECRET = hashlib.sha256(b"a key for tests").digest()
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["fakes.killed_writer"])


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[StoreKit]:
    kit = StoreKit(tmp_path, keys=StoreKeys(SECRET), log_key=Ed25519PrivateKey.from_private_bytes(SECRET))
    yield kit
    await kit.close_all()


def write_and_kill(directory: Path, first: int, answers: int) -> list[tuple[int, int, int, int, bytes]]:
    """Let a process write until it has told of so many answers, kill it, and return all it told."""
    receiving, sending = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=killed_writer.run, args=(directory, SECRET, first, sending))
    process.start()
    sending.close()
    told: list[tuple[int, int, int, int, bytes]] = []
    try:
        while len(told) < answers:
            told.append(receiving.recv())
        process.kill()
        while True:
            told.append(receiving.recv())
    except EOFError:
        pass
    finally:
        process.kill()
        process.join()
        receiving.close()
    assert len(told) >= answers, "the writer ended by itself"
    return told


async def test_kills_lose_nothing_acknowledged_and_never_fork_the_log(kit: StoreKit) -> None:
    size, root, first, most = 0, hashlib.sha256(b"").digest(), 0, 0
    for kill in range(KILLS):
        told = await asyncio.to_thread(write_and_kill, kit.directory, first, 1 + kill * 37 % 90)
        store = await kit.open()
        now = store.published()
        # Every head that was told of, in order, leads to the next and at last to the present one.
        heads = dict.fromkeys((told_size, told_root) for _, _, _, told_size, told_root in told)
        for told_size, told_root in (*heads, (now.size, now.root)):
            assert told_size >= size
            verify_consistency(size, root, told_size, told_root, await store.consistency(size, told_size))
            size, root = told_size, told_root
        await _nothing_followed_is_missing(store, told)
        for number, index, *_ in told:
            assert await store.binding(name_of(number, "b")) == binding(number, leaf_index=index)
            assert await store.attestation(name_of(number, "c")) == record(number, leaf_index=index)
            leaf = await store.leaf(index, 0)
            verify_inclusion(leaf_hash(entry_of(number)), index, now.size, leaf.path, now.root)
        most = max(most, *(number for number, *_ in told))
        # Numbers behind the acknowledged ones may have been written and not told of.
        first = most + 10 * killed_writer.WRITERS
        await store.close()
    assert size > KILLS


async def _nothing_followed_is_missing(store: DurableStore, told: list[tuple[int, int, int, int, bytes]]) -> None:
    """Each acknowledged command made one change and moved the cursor on by one, together or not at all."""
    purged, newest = store.change_bounds()
    changes = await store.changes(PARTY, 0, newest + 1)
    assert purged == 0
    assert [change.sequence for change in changes] == list(range(1, newest + 1))
    assert await store.cursor(killed_writer.STREAM) == str(newest)
    bound = {change.binding.binding_id: change for change in changes}
    for number, index, cursor, _, _ in told:
        assert cursor <= newest
        change = bound[name_of(number, "b")]
        assert (change.sequence, change.binding) == (cursor, binding(number, leaf_index=index))


async def test_a_running_process_keeps_others_out(kit: StoreKit) -> None:
    receiving, sending = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=killed_writer.run, args=(kit.directory, SECRET, 0, sending))
    process.start()
    sending.close()
    try:
        await asyncio.to_thread(receiving.recv)
        with pytest.raises(StoreError, match="in use by another process") as refused:
            await kit.open()
        assert refused.value.reason == "DATABASE_IN_USE"
    finally:
        process.kill()
        process.join()
        receiving.close()


async def test_files_that_cannot_grow_fail_commands_and_not_the_service(kit: StoreKit) -> None:
    receiving, sending = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=killed_writer.limit_file_size, args=(kit.directory, SECRET, 900_000, sending))
    process.start()
    sending.close()
    try:
        reason, unknown, applied, published = await asyncio.to_thread(receiving.recv)
        assert (reason, unknown, published) == ("STORAGE_FAILED", False, applied)
        assert applied > 10
        readable, index = await asyncio.to_thread(receiving.recv)
        assert (readable, index) == (applied, applied)
    finally:
        process.join(20)
        process.kill()
        receiving.close()
    assert (await kit.open()).published().size == applied + 1


async def test_a_full_database_fails_commands_and_not_the_service(kit: StoreKit) -> None:
    store = await kit.open()
    connection = _writing(store)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 8}")
    number = 0
    full = None
    while full is None:
        try:
            await store.apply(issue(number))
            number += 1
        except StoreError as error:
            full = error
    assert (full.reason, full.unknown) == ("STORAGE_FULL", False)
    assert number > 0
    assert await store.binding(name_of(0, "b")) is not None
    assert await store.binding(name_of(number, "b")) is None
    assert store.published().size == number
    connection.execute("PRAGMA max_page_count = 1000000")
    await store.ready()
    assert (await store.apply(issue(number))).value == number


async def test_a_foreign_writer_is_waited_for_and_then_told(kit: StoreKit) -> None:
    """Somebody's sqlite3 shell holds the write lock."""
    store = await kit.open()
    await store.apply(issue(1))
    _writing(store).execute("PRAGMA busy_timeout = 50")
    shell = sqlite3.connect(kit.path, isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError) as busy:
        await store.apply(issue(2))
    assert (busy.value.reason, busy.value.unknown) == ("STORAGE_BUSY", False)
    shell.execute("ROLLBACK")
    shell.close()
    assert (await store.apply(issue(2))).value == 1


async def test_a_commit_whose_sync_failed_is_settled_by_a_further_one(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await kit.open()
    await store.apply(issue(1))
    engine = _engine(store)
    in_thread = engine._in_thread

    async def failing(call: object, *arguments: object) -> None:
        monkeypatch.setattr(engine, "_in_thread", in_thread)
        await engine.rollback()
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
        raise error

    monkeypatch.setattr(engine, "_in_thread", failing)
    with pytest.raises(StoreError) as failed:
        await store.apply(issue(2))
    assert (failed.value.reason, failed.value.unknown) == ("STORAGE_FAILED", False)

    async def losing_the_answer(call: object, *arguments: object) -> None:
        monkeypatch.setattr(engine, "_in_thread", in_thread)
        await in_thread(engine._db.execute, "COMMIT")
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
        raise error

    monkeypatch.setattr(engine, "_in_thread", losing_the_answer)
    assert (await store.apply(issue(3))).value == 1
    assert _writing(store).execute("SELECT fence FROM head").fetchone() == (2,)
    assert (await store.apply(issue(4))).value == 2


def _engine(store: DurableStore) -> SqliteEngine:
    engine = store._engine
    assert isinstance(engine, SqliteEngine)
    return engine


def _writing(store: DurableStore) -> sqlite3.Connection:
    return _engine(store)._db
