"""Looking into the SQLite file beside a running server: read-only, one verification with what belongs to it.

Nothing is written, made or locked against the server, not even SQLite's shared memory. What is found is what the domain
knows; words for it are the caller's.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from numseal.adapters.store.codec import Codec
from numseal.adapters.store.engine import EngineError, Head
from numseal.adapters.store.schema import REVISION
from numseal.adapters.store.sealing import Sealer, StoreKeys
from numseal.adapters.store.sqlite_file import unreadable
from numseal.adapters.store.sqlite_reads import SQL, SqliteReads
from numseal.domain.binding import Binding
from numseal.domain.log import AttestationRecord
from numseal.domain.verification import Verification
from numseal.ports.entropy import Entropy
from numseal.ports.store import StoreError

_BUSY_SECONDS = 2.0
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Inspected:
    """A verification and what belongs to it; None and empty where there is none, or it is kept no more.

    `binding` is the one it made, `holder` another that the number had or has against it. `policy` is the text (JSON) of
    the policy that it began under.
    """

    verification: Verification | None
    attestation: AttestationRecord | None
    binding: Binding | None
    holder: Binding | None
    policy: str


async def inspect(path: Path, keys: StoreKeys, entropy: Entropy, name: str) -> Inspected | None:
    """Find a verification by its id, or by that of the binding or attestation that came of it.

    A verification is kept for a day after its end, its attestation as long as the subject is. Raises StoreError, naming
    the file and what would be right.
    """
    codec = Codec(Sealer(keys, entropy))
    for _ in range(_TRIES):
        # A server that is being started or stopped meanwhile changes how the file must be opened: look again.
        logged = _write_ahead_log(path).exists()
        try:
            with closing(_connect(path, logged=logged)) as connection:
                found = await _Reader(path, connection, codec).find(name)
        except (sqlite3.Error, EngineError) as error:
            if _write_ahead_log(path).exists() == logged:
                raise _failed(path, error) from error
        else:
            if logged or not _write_ahead_log(path).exists():
                return found
    raise StoreError("STORAGE_BUSY", f"{path}: is being opened or closed again and again: try once more")


def _write_ahead_log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _connect(path: Path, *, logged: bool) -> sqlite3.Connection:
    """Open the file so that nothing is changed.

    Without a write-ahead log nobody writes the file, and SQLite need not make a log to read it (`immutable`); with
    one its shared memory is used as it stands (`readonly_shm`).
    """
    mode = "readonly_shm=1" if logged else "immutable=1"
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=ro&{mode}", uri=True, timeout=_BUSY_SECONDS, isolation_level=None
    )


class _Reader:
    """Reads on one snapshot."""

    def __init__(self, path: Path, connection: sqlite3.Connection, codec: Codec) -> None:
        self._path = path
        self._db = connection
        self._reads = SqliteReads(connection)
        self._codec = codec

    async def find(self, name: str) -> Inspected | None:
        for order in ("PRAGMA query_only = ON", "PRAGMA trusted_schema = OFF", "PRAGMA mmap_size = 0", "BEGIN"):
            self._db.execute(order)
        # Begun: all that follows is read on one snapshot.
        self._check_schema()
        self._check_key()
        verification = await self._verification(name)
        binding = await self._binding(name if verification is None else verification.binding_id)
        jti = verification.jti if verification is not None else binding.jti if binding is not None else name
        attestation = await self._attestation(jti)
        if attestation is not None:
            verification = verification or await self._verification(attestation.verification_id)
            binding = binding or await self._binding(attestation.binding_id)
        if verification is None and attestation is None:
            return None
        if verification is None:
            return Inspected(None, attestation, binding, None, "")
        holder = await self._holder(verification)
        policy = dict(await self._reads.policies()).get(verification.opening.policy_digest, "")
        return Inspected(verification, attestation, binding, holder, policy)

    def _check_schema(self) -> None:
        tables = {row[0] for row in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "alembic_version" not in tables:
            raise StoreError("DATABASE_FOREIGN", f"{self._path}: is not a database of Numseal: give another path")
        found = self._db.execute("SELECT version_num FROM alembic_version").fetchone()
        if found != (REVISION,):
            raise StoreError(
                "DATABASE_DIFFERS",
                f"{self._path}: has schema {found and found[0]}, and this version of Numseal reads {REVISION}: "
                "use the version that the server runs",
            )

    def _check_key(self) -> None:
        row = self._db.execute(SQL.head).fetchone()
        head = Head(*row) if row else None
        # A database that was made and never opened has no key yet, and no rows.
        if head is not None and head.origin and head.key_check != self._codec.sealer.key_check:
            raise StoreError(
                "MASTER_KEY_DIFFERS",
                f"{self._path}: was made with another master key: give the configuration that the server runs on",
            )

    async def _verification(self, name: str) -> Verification | None:
        row = await self._reads.verification(name)
        if row is None:
            return None
        name, body, wrapped, ref = row
        return self._codec.open_verification(name, body, self._codec.unwrap(wrapped, ref))

    async def _binding(self, name: str) -> Binding | None:
        row = await self._reads.binding(name)
        if row is None:
            return None
        name, body, wrapped, ref = row
        return self._codec.open_binding(name, body, self._codec.unwrap(wrapped, ref))

    async def _attestation(self, jti: str) -> AttestationRecord | None:
        row = await self._reads.attestation(jti)
        if row is None:
            return None
        *names, leaf_index, signing_input, signature, body, wrapped, ref = row
        binding_id, verification_id, relying_party, key_id = names
        record = AttestationRecord(
            jti, binding_id, verification_id, relying_party, "", key_id, signing_input, (), b"", b"",
            leaf_index, signature,
        )  # fmt: skip
        return self._codec.open_attestation(record, body, self._codec.unwrap(wrapped, ref))

    async def _holder(self, verification: Verification) -> Binding | None:
        """Return the binding it was contested by, or what holds the number now and is not its own."""
        if verification.contested_binding:
            return await self._binding(verification.contested_binding)
        opening = verification.opening
        ref = self._codec.sealer.subject_ref(opening.relying_party, opening.phone_number)
        row = self._db.execute(SQL.load_subjects[1], (ref,)).fetchone()
        live = row and row[2]
        return None if not live or live == verification.binding_id else await self._binding(live)


def _failed(path: Path, error: sqlite3.Error | EngineError) -> StoreError:
    if isinstance(error, EngineError):
        return StoreError(error.reason, f"{path}: {error}")
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_CANTOPEN"):
        if not path.exists():
            sentence = f"{path}: is not there: give the configuration of a server that has run"
        elif _write_ahead_log(path).exists() and not path.with_name(path.name + "-shm").exists():
            sentence = f"{path}: has a write-ahead log, and no {path.name}-shm beside it: start the server on it once"
        else:
            sentence = f"{path}: cannot be opened: be the user that the server runs as"
        return StoreError("STORAGE_FAILED", sentence)
    return unreadable(path, error)
