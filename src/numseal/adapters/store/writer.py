"""Group commit: everything that waits becomes one batch, one transaction, one signed head.

Order is all that lives here: begin, load, decide, flush with leaves and the unsigned head, commit durably; only then
sign, mark, publish and answer. No timer: a batch is what arrived while the last one was under way. What commands
decide, how rows are sealed and what an engine is are other modules'.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from numseal.adapters.store.batch import BatchRows, Decided
from numseal.adapters.store.batch_time import BatchTime
from numseal.adapters.store.change_feed import ChangeFeed
from numseal.adapters.store.codec import Codec
from numseal.adapters.store.engine import Changes, Engine, EngineError, Head
from numseal.adapters.store.growth import Growth, grow
from numseal.adapters.store.marker import Marker
from numseal.adapters.store.publisher import Publisher
from numseal.adapters.store.recent import Recent, RecentVerifications
from numseal.domain.agreement import AgreementRecord
from numseal.domain.log import Leaf, Published
from numseal.ports.entropy import Entropy
from numseal.ports.store import Applied, Command, Needs, Rows, StoreError

BATCH_COMMANDS = 512
"""The most commands of one batch."""

BREATH_COMMANDS = 16
"""Commands decided before other tasks of the loop get their turn."""

GATHER_TURNS = 8
"""Turns of the loop that a batch lets pass before it takes what waits."""

PURGE_SECONDS = 60
"""Seconds between two looks for rows that are past their time."""

PUBLISH_SECONDS = 1
"""Seconds before a head that could not be signed is tried again, if no command comes before."""

OnPublish = Callable[[Published, Sequence[tuple[str, str]], Sequence[AgreementRecord]], None]

T = TypeVar("T")
_LOG = logging.getLogger(__name__)

# Trouble of the whole file: trying each command alone would only repeat it.
_FOR_ALL = frozenset({"STORAGE_FULL", "STORAGE_FAILED", "STORAGE_BUSY"})


@dataclass(slots=True)
class _Waiting:
    command: Command[Any]
    answer: asyncio.Future[Applied[Any]]

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Committed:
    """A batch that is durable, and what it takes to publish and answer it."""

    head: Head
    growth: Growth
    outcomes: Sequence[Decided[Any]]
    accounts: Sequence[tuple[str, str]]
    verifications: Sequence[Recent]
    agreements: Sequence[AgreementRecord]


class _Probe:
    """A command that changes nothing and is committed all the same."""

    needs = Needs()

    def decide(self, rows: Rows) -> None:
        """Decide nothing."""


class Writer:
    """Owns the engine's writing side, the queue, and the published head.

    `on_publish` is called with each published head, the accounts whose bindings changed and the agreements that did,
    before any answer;
    `on_stop` once, if the outcome of a commit cannot be known: nothing more is accepted then.
    """

    def __init__(
        self,
        engine: Engine,
        codec: Codec,
        publisher: Publisher,
        marker: Marker,
        time: BatchTime,
        entropy: Entropy,
        published: Published,
        recent: RecentVerifications,
        feed: ChangeFeed,
        on_publish: OnPublish,
        on_stop: Callable[[StoreError], None],
    ) -> None:
        """Take everything; `start` begins. `published` is the head as it was published on opening."""
        self.published = published
        self._engine = engine
        self._codec = codec
        self._publisher = publisher
        self._marker = marker
        self._time = time
        self._entropy = entropy
        self._recent = recent
        self._feed = feed
        self._on_publish = on_publish
        self._on_stop = on_stop
        self._queue: deque[_Waiting] = deque()
        self._signatures: dict[str, bytes] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._purge_timer: asyncio.TimerHandle | None = None
        self._purge_due = True
        self._publish_due = False
        self._unpublished: _Committed | None = None
        self._closing = False
        self._dead: StoreError | None = None
        self._trouble: StoreError | None = None

    def start(self) -> None:
        """Begin to take commands."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="numseal store writer")
        self._arm_purge()

    async def apply(self, command: Command[T]) -> Applied[T]:
        """Queue a command and wait for its answer; cancelling the wait leaves the command in the queue."""
        self._check_alive()
        if self._closing:
            raise StoreError("STORE_CLOSED", "the store is being closed")
        waiting = _Waiting(command, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._wake.set()
        return await waiting.answer

    def keep_signature(self, jti: str, signature: bytes) -> None:
        """Write an attestation's signature with a later batch."""
        self._signatures[jti] = signature

    async def ready(self) -> None:
        """Return if a batch could be committed; after trouble, only a batch that was committed shows that."""
        self._check_alive()
        if self._trouble is not None:
            await self.apply(_Probe())

    def _check_alive(self) -> None:
        if self._dead is not None:
            raise self._dead

    async def close(self) -> None:
        """Answer what waits, write what is kept, and end."""
        self._closing = True
        if self._purge_timer is not None:
            self._purge_timer.cancel()
        self._wake.set()
        if self._task is not None:
            await self._task

    # The loop

    def _arm_purge(self) -> None:
        self._purge_timer = asyncio.get_running_loop().call_later(PURGE_SECONDS, self._purge_now)

    def _purge_now(self) -> None:
        self._purge_due = True
        self._wake.set()
        self._arm_purge()

    def _publish_now(self) -> None:
        self._publish_due = True
        self._wake.set()

    async def _run(self) -> None:
        while not self._closing or self._queue:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                # Let tasks that are ready to run bring their commands too; where none is, this costs nothing.
                for _ in range(GATHER_TURNS):
                    await asyncio.sleep(0)
                await self._take([self._queue.popleft() for _ in range(min(len(self._queue), BATCH_COMMANDS))])
                await self._look_after()
            await self._look_after()
        if self._signatures and self._dead is None:
            await self._take([])

    async def _look_after(self) -> None:
        """Take a batch without commands where rows may be past their time or a head waits to be signed."""
        if (self._purge_due or self._publish_due) and self._dead is None and not self._closing:
            self._publish_due = False
            await self._take([])

    async def _take(self, batch: Sequence[_Waiting]) -> None:
        """Take one batch to its end. Whatever happens, every command is answered and the loop goes on."""
        try:
            self._check_alive()
            await self._publish_rest()
            committed = await self._commit_or_split(batch)
            if committed is not None:
                await self._publish_and_answer(batch, committed)
            await self._tidy()
        except StoreError as error:
            self._fail(batch, error)
        except Exception as error:  # noqa: BLE001 - logged with its traceback
            # A bug, and not in a command: whatever was under way may have been committed.
            _LOG.exception("a batch failed")
            self._fail(batch, StoreError("STORE_FAILED", f"the store failed: {error!r}", unknown=True))
            await self._drop()

    def _fail(self, batch: Sequence[_Waiting], error: StoreError) -> None:
        self._trouble = error
        for waiting in batch:
            waiting.fail(error)

    def _stop(self, error: StoreError) -> None:
        if self._dead is None:
            self._dead = error
            _LOG.critical("the store stops: %s", error)
            self._feed.end(error)
            self._on_stop(error)

    async def _drop(self) -> None:
        try:
            await self._engine.rollback()
        except EngineError as error:
            self._stop(StoreError(error.reason, f"a batch could not be rolled back: {error}", unknown=True))

    async def _tidy(self) -> None:
        """Housekeeping between batches; its trouble is not any command's."""
        try:
            await self._engine.tidy()
        except EngineError as error:
            self._trouble = StoreError(error.reason, str(error))
            _LOG.warning("the database could not be tidied: %s", error)

    # Until the commit

    async def _commit_or_split(self, batch: Sequence[_Waiting]) -> _Committed | None:
        """Commit a batch, or, where one command spoils it for all, each command alone; None: all are answered."""
        try:
            return await self._commit(batch)
        except Exception as error:
            await self._drop()
            self._check_alive()
            reason = error.reason if isinstance(error, EngineError | StoreError) else "STORE_FAILED"
            if reason in _FOR_ALL or len(batch) == 0:
                raise StoreError(reason, str(error)) from error
            if len(batch) == 1:
                _LOG.exception("a command's rows cannot be written")
                batch[0].fail(StoreError(reason, f"the command's rows cannot be written: {error!r}"))
                return None
        # Which command's rows were refused is not known, so each gets a batch of its own.
        for waiting in batch:
            await self._take([waiting])
        return None

    async def _commit(self, batch: Sequence[_Waiting]) -> _Committed | None:
        """Decide and make durable; None where nothing changed: then the commands are answered already."""
        old = await self._engine.begin()
        now = self._time.after(old.time)
        rows = BatchRows(self._codec, now, old, self._recent)
        commands = [waiting.command for waiting in batch]
        purge = self._purge_due and not batch
        if purge:
            self._purge_due = False
        loaded = await self._engine.load(rows.wanted(commands, purge=purge))
        rows.fill(loaded)
        outcomes = await self._decide(rows, commands)
        signatures = dict(self._signatures)
        probing = any(isinstance(command, _Probe) for command in commands)
        if not (rows.changed or signatures or loaded.expired or probing):
            await self._engine.rollback()
            _answer(batch, outcomes, (), self.published)
            return None
        growth = await grow(old, rows.entries, self._engine)
        head = replace(
            growth.head,
            time=now,
            batch_id=self._entropy.identifier(),
            change_sequence=rows.change_sequence,
            purged_sequence=loaded.expired_change or old.purged_sequence,
        )
        changes = Changes(head, leaves=growth.leaves, tiles=growth.tiles)
        rows.write(changes)
        changes.signatures = [(signature, jti) for jti, signature in signatures.items()]
        changes.purge = now if loaded.expired else None
        await self._engine.flush(changes)
        await self._make_durable(head)
        for jti in signatures:
            del self._signatures[jti]
        # A purge is bounded, so one that found something is followed by another look.
        if loaded.expired:
            self._purge_due = True
            self._wake.set()
            self._recent.purge(now)
        self._trouble = None
        return _Committed(
            head, growth, outcomes, rows.changed_accounts, rows.changed_verifications, rows.changed_agreements
        )

    async def _decide(self, rows: BatchRows, commands: Sequence[Command[Any]]) -> list[Decided[Any]]:
        outcomes = []
        for count, command in enumerate(commands, start=1):
            outcomes.append(rows.decide(command))
            if not count % BREATH_COMMANDS:
                await asyncio.sleep(0)
        return outcomes

    async def _make_durable(self, head: Head) -> None:
        """Commit; returns only when the batch is durable, raises EngineError only when it certainly is not."""
        try:
            await self._engine.commit()
        except EngineError as error:
            if error.settled:
                raise
            try:
                found = await self._engine.recover()
            except EngineError as second:
                sentence = f"{error}; whether that commit was applied cannot be known: {second}"
                self._stop(StoreError(error.reason, sentence, unknown=True))
                raise
            if found.batch_id != head.batch_id:
                raise

    # After the commit

    async def _publish_rest(self) -> None:
        """Publish what an earlier batch could not; before that, nothing more is appended."""
        committed = self._unpublished
        if committed is not None:
            try:
                await self._publish(committed)
            except StoreError as error:
                # Unlike that batch's commands, those that wait now have not been tried.
                raise StoreError(error.reason, str(error)) from error

    async def _publish_and_answer(self, batch: Sequence[_Waiting], committed: _Committed) -> None:
        published = await self._publish(committed)
        growth = committed.growth
        paths = [
            tuple(Leaf(index, growth.path(index), published) for index in decided.leaves)
            for decided in committed.outcomes
        ]
        _answer(batch, committed.outcomes, paths, published)

    async def _publish(self, committed: _Committed) -> Published:
        self._unpublished = committed
        try:
            published = await self._publisher.publish(committed.head)
            await self._marker.keep(published)
        except StoreError:
            asyncio.get_running_loop().call_later(PUBLISH_SECONDS, self._publish_now)
            raise
        self._engine.show()
        for recent in committed.verifications:
            self._recent.keep(recent)
        self._unpublished = None
        self.published = published
        self._on_publish(published, committed.accounts, committed.agreements)
        self._feed.publish(committed.head)
        return published


def _answer(
    batch: Sequence[_Waiting],
    outcomes: Sequence[Decided[Any]],
    leaves: Sequence[tuple[Leaf, ...]],
    published: Published,
) -> None:
    for position, (waiting, decided) in enumerate(zip(batch, outcomes, strict=True)):
        if decided.error is not None:
            waiting.fail(decided.error)
        elif not waiting.answer.done():
            own = leaves[position] if leaves else ()
            waiting.answer.set_result(Applied(decided.value, published, own))
