"""The SQLite file: its making, its checks, and what may be read in it by others."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine

from fakes.store_kit import StoreKit
from fakes.store_rows import PARTY, Do, binding, issue, name_of, phone_of, put, subject_of, verification, watched
from numseal.adapters.store import sqlite_engine, sqlite_file
from numseal.adapters.store.migrations.run import is_older, migrate
from numseal.adapters.store.schema import METADATA, REVISION
from numseal.adapters.store.store import DurableStore
from numseal.domain.limits import Budget
from numseal.domain.velocity import number_of_account
from numseal.domain.verdict import Finding, Severity
from numseal.ports.store import Needs, Recall, Rows, StoreError


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[StoreKit]:
    kit = StoreKit(tmp_path)
    yield kit
    await kit.close_all()


async def refusal(kit: StoreKit) -> StoreError:
    with pytest.raises(StoreError) as refused:
        await kit.open()
    assert str(kit.path) in str(refused.value)
    return refused.value


def engine_of(store: DurableStore) -> sqlite_engine.SqliteEngine:
    engine = store._engine
    assert isinstance(engine, sqlite_engine.SqliteEngine)
    return engine


# Opening


async def test_files_are_the_owners_alone(kit: StoreKit) -> None:
    store = await kit.open()
    await store.apply(issue(1))
    modes = {path.name: path.stat().st_mode & 0o777 for path in kit.directory.iterdir()}
    assert {"numseal.db", "numseal.db-wal", "numseal.db-shm", "numseal.db.lock"} <= set(modes)
    assert set(modes.values()) == {0o600}


async def test_a_second_opening_is_refused_until_the_first_is_closed(kit: StoreKit) -> None:
    store = await kit.open()
    assert (await refusal(kit)).reason == "DATABASE_IN_USE"
    await store.apply(issue(1))
    await store.close()
    assert (await kit.open()).published().size == 1


async def test_a_refused_opening_lets_go_of_the_lock(kit: StoreKit) -> None:
    kit.path.write_bytes(b"this is no database" * 100)
    await refusal(kit)
    kit.path.unlink()
    await kit.open()


async def test_a_file_that_is_no_database_is_named_and_kept(kit: StoreKit) -> None:
    kit.path.write_bytes(b"this is no database" * 100)
    error = await refusal(kit)
    assert error.reason == "STORAGE_CORRUPT"
    assert "is not an SQLite database" in str(error)
    assert kit.path.read_bytes() == b"this is no database" * 100


async def test_another_programs_database_is_named_and_kept(kit: StoreKit) -> None:
    with sqlite3.connect(kit.path) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    connection.close()
    before = kit.path.read_bytes()
    assert (await refusal(kit)).reason == "DATABASE_FOREIGN"
    assert kit.path.read_bytes() == before


async def test_a_newer_schema_is_named_and_kept(kit: StoreKit) -> None:
    await (await kit.open()).close()
    with sqlite3.connect(kit.path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = kit.path.read_bytes()
    error = await refusal(kit)
    assert error.reason == "DATABASE_NEWER"
    assert "9999" in str(error)
    assert REVISION in str(error)
    assert kit.path.read_bytes() == before


async def test_a_damaged_database_is_named(kit: StoreKit) -> None:
    store = await kit.open()
    await asyncio.gather(*(store.apply(issue(number)) for number in range(300)))
    await store.close()
    whole = kit.path.read_bytes()
    kit.path.write_bytes(whole[:100] + b"\xff" * 4000 + whole[4100:])
    assert (await refusal(kit)).reason == "STORAGE_CORRUPT"
    kit.path.write_bytes(whole[: len(whole) // 2])
    assert (await refusal(kit)).reason == "STORAGE_CORRUPT"


async def test_a_database_without_a_head_is_named(kit: StoreKit) -> None:
    await (await kit.open()).close()
    with sqlite3.connect(kit.path) as connection:
        connection.execute("DELETE FROM head")
    connection.close()
    assert "has no head row" in str(await refusal(kit))


async def test_a_path_in_no_directory_is_named(kit: StoreKit) -> None:
    kit.directory = kit.directory / "nowhere"
    error = await refusal(kit)
    assert error.reason == "STORAGE_FAILED"
    assert "No such file or directory" in str(error)


async def test_a_directory_is_no_database(kit: StoreKit) -> None:
    kit.path.mkdir()
    assert (await refusal(kit)).reason == "STORAGE_FAILED"


# Schema


def test_the_migrations_make_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "numseal.db"
    migrate(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert context.get_current_revision() == REVISION
        assert compare_metadata(context, METADATA) == []
        made = _statements(connection)
    engine.dispose()
    again = create_engine("sqlite://")
    METADATA.create_all(again)
    with again.connect() as connection:
        expected = _statements(connection)
    again.dispose()
    del made["alembic_version"]
    assert made == expected


def _statements(connection: Connection) -> dict[str, str]:
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    return {name: " ".join(sql.replace('"', "").split()) for name, sql in rows}


def test_known_revisions_are_told_from_unknown_ones() -> None:
    assert is_older(REVISION)
    assert not is_older("9999")


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "numseal.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE budget (x)")
    connection.close()
    with pytest.raises(sqlite3.Error):
        migrate(path)
    with sqlite3.connect(path) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    connection.close()
    assert tables == ["budget"]


def test_connections_are_durable_and_checked(tmp_path: Path) -> None:
    connection = sqlite_file.connect(tmp_path / "any.db")
    values = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint")
    }
    connection.close()
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "wal_autocheckpoint": 0}


# What others could read


async def test_neither_numbers_nor_accounts_nor_codes_can_be_read_in_the_files(kit: StoreKit) -> None:
    store = await kit.open()
    budget = Budget("GUESSES", phone_of(1), 10, 86_400)
    sighting = number_of_account(PARTY, "account-1", phone_of(1))

    def do(rows: Rows) -> None:
        rows.put_verification(verification(1))
        rows.remember(PARTY, "request", Recall("hash of the body", verification(1).verification_id))
        rows.spend(budget)
        rows.see(sighting)
        rows.put_binding(watched(1), Finding("FOUND", Severity.NOTE, "what was found"))
        rows.put_cursor("mts", "a cursor")

    needs = Needs(
        requests=((PARTY, "request"),),
        subjects=(subject_of(1),),
        budgets=(budget,),
        sightings=(sighting,),
        streams=("mts",),
    )
    await store.apply(Do(needs, do))
    await asyncio.gather(*(store.apply(issue(number)) for number in range(20, 40)))
    secrets = [phone_of(1), phone_of(1)[1:], "account-1", "hash of the body", "challenge", "WyJ0dyJd", SIM_REF]
    secrets += ["what was found", phone_of(20)]
    everything = b"".join(path.read_bytes() for path in kit.directory.iterdir())
    assert b"acme" in everything, "the search must be able to find something"
    for secret in secrets:
        assert secret.encode() not in everything, secret
        assert secret.encode().hex().encode() not in everything, secret
    assert kit.keys.master_key not in everything
    await store.close()
    everything = b"".join(path.read_bytes() for path in kit.directory.iterdir())
    assert not any(secret.encode() in everything for secret in secrets)


SIM_REF = "5" * 32


async def test_a_sealed_body_moved_to_another_row_does_not_open(kit: StoreKit) -> None:
    store = await kit.open()
    for number in (1, 2):
        await store.apply(put(verification(number)))
    await store.close()
    with sqlite3.connect(kit.path) as connection:
        connection.execute(
            "UPDATE verification SET (subject_ref, body) = (SELECT subject_ref, body FROM verification "
            "WHERE verification_id = ?) WHERE verification_id = ?",
            (verification(1).verification_id, verification(2).verification_id),
        )
    connection.close()
    store = await kit.open()
    assert await store.verification(verification(1).verification_id) == verification(1)
    with pytest.raises(StoreError, match="does not open with its key"):
        await store.verification(verification(2).verification_id)


async def test_rows_past_their_time_leave_the_tables(kit: StoreKit) -> None:
    store = await kit.open()
    budget, sighting = Budget("GUESSES", "key", 10, 86_400), number_of_account(PARTY, "account-1", phone_of(1))

    def do(rows: Rows) -> None:
        rows.put_verification(verification(1))
        rows.remember(PARTY, "request", Recall("hash", verification(1).verification_id))
        rows.spend(budget)
        rows.see(sighting)
        rows.put_binding(binding(2))

    needs = Needs(
        requests=((PARTY, "request"),),
        subjects=(subject_of(1), subject_of(2)),
        budgets=(budget,),
        sightings=(sighting,),
    )
    await store.apply(Do(needs, do))
    await store.close()
    kit.clock.advance(60 * 86_400)
    store = await kit.open()
    await store.apply(Do(Needs(), lambda _: None))
    await store.apply(issue(3))
    counts = {
        table: engine_of(store)._cursor.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        for table in ("verification", "request", "budget", "sighting", "change", "subject", "binding")
    }
    kept = {"change": 1, "subject": 2, "binding": 2}
    assert counts == {"verification": 0, "request": 0, "budget": 0, "sighting": 0} | kept


# The write-ahead log


async def test_a_file_that_can_no_longer_be_read_is_told(kit: StoreKit) -> None:
    store = await kit.open(cache_rows=0)
    engine_of(store).reads.close()
    for reading in (
        store.binding(name_of(1, "b")),
        store.account_rows(PARTY, "account-1", phone_of(1)),
        store.changes(PARTY, 0, 10),
        store.cursor("mts"),
    ):
        with pytest.raises(StoreError, match="reading the database") as failed:
            await reading
        assert (failed.value.reason, failed.value.unknown) == ("STORAGE_FAILED", False)


async def test_the_write_ahead_log_is_begun_anew(kit: StoreKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_engine, "CHECKPOINT_ROWS", 40)
    store = await kit.open()
    wal = kit.path.with_name("numseal.db-wal")
    sizes = []
    for start in range(0, 600, 20):
        await asyncio.gather(*(store.apply(issue(number)) for number in range(start, start + 20)))
        sizes.append(wal.stat().st_size)
    assert max(sizes[15:]) < 2 * max(sizes[:15]), "it grows with what one batch touches, not with all that was written"
    assert store.published().size == 600
    assert await store.entries(599, 1)


async def test_reads_see_the_published_state_while_a_batch_is_open(kit: StoreKit) -> None:
    store = await kit.open()
    await store.apply(put(verification(1)))
    seen = []

    def asked(_message: bytes) -> None:
        seen.append(engine_of(store).reads._cursor.execute("SELECT size FROM head").fetchone()[0])
        seen.append(engine_of(store)._cursor.execute("SELECT size FROM head").fetchone()[0])

    kit.signer.asked = asked
    await store.apply(issue(1))
    assert seen == [0, 1]
