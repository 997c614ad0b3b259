"""Opening a store over an engine: what was found is checked, made durable, and only then signed and served.

The checks name what is wrong and change nothing. Finding and locking a database is the engine's business.
"""

from collections.abc import Callable
from dataclasses import replace

from numseal.adapters.store.batch_time import BatchTime
from numseal.adapters.store.change_feed import ChangeFeed
from numseal.adapters.store.codec import Codec
from numseal.adapters.store.engine import Changes, Engine, EngineError, Head
from numseal.adapters.store.log_reader import LogReader
from numseal.adapters.store.mark import MarkFile
from numseal.adapters.store.marker import Marker
from numseal.adapters.store.publisher import Publisher
from numseal.adapters.store.recent import RecentVerifications
from numseal.adapters.store.sealing import Sealer, StoreKeys
from numseal.adapters.store.store import DurableStore
from numseal.adapters.store.writer import Writer
from numseal.ports.clock import Clock
from numseal.ports.entropy import Entropy
from numseal.ports.signer import Signer
from numseal.ports.store import StoreError
from numseal.tlog.compact_range import Frontier, root
from numseal.tlog.errors import FrontierError
from numseal.tlog.proof import root_at


async def open_store(
    engine: Engine,
    *,
    keys: StoreKeys,
    clock: Clock,
    entropy: Entropy,
    signer: Signer,
    vkey: str,
    mark: MarkFile,
    cache_rows: int,
    on_stop: Callable[[StoreError], None],
    recent_verifications: int = 0,
) -> DurableStore:
    """Open a store; raises StoreError. Takes the engine over: on an error it is closed.

    `recent_verifications` is how many are kept in memory, for an engine that no other process writes.
    """
    try:
        sealer = Sealer(keys, entropy)
        publisher = Publisher(signer, vkey)
        head = await _settle(engine, publisher.origin, sealer, entropy, mark)
        published = await publisher.publish(head)
        marker = Marker(mark)
        await marker.keep(published)
        codec = Codec(sealer)
        time = BatchTime(clock)
        recent = RecentVerifications(recent_verifications)
        feed = ChangeFeed(head)
        return DurableStore(
            engine,
            codec,
            lambda on_publish: Writer(
                engine, codec, publisher, marker, time, entropy, published, recent, feed, on_publish, on_stop
            ),
            marker,
            cache_rows,
            recent,
            feed,
        )
    except EngineError as error:
        await _close(engine)
        raise StoreError(error.reason, str(error)) from error
    except BaseException:
        await _close(engine)
        raise


async def _close(engine: Engine) -> None:
    try:
        await engine.close()
    except EngineError:
        return  # what made the opening fail is the error to tell


async def _settle(engine: Engine, origin: str, sealer: Sealer, entropy: Entropy, mark: MarkFile) -> Head:
    """Check what is there and commit it once more.

    After a crash the newest batch may be readable and yet not on disk; a commit that is known to be durable carries
    everything before it.
    """
    engine.show()
    head = await engine.begin()
    if not head.origin:
        head = replace(head, origin=origin, key_check=sealer.key_check)
    _check_identity(head, origin, sealer)
    await _check_log(head, engine)
    await _check_mark(head, engine, mark)
    head = replace(head, batch_id=entropy.identifier())
    await engine.flush(Changes(head))
    await engine.commit()
    engine.show()
    return head


def _check_identity(head: Head, origin: str, sealer: Sealer) -> None:
    if head.origin != origin:
        raise StoreError(
            "ORIGIN_DIFFERS",
            f"the database is of the log {head.origin}, and {origin} is configured: "
            "a log keeps its origin; configure the old one, or begin a new database",
        )
    if head.key_check != sealer.key_check:
        raise StoreError(
            "MASTER_KEY_DIFFERS",
            "the database was made with another master key: configure the one it was made with",
        )


async def _check_log(head: Head, engine: Engine) -> None:
    try:
        frontier = Frontier.from_bytes(head.size, head.frontier)
    except FrontierError as error:
        raise _corrupt(f"the head is damaged: {error}") from error
    if root(frontier) != head.root:
        raise _corrupt("the head's root is not the one of its frontier")
    if await engine.leaf_hashes(head.size, 1):
        raise _corrupt(f"there are leaves behind the head's size of {head.size}")
    if await _root_at(head.size, head.size, engine) != head.root:
        raise _corrupt("the log's rows do not lead to the head's root")


async def _check_mark(head: Head, engine: Engine, file: MarkFile) -> None:
    mark = file.read()
    if mark is None:
        return
    if mark.origin != head.origin:
        raise StoreError(
            "LOG_ROLLED_BACK",
            f"{file} is the mark of the log {mark.origin}, and the database is of {head.origin}: they do not belong "
            "together",
        )
    if mark.size > head.size:
        raise StoreError(
            "LOG_ROLLED_BACK",
            f"{file} says that the log had published {mark.size} entries, and the database has {head.size}: it is an "
            "older copy. Going on would fork the log. Restore the newest database; if its entries are lost, begin a "
            "log with a new origin",
        )
    if await _root_at(mark.size, head.size, engine) != mark.root:
        raise StoreError(
            "LOG_ROLLED_BACK",
            f"{file} says that the log's root at {mark.size} entries was {mark.root.hex()}, and the database has "
            "another: it grew from an older copy. Going on would fork the log. Restore the database that has this root",
        )


async def _root_at(size: int, whole: int, engine: Engine) -> bytes:
    return await LogReader(engine.reads).prove(whole, lambda node: root_at(size, node))


def _corrupt(message: str) -> StoreError:
    return StoreError("STORAGE_CORRUPT", message)
