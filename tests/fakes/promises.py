"""What a server promised, and the audit that it keeps its promises after a crash.

Everything is asked through the public door; what is kept here is only what the server has answered. The audit raises
`PromiseBrokenError` with what was promised and what was found.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from fakes.messenger import Messenger, result, state
from numseal.adapters.clock import SystemClock
from numseal.api.transparency.v1 import transparency_pb2
from numseal.api.verification.v1 import binding_pb2, verification_pb2
from numseal.attestation.bundle import Bundle
from numseal.attestation.entry import attestation_entry
from numseal.attestation.public_keys import PublicKeys
from numseal.tlog import proof, tlog_proof
from numseal.tlog.checkpoint import open_checkpoint
from numseal.tlog.hashing import leaf_hash
from numseal.verify import ExitCode, verify_bundle

BATCH = 1_000
AT_ONCE = 16
LIVE = (binding_pb2.BINDING_STATE_ACTIVE, binding_pb2.BINDING_STATE_SUSPENDED)

T = TypeVar("T")


class PromiseBrokenError(Exception):
    """The server did not keep what it had acknowledged."""


def hold(condition: bool, sentence: str) -> None:
    """Raise where a promise is not held."""
    if not condition:
        raise PromiseBrokenError(sentence)


@dataclass
class SignUp:
    """One account's sign-up, and what the server has answered of it."""

    number: str
    account: str
    request_id: str
    raced: bool = False
    verification_id: str = ""
    offered: bool = False
    """Whether the right code was offered, answered or not."""
    outcome: str = ""
    """VERIFIED or CONTESTED once the server has said so."""
    sd_jwt: str = ""
    bundle: bytes = b""
    leaf_index: int = -1

    def answered(self, verification: verification_pb2.Verification) -> None:
        """Note the end, as an answer told it."""
        self.outcome = state(verification)
        hold(
            self.outcome == "VERIFIED" or (self.raced and self.outcome == "CONTESTED"),
            f"{self}: the right code ended in {self.outcome}",
        )
        if self.outcome == "VERIFIED":
            self.sd_jwt, self.bundle = verification.bundle.sd_jwt, verification.bundle.bundle_json
            self.leaf_index = tlog_proof.parse(Bundle.from_json(self.bundle).proof).index

    def __str__(self) -> str:
        """Name it."""
        return f"sign-up {self.request_id} of {self.number}"


@dataclass
class Ledger:
    """All sign-ups that were begun, and every head of the log that was seen."""

    keys: PublicKeys
    sign_ups: list[SignUp] = field(default_factory=list)
    heads: dict[int, bytes] = field(default_factory=dict)
    """Root by size."""
    unproved: set[int] = field(default_factory=set)
    """Sizes whose consistency with a later head was not checked yet."""
    audited: set[str] = field(default_factory=set)

    def verified(self) -> list[SignUp]:
        """Return those that were told VERIFIED."""
        return [item for item in self.sign_ups if item.outcome == "VERIFIED"]

    def see(self, note: str) -> int:
        """Note a signed head and return its size."""
        checkpoint = open_checkpoint(note, self.keys.log_vkey, self.keys.log_origin)
        known = self.heads.setdefault(checkpoint.size, checkpoint.root)
        hold(known == checkpoint.root, f"the log has forked: two signed roots of size {checkpoint.size}")
        self.unproved.add(checkpoint.size)
        return checkpoint.size

    def see_bundles(self, sign_ups: Iterable[SignUp]) -> None:
        """Note the heads in the bundles that were handed out."""
        for item in sign_ups:
            self.see(tlog_proof.parse(Bundle.from_json(item.bundle).proof).checkpoint)


