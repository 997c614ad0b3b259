"""Rows as the domain knows them, and as an engine keeps them: sealed. No SQL, and no decision about any row.

A subject is a relying party and a number; its rows are sealed under its key. The parts of a verification that never
change are written and read once: a small memo keeps their bytes beside the value.
"""

from dataclasses import replace
from typing import Generic, TypeVar

import orjson

from numseal.adapters.store import engine
from numseal.adapters.store.sealing import Sealer, SubjectKey
from numseal.adapters.store.typed_json import TypedJson
from numseal.domain.binding import Binding
from numseal.domain.evidence import Lookup, Meta
from numseal.domain.log import AttestationRecord
from numseal.domain.verification import Opening, Verification
from numseal.ports.store import Recall, StoreError

KEEP_SECONDS = 86_400
"""How long a verification is kept after its end, and a request id after its use."""

_MEMO_SIZE = 1_024
_NOTHING = b""

P = TypeVar("P")

_OPENING = TypedJson(Opening)
_LOOKUP = TypedJson(Lookup, shared=(Meta,))
_VERIFICATION = TypedJson(Verification, apart=frozenset({"opening", "before"}))
_BINDING = TypedJson(Binding)


class PartMemo(Generic[P]):
    """Bytes and values of parts that are written once and read often; forgets the oldest."""

    __slots__ = ("_bytes", "_form", "_values")

    def __init__(self, form: TypedJson[P]) -> None:
        """Take the part's form."""
        self._form = form
        self._values: dict[bytes, P] = {}
        self._bytes: dict[int, tuple[P, bytes]] = {}

    def dumps(self, value: P) -> bytes:
        """Return the value's bytes; the value itself is kept, so that its id stays its own."""
        known = self._bytes.get(id(value))
        if known is not None:
            return known[1]
        raw = self._form.dumps(value)
        self._keep(value, raw)
        return raw

    def loads(self, raw: bytes) -> P:
        """Return the value of these bytes."""
        value = self._values.get(raw)
        if value is None:
            value = self._form.loads(raw)
            self._keep(value, raw)
        return value

    def _keep(self, value: P, raw: bytes) -> None:
        if len(self._bytes) >= _MEMO_SIZE:
            _, old = self._bytes.pop(next(iter(self._bytes)))
            self._values.pop(old, None)
        self._values[raw] = value
        self._bytes[id(value)] = (value, raw)


class Codec:
    """Seals and opens rows with one sealer."""

    def __init__(self, sealer: Sealer) -> None:
        """Take the keys."""
        self.sealer = sealer
        self._openings = PartMemo(_OPENING)
        self._lookups = PartMemo(_LOOKUP)

    def unwrap(self, wrapped: bytes, ref: bytes) -> SubjectKey:
        """Open the key of the subject with this ref."""
        return self.sealer.unwrap(wrapped, "subject|" + ref.hex())

    def subject_row(
        self, ref: bytes, relying_party: str, phone_number: str, key: SubjectKey
    ) -> tuple[bytes, str, bytes, bytes]:
        """Seal a new subject."""
        sealed = key.seal(phone_number.encode(), "subject number|" + ref.hex())
        return ref, relying_party, self.sealer.wrap(key, ref), sealed

    def verification_row(
        self, verification: Verification, ref: bytes, key: SubjectKey
    ) -> tuple[str, bytes, int, bytes]:
        """Seal a verification. A verification ends at its expiry at the latest."""
        before = verification.before
        body = b"\n".join(
            (
                _VERIFICATION.dumps(verification),
                self._openings.dumps(verification.opening),
                _NOTHING if before is None else self._lookups.dumps(before),
            )
        )
        name = verification.verification_id
        purge_time = verification.expire_time + KEEP_SECONDS
        return name, ref, purge_time, key.seal(body, "verification|" + name)

    def open_verification(self, verification_id: str, sealed: bytes, key: SubjectKey) -> Verification:
        """Open a verification's body."""
        body = key.open(sealed, "verification|" + verification_id)
        try:
            rest, opening, before = body.split(b"\n")
            return _VERIFICATION.loads(
                rest,
                opening=self._openings.loads(opening),
                before=self._lookups.loads(before) if before else None,
            )
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise _unreadable("verification", verification_id, error) from error

    def binding_rows(self, binding: Binding, ref: bytes, key: SubjectKey) -> tuple[engine.Binding, tuple[str, bytes]]:
        """Return the narrow row that checks read, and the sealed whole."""
        name = binding.binding_id
        narrow = (
            name,
            binding.relying_party,
            self.sealer.account_ref(binding.relying_party, binding.account_id),
            ref,
            binding.state.value,
            binding.level.value,
            binding.verified_time,
            binding.observed_time,
            binding.expire_time,
            binding.contested_time,
        )
        return narrow, (name, key.seal(_BINDING.dumps(binding), "binding|" + name))

    def open_binding(self, binding_id: str, sealed: bytes, key: SubjectKey) -> Binding:
        """Open a binding's body."""
        body = key.open(sealed, "binding|" + binding_id)
        try:
            return _BINDING.loads(body)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise _unreadable("binding", binding_id, error) from error

    def request_row(self, ref: bytes, recall: Recall, now: int) -> tuple[bytes, str, int, bytes]:
        """Seal what a request id stands for; the hash of a request that holds a number could be guessed through."""
        sealed = self.sealer.seal_request(f"{recall.verification_id}|{recall.body_hash}".encode(), ref)
        return ref, recall.verification_id, now + KEEP_SECONDS, sealed

    def open_request(self, ref: bytes, sealed: bytes) -> Recall:
        """Open what a request id stands for."""
        verification_id, _, body_hash = self.sealer.open_request(sealed, ref).decode(errors="replace").partition("|")
        return Recall(body_hash, verification_id)

    def attestation_row(
        self, record: AttestationRecord, ref: bytes, key: SubjectKey
    ) -> tuple[str, str, str, str, bytes, str, int, bytes, bytes | None, bytes]:
        """Seal what of an attestation tells of the subject: disclosures and evidence. The JWS itself tells nothing."""
        private = orjson.dumps([record.phone_number, record.disclosures, record.evidence_salt.hex()])
        return (
            record.jti,
            record.binding_id,
            record.verification_id,
            record.relying_party,
            ref,
            record.key_id,
            record.leaf_index,
            record.signing_input,
            record.signature,
            key.seal(private + b"\n" + record.evidence, "attestation|" + record.jti),
        )

    def open_attestation(self, record: AttestationRecord, sealed: bytes, key: SubjectKey) -> AttestationRecord:
        """Fill a record in with its sealed parts."""
        private, _, evidence = key.open(sealed, "attestation|" + record.jti).partition(b"\n")
        try:
            phone_number, disclosures, salt = orjson.loads(private)
            return replace(
                record,
                phone_number=phone_number,
                disclosures=tuple(disclosures),
                evidence=evidence,
                evidence_salt=bytes.fromhex(salt),
            )
        except (ValueError, TypeError) as error:
            raise _unreadable("attestation", record.jti, error) from error


def _unreadable(what: str, name: str, error: Exception) -> StoreError:
    return StoreError(
        "STORAGE_CORRUPT", f"the {what} {name} was not written by this version: {type(error).__name__}: {error}"
    )
