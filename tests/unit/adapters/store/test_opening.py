"""What is checked before a store is served."""

import copy
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fakes.memory_engine import MemoryDisk, damaged
from fakes.store_kit import StoreKit
from fakes.store_rows import FakeSigner, issue
from numseal.adapters.signers.pem import Ed25519Signer
from numseal.adapters.store.engine import EngineError
from numseal.adapters.store.mark import SLOT_BYTES, Mark, MarkFile
from numseal.adapters.store.sealing import StoreKeys
from numseal.ports.store import StoreError
from numseal.tlog.proof import verify_consistency


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[StoreKit]:
    kit = StoreKit(tmp_path, "memory")
    store = await kit.open()
    for number in range(5):
        await store.apply(issue(number))
    await store.close()
    yield kit
    await kit.close_all()


async def refusal(kit: StoreKit) -> StoreError:
    before = copy.deepcopy(kit.disk.tables)
    signed = len(kit.signer.calls)
    with pytest.raises(StoreError) as refused:
        await kit.open()
    assert kit.engine.closed
    assert kit.disk.tables == before
    assert len(kit.signer.calls) == signed
    return refused.value


async def test_another_origin_is_refused(kit: StoreKit) -> None:
    kit.origin = "elsewhere.test/log"
    kit.signer = FakeSigner(Ed25519Signer(kit.log_key, kit.origin))
    error = await refusal(kit)
    assert error.reason == "ORIGIN_DIFFERS"
    assert "numseal.test/log" in str(error)
    assert "elsewhere.test/log" in str(error)


@pytest.mark.parametrize("change", [lambda _: StoreKeys(b"x" * 32), lambda keys: StoreKeys(keys.master_key, 2)])
async def test_another_master_key_is_refused(kit: StoreKit, change: Callable[[StoreKeys], StoreKeys]) -> None:
    kit.keys = change(kit.keys)
    assert (await refusal(kit)).reason == "MASTER_KEY_DIFFERS"


async def test_a_signer_of_another_key_is_refused(kit: StoreKit) -> None:
    kit.signer = FakeSigner(Ed25519Signer(Ed25519PrivateKey.generate(), kit.origin))
    with pytest.raises(StoreError, match="is not the one of the verifier key"):
        await kit.open()
    assert kit.engine.closed


async def test_damage_to_the_head_is_found(kit: StoreKit) -> None:
    for change in ({"frontier": b"short"}, {"root": bytes(32)}, {"size": 7}, {"size": 4}):
        whole = kit.disk
        kit.disk = MemoryDisk(whole.tables.copy())
        damaged(kit.disk, **change)
        assert (await refusal(kit)).reason == "STORAGE_CORRUPT"
        kit.disk = whole


async def test_a_leaf_behind_the_head_is_found(kit: StoreKit) -> None:
    kit.disk.tables.leaves.append((5, b"entry", bytes(32)))
    assert "leaves behind the head" in str(await refusal(kit))


async def test_a_changed_or_missing_leaf_is_found(kit: StoreKit) -> None:
    index, entry, _ = kit.disk.tables.leaves[4]
    kit.disk.tables.leaves[4] = (index, entry, bytes(32))
    assert "do not lead to the head's root" in str(await refusal(kit))
    kit.disk.tables.leaves.pop()
    assert "have a gap" in str(await refusal(kit))


