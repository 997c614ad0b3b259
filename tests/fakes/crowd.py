"""People who sign up, many at once, until the server is gone; and who come back for what they were left with.

Codes are derived from the server's master key as the server does: a simulated handset forgets its texts when the
server ends.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fakes.messenger import Messenger, state
from fakes.promises import Ledger, SignUp, each, hold
from numseal.adapters.operators.simulator.operators import UNASSIGNED
from numseal.adapters.signers.secret_file import read_secret
from numseal.api.simulator.v1 import simulator_pb2
from numseal.api.transparency.v1 import transparency_pb2
from numseal.domain import otp

WORKERS = 6
RACE_EVERY = 10
SLOW_BEFORE, SLOW_AFTER = 1.2, 2.5
"""Seconds that an operator takes: below what a lookup before and after the code may take."""

_POLL = 0.02
_PREFIXES = ("+7916", "+7926", "+7903", "+7900")


@dataclass
class Counts:
    """What the crowd met."""

    taken_up_pending: int = 0
    taken_up_assessing: int = 0
    resumed: int = 0


def numbers() -> Iterator[str]:
    """Yield assigned mobile numbers, all different."""
    for step in range(1, 1_000_000):
        rest = f"{step * 7_919 % 10**7:07d}"
        if not rest.startswith(UNASSIGNED):
            yield _PREFIXES[step % len(_PREFIXES)] + rest


class Crowd:
    """Plays sign-ups of one relying party; the ledger keeps what was answered."""

    def __init__(self, ledger: Ledger, master_file: Path) -> None:
        """Take the ledger and the server's master key."""
        self.counts = Counts()
        self._ledger = ledger
        self._key = HKDF(SHA256(), 32, salt=None, info=b"numseal/v1 one-time codes").derive(read_secret(master_file))
        self._numbers = numbers()
        self._leaving = False
        self._heads: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    def _new(self, *, raced: bool = False) -> SignUp:
        return self._enter(next(self._numbers), raced=raced)

    def _enter(self, number: str, *, raced: bool) -> SignUp:
        count = len(self._ledger.sign_ups)
        made = SignUp(number, f"account-{count}", f"request-{count}", raced)
        self._ledger.sign_ups.append(made)
        return made

    async def load(self, messenger: Messenger, seconds: float) -> None:
        """Sign up as fast as the server answers, for so long; what was begun is then left as it is."""
        self._leaving = False
        work = [self._slow_before, self._slow_after, self._watch, *[self._sign_up_for_ever] * WORKERS]
        self._tasks = [asyncio.create_task(each_one(messenger)) for each_one in work]
        done, _ = await asyncio.wait(self._tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            await task

    async def scatter(self) -> None:
        """See everybody off after the server has gone; only its absence may have kept anyone."""
        self._leaving = True
        for task in self._tasks:
            try:
                await task
            except grpc.aio.AioRpcError as error:
                gone = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
                hold(error.code() in gone, f"a call under way at the kill ended in {error.code()}: {error.details()}")
        for note in self._heads:
            self._ledger.see(note)
        self._heads.clear()

    async def _sign_up_for_ever(self, messenger: Messenger) -> None:
        while not self._leaving:
            if len(self._ledger.sign_ups) % RACE_EVERY:
                await self._play(messenger, self._new())
            else:
                first = self._new(raced=True)
                second = self._enter(first.number, raced=True)
                await asyncio.gather(self._play(messenger, first), self._play(messenger, second))

    async def _watch(self, messenger: Messenger) -> None:
        size = 0
        while not self._leaving:
            answer = await messenger.transparency.GetCheckpoint(transparency_pb2.GetCheckpointRequest())
            hold(answer.tree_size >= size, f"the log has shrunk from {size} to {answer.tree_size}")
            size = answer.tree_size
            self._heads.append(answer.checkpoint)
            await asyncio.sleep(_POLL)

    async def _slow_before(self, messenger: Messenger) -> None:
        """Leave a verification PENDING at the kill: its operator takes long before the code."""
        made = self._new()
        await messenger.change(made.number, slow(SLOW_BEFORE))
        await self._play(messenger, made)

    async def _slow_after(self, messenger: Messenger) -> None:
        """Leave a verification ASSESSING at the kill: its operator takes long after the code."""
        made = self._new()
        await self._open(messenger, made)
        await messenger.change(made.number, slow(SLOW_AFTER))
        await self._offer(messenger, made)

    async def _play(self, messenger: Messenger, item: SignUp) -> None:
        await self._open(messenger, item)
        await self._offer(messenger, item)

    async def _open(self, messenger: Messenger, item: SignUp) -> None:
        opened = await messenger.start(item.number, item.account, request_id=item.request_id)
        hold(state(opened) == "CODE_SENT", f"{item}: was opened as {state(opened)}")
        item.verification_id = opened.verification_id

    async def _offer(self, messenger: Messenger, item: SignUp) -> None:
        item.offered = True
        code = otp.code_of(self._key, item.verification_id, 1)
        item.answered((await messenger.check(item.verification_id, code)).verification)

    async def come_back(self, messenger: Messenger, size: int, killed: int, started: int) -> list[SignUp]:
        """Take every sign-up without an end to its end; returns those that were taken up.

        `size` is the log's at the start of this server, `started` its time, `killed` that of the last one's end.
        """
        left = [item for item in self._ledger.sign_ups if not item.outcome]
        await each(lambda item: self._resume(messenger, item, size, killed, started), left)
        self.counts.resumed += len(left)
        return left

    async def _resume(self, messenger: Messenger, item: SignUp, size: int, killed: int, started: int) -> None:
        if item.verification_id:
            # Reading takes up what was cut off, before the same request could.
            found = await messenger.get(item.verification_id)
            again = await messenger.start(item.number, item.account, request_id=item.request_id)
            same = again.verification_id == item.verification_id
            hold(same, f"{item}: the same request gave another verification")
        else:
            found = await messenger.start(item.number, item.account, request_id=item.request_id)
            item.verification_id = found.verification_id
        if found.create_time.seconds < started and found.code.send_time.seconds > killed:
            # It was there before this server was started, and its code was sent after the last one's end.
            self.counts.taken_up_pending += 1
        if state(found) == "CODE_SENT":
            await self._offer(messenger, item)
            return
        hold(item.offered, f"{item}: is {state(found)} and no code was offered")
        item.answered(found)
        if item.leaf_index >= size:
            self.counts.taken_up_assessing += 1
        code = otp.code_of(self._key, item.verification_id, 1)
        repeated = await messenger.check(item.verification_id, code)
        hold(repeated.verification.bundle.sd_jwt == item.sd_jwt, f"{item}: the same code gave another attestation")


def slow(seconds: float) -> simulator_pb2.SubscriberChange:
    """Make a number's operator take its time to look it up."""
    lookup = simulator_pb2.Lookup()
    lookup.delay.FromMilliseconds(int(seconds * 1_000))
    return simulator_pb2.SubscriberChange(lookup=lookup)
