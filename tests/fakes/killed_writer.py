"""A process that writes to a store without end and tells what was acknowledged; made to be killed."""

import asyncio
import os
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fakes.clock import FakeClock
from fakes.store_kit import StoreKit
from fakes.store_rows import Do, issue
from numseal.adapters.store import sqlite_engine
from numseal.adapters.store.sealing import StoreKeys
from numseal.ports.store import Rows

WRITERS = 8
STREAM = "mts"


def run(directory: Path, secret: bytes, first: int, acknowledged: Connection) -> None:
    """Issue numbers from `first`, eight at a time; send (number, leaf index, cursor, size, root) for each answer."""
    sqlite_engine.CHECKPOINT_ROWS = 60  # so that kills fall into checkpoints too
    asyncio.run(_run(directory, secret, first, acknowledged))


def issue_and_count(number: int) -> Do[tuple[int, int]]:
    """Command: issue, which makes one change, and move a stream's cursor on by one; return leaf index and cursor."""
    issuing = issue(number)

    def do(rows: Rows) -> tuple[int, int]:
        cursor = int(rows.cursor(STREAM) or "0") + 1
        rows.put_cursor(STREAM, str(cursor))
        return issuing.decide(rows), cursor

    return Do(replace(issuing.needs, streams=(STREAM,)), do)


async def _run(directory: Path, secret: bytes, first: int, acknowledged: Connection) -> None:
    kit = StoreKit(
        directory, clock=FakeClock(), keys=StoreKeys(secret), log_key=Ed25519PrivateKey.from_private_bytes(secret)
    )
    store = await kit.open()

    async def write(number: int) -> None:
        while True:
            applied = await store.apply(issue_and_count(number))
            published = applied.published
            acknowledged.send((number, *applied.value, published.size, published.root))
            number += WRITERS

    await asyncio.gather(*(write(first + offset) for offset in range(WRITERS)))


def limit_file_size(directory: Path, secret: bytes, limit: int, told: Connection) -> None:
    """Write until files cannot grow, then raise the limit; send what happened."""
    asyncio.run(_limited(directory, secret, limit, told))


async def _limited(directory: Path, secret: bytes, limit: int, told: Connection) -> None:
    import resource  # noqa: PLC0415 - this process only

    from numseal.ports.store import StoreError  # noqa: PLC0415

    kit = StoreKit(
        directory, clock=FakeClock(), keys=StoreKeys(secret), log_key=Ed25519PrivateKey.from_private_bytes(secret)
    )
    store = await kit.open()
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    applied = 0
    try:
        while True:
            applied = (await store.apply(issue(applied))).published.size
    except StoreError as error:
        told.send((error.reason, error.unknown, applied, store.published().size))
    readable = await store.entries(0, applied)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.ready()
    again = await store.apply(issue(applied))
    told.send((len(readable or []), again.value))
    await store.close()
    os._exit(0)