async def test_trouble_of_the_engine_on_opening_is_a_store_error(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fakes import memory_engine  # noqa: PLC0415 - patched here

    async def broken(_self: object) -> None:
        raise EngineError("STORAGE_FULL", "the disk is full")

    monkeypatch.setattr(memory_engine.MemoryEngine, "commit", broken)
    with pytest.raises(StoreError, match="the disk is full") as refused:
        await kit.open()
    assert refused.value.reason == "STORAGE_FULL"
    assert kit.engine.closed


# The mark


async def test_an_older_copy_is_refused(kit: StoreKit) -> None:
    older = MemoryDisk(kit.disk.tables.copy())
    store = await kit.open()
    await store.apply(issue(10))
    await store.close()
    kit.disk = older
    error = await refusal(kit)
    assert error.reason == "LOG_ROLLED_BACK"
    assert "had published 6 entries, and the database has 5" in str(error)


async def test_a_copy_that_grew_apart_is_refused(kit: StoreKit) -> None:
    older = MemoryDisk(kit.disk.tables.copy())
    store = await kit.open()
    await store.apply(issue(10))
    await store.close()
    mark = (kit.directory / "mark").read_bytes()
    (kit.directory / "mark").unlink()
    kit.disk = older
    store = await kit.open()
    for number in (11, 12):
        await store.apply(issue(number))
    await store.close()
    (kit.directory / "mark").write_bytes(mark)
    error = await refusal(kit)
    assert error.reason == "LOG_ROLLED_BACK"
    assert "has another: it grew from an older copy" in str(error)


async def test_a_mark_of_another_log_is_refused(kit: StoreKit) -> None:
    (kit.directory / "mark").unlink()
    MarkFile(kit.directory / "mark").write(Mark("elsewhere", 0, bytes(32)))
    assert "do not belong together" in str(await refusal(kit))


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"origin":"o","size":"1","root":""}', '{"origin":1,"size":1,"root":"zz"}']
)
async def test_a_file_that_is_no_mark_is_refused(kit: StoreKit, content: str) -> None:
    (kit.directory / "mark").write_text(content)
    error = await refusal(kit)
    assert error.reason == "MARK_UNREADABLE"
    assert str(kit.directory / "mark") in str(error)


async def test_a_mark_that_cannot_be_read_is_refused(kit: StoreKit) -> None:
    (kit.directory / "mark").unlink()
    (kit.directory / "mark").mkdir()
    assert (await refusal(kit)).reason == "MARK_UNREADABLE"


async def test_the_mark_follows_the_published_head(kit: StoreKit) -> None:
    file = MarkFile(kit.directory / "mark")
    store = await kit.open()
    await store.apply(issue(10))
    published = store.published()
    await store.close()
    assert file.read() == Mark(published.origin, published.size, published.root)
    assert (kit.directory / "mark").stat().st_mode & 0o777 == 0o600


async def test_nobody_is_answered_from_a_head_whose_mark_is_not_durable(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await kit.open()
    before = store.published()
    written = MarkFile.write

    def full(_file: MarkFile, _mark: Mark) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(MarkFile, "write", full)
    with pytest.raises(StoreError) as caught:
        await store.apply(issue(10))
    assert caught.value.reason == "MARK_FAILED"
    assert caught.value.unknown
    assert store.published() == before
    monkeypatch.setattr(MarkFile, "write", written)
    await store.apply(issue(11))
    assert store.published().size == before.size + 2


async def test_a_mark_is_there_before_its_head_is_answered(kit: StoreKit) -> None:
    file = MarkFile(kit.directory / "mark")
    store = await kit.open()
    for number in (10, 11, 12):
        published = (await store.apply(issue(number))).published
        assert file.read() == Mark(published.origin, published.size, published.root)


@pytest.mark.parametrize("slot", [0, 1])
def test_a_torn_slot_leaves_the_other_mark(kit: StoreKit, slot: int) -> None:
    path = kit.directory / "slots"
    file = MarkFile(path)
    for size in (1, 2):
        file.write(Mark("o", size, bytes(32)))
    content = bytearray(path.read_bytes())
    content[SLOT_BYTES * slot + 20] ^= 1
    path.write_bytes(content)
    assert MarkFile(path).read() == Mark("o", 2 - slot, bytes(32))


async def test_a_log_goes_on_where_it_was(kit: StoreKit) -> None:
    store = await kit.open()
    before = store.published()
    after = (await store.apply(issue(10))).published
    verify_consistency(before.size, before.root, after.size, after.root, await store.consistency(5, 6))
