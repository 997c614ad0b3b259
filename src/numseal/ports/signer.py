"""Signing keys as the use cases see them."""

from typing import Protocol


class Signer(Protocol):
    """Signs bytes with one private key that never leaves it.

    Concurrency: `sign` may be called from many tasks at once; an adapter whose device cannot, queues.
    Errors: `SignerError` and nothing else; the caller may ask again, no state is changed by a failure.
    An ES256 signer returns r ‖ s, 64 bytes (RFC 7518 §3.4); an Ed25519 signer returns 64 bytes (RFC 8032) and must be
    deterministic, since every node signs the same head alike.
    """

    @property
    def key_id(self) -> str:
        """The RFC 7638 thumbprint of an ES256 key, or the name in the verifier key of an Ed25519 key."""

    async def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`."""


class SignerError(Exception):
    """The key cannot sign now; the message says why."""
