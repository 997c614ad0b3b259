"""Opens the embedded store: one SQLite file, used by one process at a time."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from numseal.adapters.store import sqlite_file
from numseal.adapters.store.mark import MarkFile
from numseal.adapters.store.opening import open_store
from numseal.adapters.store.sealing import StoreKeys
from numseal.adapters.store.sqlite_engine import SqliteEngine
from numseal.adapters.store.store import DurableStore
from numseal.ports.clock import Clock
from numseal.ports.entropy import Entropy
from numseal.ports.signer import Signer
from numseal.ports.store import StoreError

CACHE_ROWS = 10_000
RECENT_VERIFICATIONS = 4_096


def _ignore(_error: StoreError) -> None:
    """Leave it to the calls that fail from then on."""


async def open_sqlite_store(
    path: Path,
    *,
    keys: StoreKeys,
    clock: Clock,
    entropy: Entropy,
    signer: Signer,
    vkey: str,
    cache_rows: int = CACHE_ROWS,
    on_stop: Callable[[StoreError], None] = _ignore,
) -> DurableStore:
    """Open the store in the file `path`, made where there is none; raises StoreError with the file's name.

    `signer` and `vkey` are the log's, whose origin is the vkey's name. `cache_rows` is how many accounts' rows are
    kept in memory for checks, 0 for none. `on_stop` is called if the outcome of a commit cannot be known: the store
    accepts nothing more, and the process must end and be started again.
    """
    path = Path(os.path.abspath(path))  # noqa: ASYNC240, PTH100 - opening happens before anything is served
    descriptor = sqlite_file.lock(path)
    try:
        sqlite_file.create(path)
        sqlite_file.bring_up_to_date(path)
        engine = SqliteEngine(lambda: sqlite_file.connect(path), lambda: os.close(descriptor))
    except sqlite3.Error as error:
        os.close(descriptor)
        raise sqlite_file.unreadable(path, error) from error
    except BaseException:
        os.close(descriptor)
        raise
    try:
        return await open_store(
            engine,
            keys=keys,
            clock=clock,
            entropy=entropy,
            signer=signer,
            vkey=vkey,
            mark=MarkFile(path.with_name(path.name + ".mark")),
            cache_rows=cache_rows,
            on_stop=on_stop,
            recent_verifications=RECENT_VERIFICATIONS,
        )
    except StoreError as error:
        if str(path) in str(error):
            raise
        raise StoreError(error.reason, f"{path}: {error}", unknown=error.unknown) from error
