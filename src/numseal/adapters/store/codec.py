"""Rows as the domain knows them, and as an engine keeps them: sealed. No SQL, and no decision about any row.

A subject is a relying party and a number; its rows are sealed under its key. The parts of a verification that never
change are written and read once: a small memo keeps their bytes beside the value.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import orjson

from numseal.adapters.store import engine
from numseal.adapters.store.sealing import Sealer, SubjectKey
from numseal.adapters.store.typed_json import TypedJson
from numseal.domain.agreement import AgreementRecord
from numseal.domain.binding import Binding, Monitoring
from numseal.domain.binding_change import BindingChange, ChangeKind
from numseal.domain.evidence import Lookup, Meta
from numseal.domain.log import AttestationRecord
from numseal.domain.verdict import Finding
from numseal.domain.verification import Opening, Verification
from numseal.ports.store import Recall, StoreError

KEEP_SECONDS = 86_400
"""How long a verification is kept after its end, and a request id after its use."""

CHANGE_KEEP = 30 * 86_400
"""How long a change of a binding is kept for those who follow them."""

_MEMO_SIZE = 1_024
_NOTHING = b""

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class _Found:
    findings: tuple[Finding, ...] = ()


_OPENING = TypedJson(Opening)
_LOOKUP = TypedJson(Lookup, shared=(Meta,))
_VERIFICATION = TypedJson(Verification, apart=frozenset({"opening", "before"}))
_BINDING = TypedJson(Binding)
_FOUND = TypedJson(_Found)
_AGREEMENT = TypedJson(AgreementRecord)


def purge_time(verification: Verification) -> int:
    """Return when a verification may be purged: it ends at its expiry at the latest, which may be moved."""
    return verification.expire_time + KEEP_SECONDS


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
        """Seal a verification."""
        before = verification.before
        body = b"\n".join(
            (
                _VERIFICATION.dumps(verification),
                self._openings.dumps(verification.opening),
                _NOTHING if before is None else self._lookups.dumps(before),
            )
        )
        name = verification.verification_id
        return name, ref, purge_time(verification), key.seal(body, "verification|" + name)

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

    def binding_body(self, binding: Binding) -> bytes:
        """Return a binding's body, not sealed."""
        return _BINDING.dumps(binding)

    def binding_rows(
        self, binding: Binding, body: bytes, ref: bytes, key: SubjectKey
    ) -> tuple[engine.Binding, tuple[str, bytes]]:
        """Return the narrow row that is found and checked by, and the sealed whole; `body` is the binding's."""
        name, operator_id = binding.binding_id, binding.operator_id
        watched = binding.monitoring is Monitoring.WATCHED
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
            binding.reverify_by,
            operator_id,
            self.sealer.watch_ref(operator_id, binding.watch_id) if watched else None,
            binding.recheck_time,
        )
        return narrow, (name, key.seal(body, "binding|" + name))

    def open_binding(self, binding_id: str, sealed: bytes, key: SubjectKey) -> Binding:
        """Open a binding's body."""
        body = key.open(sealed, "binding|" + binding_id)
        try:
            return _BINDING.loads(body)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise _unreadable("binding", binding_id, error) from error

    def change_row(
        self,
        sequence: int,
        kind: ChangeKind,
        binding: Binding,
        body: bytes,
        findings: Sequence[Finding],
        ref: bytes,
        key: SubjectKey,
        now: int,
    ) -> engine.Change:
        """Seal a change; `body` is that of the binding after it."""
        whole = body + b"\n" + _FOUND.dumps(_Found(tuple(findings)))
        sealed = key.seal(whole, f"change|{sequence}|{kind}")
        return sequence, binding.relying_party, ref, binding.binding_id, kind.value, sealed, now, now + CHANGE_KEEP

    def open_change(self, row: engine.SealedChange) -> BindingChange:
        """Open a change."""
        sequence, kind, sealed, commit_time, wrapped, ref = row
        body = self.unwrap(wrapped, ref).open(sealed, f"change|{sequence}|{kind}")
        try:
            binding, found = body.split(b"\n")
            return BindingChange(
                sequence, ChangeKind(kind), _BINDING.loads(binding), _FOUND.loads(found).findings, commit_time
            )
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise _unreadable("change", str(sequence), error) from error

    def agreement_row(self, record: AgreementRecord) -> tuple[str, bytes]:
        """Return an agreement's row; it tells of no person, so it is not sealed."""
        return record.terms.agreement_id, _AGREEMENT.dumps(record)

    def open_agreement(self, agreement_id: str, body: bytes) -> AgreementRecord:
        """Read an agreement's body."""
        try:
            return _AGREEMENT.loads(body)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise _unreadable("agreement", agreement_id, error) from error

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
