"""From a durable head to a published one: the only place that has the log's signer sign anything.

It must be given heads only after they are known to be durable; a signed head that could be rolled back would be
equivocation waiting to happen.
"""

import asyncio

from numseal.adapters.store.engine import Head
from numseal.domain.log import Published
from numseal.ports.signer import Signer, SignerError
from numseal.ports.store import StoreError
from numseal.tlog import note
from numseal.tlog.checkpoint import Checkpoint

RETRY_DELAYS = (0.05, 0.2, 0.5, 1.0)
"""Seconds between the tries of one publication."""


class Publisher:
    """Signs checkpoints with the log's key; its first signature is checked with the vkey, since keys get mixed up."""

    def __init__(self, signer: Signer, vkey: str) -> None:
        """Take the signer and the vkey it must match; NoteError for a malformed vkey."""
        self._signer = signer
        self._key = note.parse_vkey(vkey)
        self._last: Published | None = None
        self._right_key = False

    @property
    def origin(self) -> str:
        """The log's origin, which is the key's name."""
        return self._key.name

    async def publish(self, head: Head) -> Published:
        """Sign a durable head, trying again for some seconds; raises StoreError SIGNER_FAILED.

        A head of the size and root that were signed last gets the same checkpoint.
        """
        last = self._last
        if last is not None and (last.size, last.root) == (head.size, head.root):
            return last
        body = Checkpoint(head.origin, head.size, head.root).body()
        signature = await self._sign(body.encode())
        line = note.signature_line(self._key.name, self._key.key_id, signature)
        self._last = Published(head.origin, head.size, head.root, note.format_note(body, [line]))
        return self._last

    async def _sign(self, message: bytes) -> bytes:
        for delay in (*RETRY_DELAYS, None):
            try:
                signature = await self._signer.sign(message)
            except SignerError as error:
                if delay is None:
                    raise StoreError("SIGNER_FAILED", f"the log's key cannot sign: {error}", unknown=True) from error
                await asyncio.sleep(delay)
            else:
                break
        if not self._right_key and not self._key.accepts(signature, message):
            raise StoreError(
                "SIGNER_FAILED",
                f"the log's signer is not the one of the verifier key {self._key.text()}",
                unknown=True,
            )
        self._right_key = True
        return signature
