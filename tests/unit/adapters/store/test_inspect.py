"""Looking into the database beside its server, which must not notice."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.store_kit import StoreKit
from fakes.store_rows import Do, binding, issue, name_of, put, verification
from numseal.adapters.entropy import SystemEntropy
from numseal.adapters.store import inspect as inspect_module
from numseal.adapters.store import sqlite_file
from numseal.adapters.store.inspect import Inspected, inspect
from numseal.adapters.store.sealing import StoreKeys
from numseal.adapters.store.sqlite_reads import SQL
from numseal.adapters.store.store import DurableStore
from numseal.domain.verification import State, Verification
from numseal.ports.store import Needs, StoreError


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[StoreKit]:
    kit = StoreKit(tmp_path)
    yield kit
    await kit.close_all()


async def look(kit: StoreKit, name: str, path: Path | None = None, keys: StoreKeys | None = None) -> Inspected | None:
    return await inspect(path or kit.path, keys or kit.keys, SystemEntropy(), name)


async def refusal(kit: StoreKit, path: Path | None = None, keys: StoreKeys | None = None) -> StoreError:
    with pytest.raises(StoreError) as refused:
        await look(kit, name_of(1, "a"), path, keys)
    assert str(path or kit.path) in str(refused.value)
    return refused.value


async def put_and_settle(store: DurableStore, made: Verification) -> None:
    """Store a verification; the second batch begins when the checkpoint behind the first one is over."""
    await store.apply(put(made))
    await store.apply(put(made))


def state_of(directory: Path) -> str:
    """Return sums of the directory's files, read by another process: this one's locks would go with its handles."""
    script = "cd \"$1\" && sha256sum numseal.db* && stat -c '%n %s %Y %a' numseal.db*"
    return subprocess.run(["sh", "-c", script, "sh", directory], capture_output=True, text=True, check=True).stdout


def look_from_outside(kit: StoreKit, name: str) -> str:
    """Look from another process, and return the state found."""
    script = """
