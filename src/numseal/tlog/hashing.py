"""Leaf and node hashes of RFC 6962 §2.1, with SHA-256.

Only the three hash rules live here; trees, ranges and proofs do not.
"""

from hashlib import sha256

HASH_SIZE = 32
LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"

EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without leaves (RFC 6962 §2.1)."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash a log entry into its leaf: SHA-256(0x00 ‖ entry), 32 bytes (RFC 6962 §2.1)."""
    return sha256(LEAF_PREFIX + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two 32-byte child hashes into their parent: SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1)."""
    return sha256(NODE_PREFIX + left + right).digest()
