"""A second engine for the store: dictionaries. It keeps the engine's contract honest, and can be made to fail.

    disk = MemoryDisk()                       # outlives the engine, as a disk does
    engine = MemoryEngine(disk)
    engine.trouble["commit"] = EngineError(...)   # raised at the next call, once

`engine.events` records what was called, and what the signer of `recording_signer` was asked, in order.
"""

import copy
from dataclasses import dataclass, field, replace
from typing import Any

from numseal.adapters.store.engine import (
    Attestation,
    Audit,
    Change,
    Changes,
    EngineError,
    Head,
    Loaded,
    Narrow,
    SealedChange,
    Wanted,
    Whole,
)
from numseal.adapters.store.statements import PURGE_ROWS
from numseal.domain.binding import LIVE
from numseal.tlog.hashing import EMPTY_ROOT

_LIVE = {state.value for state in LIVE}


@dataclass
class Tables:
    """All rows, as the schema has them."""

    head: Head = field(default_factory=lambda: Head("", 0, EMPTY_ROOT, b"", 0, "", b""))
    subjects: dict[bytes, tuple[str, bytes, bytes]] = field(default_factory=dict)
    verifications: dict[str, tuple[bytes, int, bytes]] = field(default_factory=dict)
    requests: dict[bytes, tuple[str, int, bytes]] = field(default_factory=dict)
    bindings: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    binding_bodies: dict[str, bytes] = field(default_factory=dict)
    budgets: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    sightings: dict[bytes, int] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    streams: dict[str, str] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)
    agreements: dict[str, bytes] = field(default_factory=dict)
    audit_events: list[Audit] = field(default_factory=list)
    attestations: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    leaves: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    tiles: dict[tuple[int, int], tuple[bytes, bytes]] = field(default_factory=dict)

    def copy(self) -> "Tables":
        """Copy the tables; rows never change."""
        return Tables(**{name: copy.copy(table) for name, table in vars(self).items()})

    def live(self, subject_ref: bytes) -> tuple[Any, ...] | None:
        """Return the subject's live binding."""
        found = [row for row in self.bindings.values() if row[3] == subject_ref and row[4] in _LIVE]
        if len(found) > 1:
            raise EngineError("ROWS_REFUSED", "two live bindings of one subject")
        return found[0] if found else None

    def watched(self, watch_ref: bytes) -> list[str]:
        """Return the live bindings of a watch."""
        return sorted(row[0] for row in self.bindings.values() if row[12] == watch_ref and row[4] in _LIVE)


@dataclass
class MemoryDisk:
    """What is left when an engine is gone."""

    tables: Tables = field(default_factory=Tables)


class MemoryLogRows:
    """The log's rows of the tables at hand."""

    tables: Tables

    async def leaf_hashes(self, start: int, count: int) -> list[bytes]:
        return [row[2] for row in self.tables.leaves[start : start + count]]

    async def tile_roots(self, level: int, start: int, count: int) -> list[bytes]:
        names = ((level, index) for index in range(start, start + count))
        return [self.tables.tiles[name][0] for name in names if name in self.tables.tiles]