import asyncio, sys
from pathlib import Path
from numseal.adapters.entropy import SystemEntropy
from numseal.adapters.store.inspect import inspect
from numseal.adapters.store.sealing import StoreKeys
keys = StoreKeys(bytes.fromhex(sys.stdin.read()))
found = asyncio.run(inspect(Path(sys.argv[1]), keys, SystemEntropy(), sys.argv[2]))
print(found and found.verification and found.verification.state)
"""
    command = [sys.executable, "-c", script, str(kit.path), name]
    key = kit.keys.master_key.hex()
    return subprocess.run(command, input=key, capture_output=True, text=True, check=True).stdout.strip()


async def test_what_belongs_to_a_verification_is_found(kit: StoreKit) -> None:
    store = await kit.open()
    made = verification(1, state=State.VERIFIED, binding_id=name_of(1, "b"), jti=name_of(1, "c"))
    await store.apply(issue(1))
    await store.apply(put(made))
    found = await look(kit, made.verification_id)
    assert found is not None
    assert (found.verification, found.binding, found.holder, found.policy) == (made, binding(1), None, "")
    assert found.attestation == await store.attestation(name_of(1, "c"))
    assert await look(kit, name_of(1, "b")) == found
    assert await look(kit, name_of(1, "c")) == found
    assert await look(kit, name_of(2, "a")) is None
    assert await look(kit, "' OR 1=1 --") is None


async def test_an_attestation_outlives_its_verification(kit: StoreKit) -> None:
    store = await kit.open()
    await store.apply(issue(1))
    for kind in "bc":
        found = await look(kit, name_of(1, kind))
        assert found is not None
        assert (found.verification, found.binding, found.policy) == (None, binding(1), "")
        assert found.attestation is not None


async def test_the_holder_and_the_policy_of_a_contest_are_found(kit: StoreKit) -> None:
    store = await kit.open()
    made = verification(2, state=State.CONTESTED, contested_binding=name_of(1, "b"))
    digest = made.opening.policy_digest
    await store.apply(issue(1))
    await store.apply(put(made))
    await store.apply(Do(Needs(), lambda rows: rows.keep_policy(digest, '{"name":"first"}')))
    found = await look(kit, made.verification_id)
    assert found is not None
    assert (found.attestation, found.binding, found.holder) == (None, None, binding(1))
    assert found.policy == '{"name":"first"}'


async def test_a_running_server_is_read_and_notices_nothing(kit: StoreKit) -> None:
    store = await kit.open()
    made = verification(1)
    await put_and_settle(store, made)
    before = state_of(kit.directory)
    assert "numseal.db-wal" in before
    assert await asyncio.to_thread(look_from_outside, kit, made.verification_id) == "CODE_SENT"
    assert state_of(kit.directory) == before
    await store.apply(put(replace(made, state=State.EXPIRED)))
    assert await asyncio.to_thread(look_from_outside, kit, made.verification_id) == "EXPIRED"


async def test_a_closed_database_is_read_and_nothing_is_made_beside_it(kit: StoreKit) -> None:
    store = await kit.open()
    await store.apply(put(verification(1)))
    await store.close()
    before = state_of(kit.directory)
    assert "-wal" not in before
    assert await asyncio.to_thread(look_from_outside, kit, name_of(1, "a")) == "CODE_SENT"
    assert state_of(kit.directory) == before


async def test_what_a_killed_server_left_is_read_as_it_lies(kit: StoreKit, tmp_path: Path) -> None:
    store = await kit.open()
    await put_and_settle(store, verification(1))
    left = tmp_path / "left"
    left.mkdir()
    subprocess.run(["sh", "-c", 'cp -p "$1"/numseal.db* "$2"', "sh", kit.directory, left], check=True)
    await store.close()
    kit.directory = left
    before = state_of(left)
    assert await asyncio.to_thread(look_from_outside, kit, name_of(1, "a")) == "CODE_SENT"
    assert state_of(left) == before
    (left / "numseal.db-shm").unlink()
    assert "no numseal.db-shm beside it" in str(await refusal(kit))
    assert not (left / "numseal.db-shm").exists()


async def test_a_database_that_is_not_there_is_not_made(kit: StoreKit) -> None:
    assert "is not there" in str(await refusal(kit))
    assert list(kit.directory.iterdir()) == []


async def test_a_name_with_the_marks_of_an_address_is_a_name(kit: StoreKit) -> None:
    store = await kit.open()
    await store.apply(put(verification(1)))
    await store.close()
    odd = kit.directory / "a?mode=rwc#%41 b.db"
    shutil.copy(kit.path, odd)
    found = await look(kit, name_of(1, "a"), odd)
    assert found is not None


async def test_another_master_key_is_told(kit: StoreKit) -> None:
    await (await kit.open()).close()
    error = await refusal(kit, keys=StoreKeys(SystemEntropy().bytes(32)))
    assert error.reason == "MASTER_KEY_DIFFERS"


async def test_other_files_are_told(kit: StoreKit) -> None:
    text, foreign, older = (kit.directory / name for name in ("text", "foreign", "older"))
    text.write_bytes(b"this is no database" * 100)
    assert "is not an SQLite database" in str(await refusal(kit, text))
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    connection.close()
    assert (await refusal(kit, foreign)).reason == "DATABASE_FOREIGN"
    with sqlite3.connect(older) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    assert "has schema None" in str(await refusal(kit, older))
    with connection:
        connection.execute("INSERT INTO alembic_version VALUES ('0000')")
    connection.close()
    assert "has schema 0000" in str(await refusal(kit, older))


async def test_a_database_never_opened_holds_nothing(kit: StoreKit) -> None:
    sqlite_file.create(kit.path)
    sqlite_file.bring_up_to_date(kit.path)
    assert await look(kit, name_of(1, "a")) is None


async def test_a_directory_is_no_database(kit: StoreKit) -> None:
    directory = kit.directory / "numseal.d"
    directory.mkdir()
    assert "cannot be used" in str(await refusal(kit, directory))


async def test_a_write_ahead_log_that_cannot_be_opened_is_told(kit: StoreKit) -> None:
    await (await kit.open()).close()
    (kit.directory / "numseal.db-wal").mkdir()
    (kit.directory / "numseal.db-shm").touch()
    assert "be the user that the server runs as" in str(await refusal(kit))


async def test_a_damaged_row_is_told(kit: StoreKit) -> None:
    store = await kit.open()
    await store.apply(put(verification(1)))
    await store.close()
    with sqlite3.connect(kit.path) as connection:
        connection.execute("UPDATE verification SET body = zeroblob(99)")
    connection.close()
    with pytest.raises(StoreError, match="does not open with its key"):
        await look(kit, name_of(1, "a"))


async def test_a_damaged_schema_is_told_with_the_file(kit: StoreKit) -> None:
    await (await kit.open()).close()
    with sqlite3.connect(kit.path) as connection:
        connection.execute("DROP TABLE verification")
    connection.close()
    assert "no such table" in str(await refusal(kit))


@pytest.mark.parametrize("broken", [False, True])
async def test_a_server_that_starts_meanwhile_is_read_anew(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch, *, broken: bool
) -> None:
    store = await kit.open()
    await store.apply(put(verification(1)))
    await store.close()
    connect = inspect_module._connect
    opened: list[bool] = []

    def starting(path: Path, *, logged: bool) -> sqlite3.Connection:
        opened.append(logged)
        if len(opened) == 1:
            inspect_module._write_ahead_log(path).touch()
            (path.parent / (path.name + "-shm")).touch()
            if broken:
                raise sqlite3.OperationalError("the file is being changed")
        return connect(path, logged=logged)

    monkeypatch.setattr(inspect_module, "_connect", starting)
    assert await look(kit, name_of(1, "a")) is not None
    assert opened == [False, True]


async def test_one_that_never_settles_is_told(kit: StoreKit, monkeypatch: pytest.MonkeyPatch) -> None:
    await (await kit.open()).close()
    connect = inspect_module._connect

    def flapping(path: Path, *, logged: bool) -> sqlite3.Connection:
        log = inspect_module._write_ahead_log(path)
        if logged:
            log.unlink()
        connection = connect(path, logged=False)
        connection.execute(SQL.head).fetchone()
        if logged:
            connection.close()
            raise sqlite3.OperationalError("gone")
        log.touch()
        return connection

    monkeypatch.setattr(inspect_module, "_connect", flapping)
    assert (await refusal(kit)).reason == "STORAGE_BUSY"
