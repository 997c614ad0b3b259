"""A process that writes to a store without end and tells what was acknowledged; made to be killed."""

import asyncio
import os
from multiprocessing.connection import Connection
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fakes.clock import FakeClock
from fakes.store_kit import StoreKit
from fakes.store_rows import issue
from numseal.adapters.store import sqlite_engine
from numseal.adapters.store.sealing import StoreKeys

WRITERS = 8


def run(directory: Path, secret: bytes, first: int, acknowledged: Connection) -> None:
    """Issue numbers from `first`, eight at a time; send (number, leaf index, size, root) for each answer."""
    sqlite_engine.CHECKPOINT_ROWS = 60  # so that kills fall into checkpoints too
    asyncio.run(_run(directory, secret, first, acknowledged))


async def _run(directory: Path, secret: bytes, first: int, acknowledged: Connection) -> None:
    kit = StoreKit(
        directory, clock=FakeClock(), keys=StoreKeys(secret), log_key=Ed25519PrivateKey.from_private_bytes(secret)
    )
    store = await kit.open()

    async def write(number: int) -> None:
        while True:
            applied = await store.apply(issue(number))
            published = applied.published
            acknowledged.send((number, applied.value, published.size, published.root))
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
