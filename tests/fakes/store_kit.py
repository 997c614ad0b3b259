"""Opens stores for tests, over either engine, and keeps what outlives a store: the disk, the keys, the clock.

kit = StoreKit(tmp_path, "memory")
store = await kit.open()
await store.close(); store = await kit.open()     # the same database again
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fakes.clock import FakeClock
from fakes.memory_engine import MemoryDisk, MemoryEngine
from fakes.store_rows import FakeSigner
from numseal.adapters.entropy import SystemEntropy
from numseal.adapters.signers.pem import Ed25519Signer
from numseal.adapters.store.mark import MarkFile
from numseal.adapters.store.opening import open_store
from numseal.adapters.store.sealing import StoreKeys
from numseal.adapters.store.sqlite import open_sqlite_store
from numseal.adapters.store.store import DurableStore
from numseal.ports.store import StoreError

ORIGIN = "numseal.test/log"
ENGINES = ("sqlite", "memory")


@dataclass
class StoreKit:
    """One database and its surroundings."""

    directory: Path
    engine_kind: str = "sqlite"
    clock: FakeClock = field(default_factory=FakeClock)
    keys: StoreKeys = field(default_factory=lambda: StoreKeys(SystemEntropy().bytes(32)))
    log_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    origin: str = ORIGIN
    disk: MemoryDisk = field(default_factory=MemoryDisk)
    stops: list[StoreError] = field(default_factory=list)
    opened: list[DurableStore] = field(default_factory=list)
    engine: MemoryEngine = field(init=False, repr=False)
    signer: FakeSigner = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.signer = FakeSigner(Ed25519Signer(self.log_key, self.origin))

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self.directory / "numseal.db"

    @property
    def vkey(self) -> str:
        """The log's verifier key."""
        return Ed25519Signer(self.log_key, self.origin).vkey

    async def open(self, **options: Any) -> DurableStore:
        """Open the database; `close_all` closes it in the end."""
        common: dict[str, Any] = {
            "keys": self.keys,
            "clock": self.clock,
            "entropy": SystemEntropy(),
            "signer": self.signer,
            "vkey": self.vkey,
            "on_stop": self.stops.append,
            **options,
        }
        if self.engine_kind == "sqlite":
            store = await open_sqlite_store(self.path, **common)
        else:
            self.engine = MemoryEngine(self.disk)
            mark = MarkFile(self.directory / "mark")
            common.setdefault("cache_rows", 100)
            store = await open_store(self.engine, mark=mark, **common)
        self.opened.append(store)
        return store

    async def close_all(self) -> None:
        """Close what is open."""
        for store in self.opened:
            await store.close()
        self.opened.clear()
