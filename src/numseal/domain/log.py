"""What the log has published, as the use cases pass it on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """A head that was committed durably and then signed; `checkpoint` is the signed note (C2SP tlog-checkpoint)."""

    origin: str
    size: int
    root: bytes
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf with its inclusion path in the tree of `published.size`."""

    index: int
    path: tuple[bytes, ...]
    published: Published


@dataclass(frozen=True, slots=True)
class AttestationRecord:
    """An attestation as it is kept: all but the signature is fixed when its leaf is appended.

    `signing_input` is the JWS "header.payload"; `evidence` its canonical JSON, committed to under `evidence_salt`.
    `signature` is None until it has been made, after the leaf was durable.
    """

    jti: str
    binding_id: str
    verification_id: str
    relying_party: str
    phone_number: str
    key_id: str
    signing_input: bytes
    disclosures: tuple[str, ...]
    evidence: bytes
    evidence_salt: bytes
    leaf_index: int = -1
    signature: bytes | None = None
