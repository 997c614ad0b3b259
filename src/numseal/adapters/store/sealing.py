"""Keys of the database: the master key outside it, a key for each subject inside it, and keyed hashes for finding rows.

What the sealed bytes mean is the codec's business. Everything sealed is AES-256-GCM with a random nonce in front and
the row's place as associated data, so that a sealed body moved to another row does not open. Master-key wraps use
random 96-bit nonces: one master-key epoch is good for 2^32 subjects (NIST SP 800-38D §8.3).
"""

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from numseal.ports.entropy import Entropy
from numseal.ports.store import StoreError

KEY_BYTES = 32
NONCE_BYTES = 12
REF_BYTES = 16
"""A ref's hash is cut to 128 bits (RFC 2104 §5): rows stay narrow, and a collision among 2^32 has odds of 2^-65."""

_BLOCK_BYTES = 64
_MAX_EPOCH = 255


@dataclass(frozen=True, slots=True)
class StoreKeys:
    """The master key, 32 bytes kept outside the database, and its epoch, 1 to 255, which every row carries."""

    master_key: bytes
    epoch: int = 1

    def __post_init__(self) -> None:
        """Refuse, with ValueError, what is no key."""
        if len(self.master_key) != KEY_BYTES:
            raise ValueError(f"the store's master key has {len(self.master_key)} bytes; expected {KEY_BYTES}")
        if not 1 <= self.epoch <= _MAX_EPOCH:
            raise ValueError(f"the master key's epoch is {self.epoch}; expected 1 to {_MAX_EPOCH}")

    def __repr__(self) -> str:
        """Tell the epoch, never the key."""
        return f"StoreKeys(epoch={self.epoch})"


class KeyedHash:
    """HMAC-SHA256 (RFC 2104) with both padded keys hashed once beforehand, cut and led by the key's epoch."""

    __slots__ = ("_inner", "_outer", "_prefix")

    def __init__(self, key: bytes, epoch: int) -> None:
        """Take a 32-byte key."""
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
        self._prefix = bytes([epoch])

    def __call__(self, text: str) -> bytes:
        """Return the ref of a text, 17 bytes."""
        inner = self._inner.copy()
        inner.update(text.encode("utf-8", "surrogatepass"))
        outer = self._outer.copy()
        outer.update(inner.digest())
        return self._prefix + outer.digest()[:REF_BYTES]


class SubjectKey:
    """One subject's key, opened; seals that subject's rows."""

    __slots__ = ("_cipher", "_entropy", "key")

    def __init__(self, key: bytes, entropy: Entropy) -> None:
        """Take the 32-byte key."""
        self.key = key
        self._cipher = AESGCM(key)
        self._entropy = entropy

    def seal(self, body: bytes, place: str) -> bytes:
        """Seal a body for its place, "table|row id"."""
        nonce = self._entropy.bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, body, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Open what was sealed for this place; raises StoreError."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError):
            raise StoreError("STORAGE_CORRUPT", f"the row {place} does not open with its key: it is damaged") from None


class Sealer:
    """Everything that is derived from the master key."""

    def __init__(self, keys: StoreKeys, entropy: Entropy) -> None:
        """Derive one key for each use (RFC 5869)."""
        self._entropy = entropy
        self._epoch = keys.epoch
        self._wrap = SubjectKey(_derive(keys, "subject keys"), entropy)
        self._request = SubjectKey(_derive(keys, "request bodies"), entropy)
        self._account_ref = KeyedHash(_derive(keys, "account refs"), keys.epoch)
        self._subject_ref = KeyedHash(_derive(keys, "subject refs"), keys.epoch)
        self._request_ref = KeyedHash(_derive(keys, "request refs"), keys.epoch)
        self._watch_ref = KeyedHash(_derive(keys, "watch refs"), keys.epoch)
        self.budget_ref = KeyedHash(_derive(keys, "budget refs"), keys.epoch)
        self.sighting_ref = KeyedHash(_derive(keys, "sighting refs"), keys.epoch)
        self.key_check = bytes([keys.epoch]) + _derive(keys, "key check")

    # The relying party's length keeps ("a", "b|c") and ("a|b", "c") apart.
    def subject_ref(self, relying_party: str, phone_number: str) -> bytes:
        """Return what a number is found by."""
        return self._subject_ref(f"{len(relying_party)}|{relying_party}|{phone_number}")

    def account_ref(self, relying_party: str, account_id: str) -> bytes:
        """Return what an account is found by."""
        return self._account_ref(f"{len(relying_party)}|{relying_party}|{account_id}")

    def request_ref(self, relying_party: str, request_id: str) -> bytes:
        """Return what a request is found by."""
        return self._request_ref(f"{len(relying_party)}|{relying_party}|{request_id}")

    def watch_ref(self, operator_id: str, watch_id: str) -> bytes:
        """Return what the bindings that an operator watches by this name are found by; the name may hold a number."""
        return self._watch_ref(f"{len(operator_id)}|{operator_id}|{watch_id}")

    def new_subject(self) -> SubjectKey:
        """Make a subject's key."""
        return SubjectKey(self._entropy.bytes(KEY_BYTES), self._entropy)

    def wrap(self, subject: SubjectKey, ref: bytes) -> bytes:
        """Wrap a subject's key for its row; the master key's epoch leads."""
        return ref[:1] + self._wrap.seal(subject.key, "subject|" + ref.hex())

    def unwrap(self, wrapped: bytes, place: str) -> SubjectKey:
        """Open a wrapped key; raises StoreError. `place` is "subject|ref" as `wrap` has it."""
        if wrapped[:1] != bytes([self._epoch]):
            raise StoreError(
                "MASTER_KEY_DIFFERS",
                f"the row {place} is under master key epoch {wrapped[:1].hex()}; epoch {self._epoch:02x} is configured",
            )
        return SubjectKey(self._wrap.open(wrapped[1:], place), self._entropy)

    def seal_request(self, body: bytes, ref: bytes) -> bytes:
        """Seal what a request id stands for; an unkeyed hash of a request that holds a number could be guessed."""
        return self._request.seal(body, "request|" + ref.hex())

    def open_request(self, sealed: bytes, ref: bytes) -> bytes:
        """Open what `seal_request` sealed."""
        return self._request.open(sealed, "request|" + ref.hex())


def _derive(keys: StoreKeys, label: str) -> bytes:
    info = f"numseal store: {label}".encode()
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info).derive(keys.master_key)