class MemoryReads(MemoryLogRows):
    """Implements `engine.Reads`."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    async def verification(self, verification_id: str) -> Whole | None:
        row = self.tables.verifications.get(verification_id)
        return row and (verification_id, row[2], self.tables.subjects[row[0]][1], row[0])

    async def binding(self, binding_id: str) -> Whole | None:
        row = self.tables.bindings.get(binding_id)
        return row and self._whole(row)

    def _whole(self, row: tuple[Any, ...]) -> Whole:
        return row[0], self.tables.binding_bodies[row[0]], self.tables.subjects[row[3]][1], row[3]

    async def account(self, account_ref: bytes) -> list[Narrow]:
        rows = (row for row in self.tables.bindings.values() if row[2] == account_ref)
        return [(row[0], *row[3:11], "" if row[12] is None else row[11]) for row in rows]

    async def holder(self, subject_ref: bytes) -> bytes | None:
        row = self.tables.live(subject_ref)
        return None if row is None else row[2]

    async def account_bindings(self, account_ref: bytes, after: str, limit: int) -> list[Whole]:
        return self._page(2, account_ref, after, limit)

    async def party_bindings(self, relying_party: str, after: str, limit: int) -> list[Whole]:
        return self._page(1, relying_party, after, limit)

    def _page(self, column: int, value: object, after: str, limit: int) -> list[Whole]:
        rows = sorted(row for row in self.tables.bindings.values() if row[column] == value and row[0] > after)
        return [self._whole(row) for row in rows[:limit]]

    async def due_bindings(self, now: int, limit: int) -> list[Whole]:
        due = [row for row in self.tables.bindings.values() if row[4] in _LIVE and row[13] <= now]
        return [self._whole(row) for row in sorted(due, key=lambda row: (row[13], row[0]))[:limit]]

    async def operator_bindings(self, operator_id: str, after: str, limit: int) -> list[Whole]:
        live = (row for row in self.tables.bindings.values() if row[4] in _LIVE)
        rows = sorted(row for row in live if row[11] == operator_id and row[0] > after)
        return [self._whole(row) for row in rows[:limit]]

    async def changes(self, relying_party: str, after: int, limit: int) -> list[SealedChange]:
        rows = [row for row in self.tables.changes if row[1] == relying_party and row[0] > after]
        return [(row[0], row[4], row[5], row[6], self.tables.subjects[row[2]][1], row[2]) for row in rows[:limit]]

    async def cursor(self, operator_id: str) -> str | None:
        return self.tables.streams.get(operator_id)

    async def policies(self) -> list[tuple[str, str]]:
        return sorted(self.tables.policies.items())

    async def agreements(self) -> list[tuple[str, bytes]]:
        return sorted(self.tables.agreements.items())

    async def audit_events(self, before: int, limit: int, resource: str, start: int, end: int) -> list[Audit]:
        rows = (row for row in reversed(self.tables.audit_events) if row[0] < before and start <= row[1] < end)
        return [row for row in rows if resource in {"", row[4]}][:limit]

    async def attestation(self, jti: str) -> Attestation | None:
        row = self.tables.attestations.get(jti)
        if row is None:
            return None
        _, binding_id, verification_id, party, ref, key_id, leaf_index, signing_input, signature, body = row
        key = self.tables.subjects[ref][1]
        return (binding_id, verification_id, party, key_id, leaf_index, signing_input, signature, body, key, ref)

    async def tile(self, level: int, index: int) -> bytes | None:
        row = self.tables.tiles.get((level, index))
        return row and row[1]

    async def entries(self, start: int, count: int) -> list[bytes]:
        return [row[1] for row in self.tables.leaves[start : start + count]]

    async def find_leaf(self, leaf_hash: bytes) -> int | None:
        return next((row[0] for row in self.tables.leaves if row[2] == leaf_hash), None)


class MemoryEngine(MemoryLogRows):
    """Implements `engine.Engine`."""

    def __init__(self, disk: MemoryDisk) -> None:
        self.disk = disk
        self.reads = MemoryReads(disk.tables)
        self.tables = disk.tables
        self.events: list[str] = []
        self.trouble: dict[str, Exception] = {}
        self.loses_commits = False
        self.closed = False
        self._open = False

    def _called(self, what: str) -> None:
        self.events.append(what)
        if what in self.trouble:
            raise self.trouble.pop(what)

    async def begin(self) -> Head:
        self._called("begin")
        assert not self._open, "a batch is open already"
        self._open = True
        self.tables = self.disk.tables.copy()
        return self.tables.head

    async def load(self, wanted: Wanted) -> Loaded:
        self._called("load")
        tables, loaded = self.tables, Loaded()
        self._load_bindings(wanted, loaded)
        for name in wanted.verifications:
            if row := tables.verifications.get(name):
                loaded.verifications[name] = (row[0], row[2])
                loaded.subjects[row[0]] = tables.subjects[row[0]][1]
        for ref in wanted.requests:
            if (request := tables.requests.get(ref)) and request[1] > wanted.now:
                loaded.requests[ref] = request[2]
        loaded.budgets = {ref: tables.budgets[ref][0] for ref in wanted.budgets if ref in tables.budgets}
        loaded.sightings = {ref for ref in wanted.sightings if ref in tables.sightings}
        loaded.streams = {name: tables.streams[name] for name in wanted.streams if name in tables.streams}
        loaded.agreements = {name: tables.agreements[name] for name in wanted.agreements if name in tables.agreements}
        if wanted.audit and tables.audit_events:
            loaded.audit_tail = (tables.audit_events[-1][0], tables.audit_events[-1][6])
        if wanted.purge:
            self._find_expired(wanted.now, loaded)
        return loaded

    def _load_bindings(self, wanted: Wanted, loaded: Loaded) -> None:
        tables = self.tables
        for ref in wanted.subjects:
            if ref in tables.subjects:
                loaded.subjects[ref] = tables.subjects[ref][1]
                if live := tables.live(ref):
                    loaded.live[ref] = live[0]
        loaded.watched = {ref: tables.watched(ref) for ref in wanted.watches}
        watched = [name for names in loaded.watched.values() for name in names]
        for name in (*wanted.bindings, *loaded.live.values(), *watched):
            if binding := tables.bindings.get(name):
                loaded.bindings[name] = (binding[3], tables.binding_bodies[name])
                loaded.subjects[binding[3]] = tables.subjects[binding[3]][1]

    def _find_expired(self, now: int, loaded: Loaded) -> None:
        tables = self.tables
        loaded.expired_change = max((row[0] for row in tables.changes[:PURGE_ROWS] if row[7] <= now), default=0)
        times = [row[1] for row in (*tables.verifications.values(), *tables.requests.values())]
        times += [*(row[1] for row in tables.budgets.values()), *tables.sightings.values()]
        loaded.expired = loaded.expired_change > 0 or any(time <= now for time in times)

    async def flush(self, changes: Changes) -> None:
        self._called("flush")
        tables = self.tables
        for ref, *subject in changes.subjects:
            _new(tables.subjects, ref, tuple(subject))
        for name, ref, purge_time, body in changes.verifications:
            assert ref in tables.subjects
            tables.verifications[name] = (ref, purge_time, body)
        tables.requests.update({ref: (name, purge_time, body) for ref, name, purge_time, body in changes.requests})
        self._flush_bindings(changes)
        tables.budgets.update({ref: (count, end) for ref, count, end in changes.budgets})
        for ref, end in changes.sightings:
            _new(tables.sightings, ref, end)
        tables.streams.update(changes.streams)
        tables.policies = dict(changes.policies) | tables.policies
        self._flush_administration(changes)
        for attestation in changes.attestations:
            _new(tables.attestations, attestation[0], attestation)
        for leaf in changes.leaves:
            assert leaf[0] == len(tables.leaves)
            tables.leaves.append(leaf)
        for level, index, root, data in changes.tiles:
            _new(tables.tiles, (level, index), (root, data))
        for signature, jti in changes.signatures:
            if jti in tables.attestations and tables.attestations[jti][8] is None:
                *front, _, body = tables.attestations[jti]
                tables.attestations[jti] = (*front, signature, body)
        if changes.purge is not None:
            self._purge(changes.purge, changes.head.purged_sequence)
        tables.head = changes.head

    def _flush_administration(self, changes: Changes) -> None:
        tables = self.tables
        tables.agreements.update(changes.agreements)
        for event in changes.audit_events:
            assert event[0] == len(tables.audit_events) + 1
            tables.audit_events.append(event)

    def _flush_bindings(self, changes: Changes) -> None:
        tables = self.tables
        for binding in changes.bindings:
            assert binding[3] in tables.subjects
            tables.bindings[binding[0]] = binding
            tables.live(binding[3])
        tables.binding_bodies.update(changes.binding_bodies)
        for change in changes.changes:
            assert change[2] in tables.subjects
            assert not tables.changes or change[0] > tables.changes[-1][0]
            tables.changes.append(change)

    def _purge(self, now: int, purged_sequence: int) -> None:
        tables = self.tables
        gone = {row[0] for row in tables.verifications.values() if row[1] <= now}
        gone |= {row[2] for row in tables.changes if row[0] <= purged_sequence}
        tables.verifications = {name: row for name, row in tables.verifications.items() if row[1] > now}
        tables.changes = [row for row in tables.changes if row[0] > purged_sequence]
        kept = {row[0] for row in tables.verifications.values()} | {row[3] for row in tables.bindings.values()}
        for ref in gone - kept - {row[2] for row in tables.changes}:
            tables.subjects.pop(ref, None)
        tables.sightings = {ref: end for ref, end in tables.sightings.items() if end > now}
        tables.requests = {ref: row for ref, row in tables.requests.items() if row[1] > now}
        tables.budgets = {ref: row for ref, row in tables.budgets.items() if row[1] > now}

    async def commit(self) -> None:
        try:
            self._called("commit")
        except EngineError as error:
            if not error.settled and not self.loses_commits:
                self.disk.tables = self.tables
            raise
        self.disk.tables = self.tables
        self._open = False

    async def rollback(self) -> None:
        self._called("rollback")
        self._open = False

    async def recover(self) -> Head:
        self._called("recover")
        self._open = False
        return self.disk.tables.head

    def show(self) -> None:
        self._called("show")
        self.reads.tables = self.disk.tables

    async def tidy(self) -> None:
        self._called("tidy")

    async def close(self) -> None:
        self._called("close")
        self.closed = True


def _new(table: dict[Any, Any], key: object, row: object) -> None:
    if key in table:
        raise EngineError("ROWS_REFUSED", f"{key!r} is there already")
    table[key] = row


def damaged(disk: MemoryDisk, **changes: Any) -> None:
    """Change fields of the head behind the store's back."""
    disk.tables.head = replace(disk.tables.head, **changes)