async def each(work: Callable[[T], Awaitable[None]], items: Sequence[T]) -> None:
    """Do the work for every item, some at once; the first failure is raised."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


class Audit:
    """Asks one running server whether it keeps what the ledger holds."""

    def __init__(self, messenger: Messenger, ledger: Ledger) -> None:
        """Take the server's door and the ledger."""
        self._messenger = messenger
        self._ledger = ledger

    async def head(self) -> int:
        """Read the newest head, which must extend the heads not proved yet; return its size."""
        answer = await self._messenger.transparency.GetCheckpoint(transparency_pb2.GetCheckpointRequest())
        most = max(self._ledger.heads, default=0)
        size = self._ledger.see(answer.checkpoint)
        hold(size >= most, f"the log has shrunk from {most} to {size}")
        await each(lambda old: self._consistent(old, size), sorted(self._ledger.unproved - {0}))
        self._ledger.unproved = {size}
        return size

    async def _consistent(self, old: int, new: int) -> None:
        request = transparency_pb2.GetConsistencyProofRequest(old_size=old, new_size=new)
        answer = await self._messenger.transparency.GetConsistencyProof(request)
        heads = self._ledger.heads
        proof.verify_consistency(old, heads[old], new, heads[new], list(answer.hashes))

    async def all_genuine(self) -> None:
        """Check that every verified account still has its number."""
        items = self._ledger.verified()
        for start in range(0, len(items), BATCH):
            batch = items[start : start + BATCH]
            requests = [
                binding_pb2.CheckNumberRequest(account_id=item.account, phone_number=item.number) for item in batch
            ]
            answer = await self._messenger.binding.BatchCheckNumbers(
                binding_pb2.BatchCheckNumbersRequest(requests=requests), metadata=self._messenger.metadata
            )
            for item, found in zip(batch, answer.results, strict=True):
                hold(result(found.response) == "GENUINE", f"{item}: was VERIFIED and is {result(found.response)}")

    async def in_full(self, items: Sequence[SignUp]) -> None:
        """Check attestation, bundle, leaf and idempotency of these verified sign-ups one by one."""
        size = max(self._ledger.heads)
        await each(lambda item: self._in_full(item, size), items)

    async def _in_full(self, item: SignUp, size: int) -> None:
        found = await self._messenger.get(item.verification_id)
        hold(state(found) == "VERIFIED", f"{item}: was VERIFIED and is {state(found)}")
        hold(found.bundle.sd_jwt == item.sd_jwt, f"{item}: has another attestation than it was given")
        for bundle in {item.bundle, found.bundle.bundle_json}:
            report = verify_bundle(bundle, self._ledger.keys, SystemClock().now())
            hold(report.exit_code is ExitCode.VALID, f"{item}: {report.summary()}")
        hold(result(await self._messenger.shown(item.number, item.account)) == "GENUINE", f"{item}: is not GENUINE")
        again = await self._messenger.start(item.number, item.account, request_id=item.request_id)
        hold(again.verification_id == item.verification_id, f"{item}: the same request gave another verification")
        await self._leaf(item, size)

    async def _leaf(self, item: SignUp, size: int) -> None:
        request = transparency_pb2.GetInclusionProofRequest(leaf_index=item.leaf_index)
        answer = await self._messenger.transparency.GetInclusionProof(request)
        signed = item.sd_jwt.split("~")[0].rpartition(".")[0].encode()
        expected = leaf_hash(attestation_entry(signed))
        hold(answer.leaf_hash == expected, f"{item}: leaf {item.leaf_index} is another's")
        hold(answer.tree_size == size, f"{item}: the log has grown while nobody signed up")
        proof.verify_inclusion(expected, item.leaf_index, size, list(answer.hashes), self._ledger.heads[size])

    async def one_holder(self) -> None:
        """Check that no number has two live bindings, and that there is none that nobody asked for."""
        numbers = {item.verification_id: item.number for item in self._ledger.sign_ups}
        held: set[str] = set()
        token = ""
        while True:
            answer = await self._messenger.binding.ListBindings(
                binding_pb2.ListBindingsRequest(page_size=1_000, page_token=token), metadata=self._messenger.metadata
            )
            for binding in answer.bindings:
                if binding.state in LIVE:
                    number = numbers.get(binding.verification_id)
                    if number is None:
                        raise PromiseBrokenError(f"binding {binding.binding_id} belongs to no sign-up")
                    hold(number not in held, f"{number} has two live bindings")
                    held.add(number)
            token = answer.next_page_token
            if not token:
                break
        missing = {item.number for item in self._ledger.verified()} - held
        hold(not missing, f"{len(missing)} acknowledged bindings are lost, {min(missing, default='')} first")
