"""Rows and commands to try a store with.

await store.apply(Do(subjects_of(verification), lambda rows: rows.put_verification(verification)))
await store.apply(issue(3))                       # a subject, a binding, an attestation and its leaf
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from fakes.evidence import NOW, SIM, answer
from numseal.domain.binding import LIFETIME, Binding, BindingState, Monitoring
from numseal.domain.evidence import DeliveryState, Facts, Method, SubscriberRef
from numseal.domain.log import AttestationRecord
from numseal.domain.verdict import Finding, Level
from numseal.domain.verification import Code, Opening, Purpose, State, Verification
from numseal.ports.signer import SignerError
from numseal.ports.store import Needs, Rows

T = TypeVar("T")
PARTY = "acme"


@dataclass
class Do(Generic[T]):
    """A command that is a function."""

    needs: Needs
    do: Callable[[Rows], T]

    def decide(self, rows: Rows) -> T:
        return self.do(rows)


def name_of(number: int, kind: str = "0") -> str:
    """Make an id: the kind's hex digit, then the number."""
    return f"{kind}{number:031x}"


def phone_of(number: int) -> str:
    """Make a phone number."""
    return f"+7916{number:07d}"


def verification(number: int = 1, **changes: Any) -> Verification:
    """Make a verification whose code was sent."""
    opening = Opening(
        PARTY, f"account-{number}", phone_of(number), Purpose.SIGN_UP, Method.SMS, Level.LOW, "mts", "agr", "d" * 64
    )
    code = Code(Method.SMS, "e" * 64, b"\x00\xffchallenge", "dlv", DeliveryState.ACCEPTED, NOW, NOW + 600, 6)
    made = Verification(
        name_of(number, "a"), opening, State.CODE_SENT, NOW, NOW, NOW + 1800, sends=1, codes=(code,), before=answer()
    )
    return replace(made, **changes)


def binding(number: int = 1, account: str = "", **changes: Any) -> Binding:
    """Make a live binding of number and account."""
    made = Binding(
        binding_id=name_of(number, "b"),
        relying_party=PARTY,
        account_id=account or f"account-{number}",
        phone_number=phone_of(number),
        state=BindingState.ACTIVE,
        level=Level.SUBSTANTIAL,
        method=Method.SMS,
        operator_id="mts",
        verification_id=name_of(number, "a"),
        jti=name_of(number, "c"),
        leaf_index=0,
        verified_time=NOW,
        observed_time=NOW,
        expire_time=NOW + LIFETIME,
        facts=Facts("mts", NOW, SubscriberRef("a" * 32, "1"), SIM, None),
    )
    return replace(made, **changes)


def record(number: int = 1, **changes: Any) -> AttestationRecord:
    """Make an attestation's record as a use case does, without leaf or signature."""
    made = AttestationRecord(
        jti=name_of(number, "c"),
        binding_id=name_of(number, "b"),
        verification_id=name_of(number, "a"),
        relying_party=PARTY,
        phone_number=phone_of(number),
        key_id="kid",
        signing_input=b"header.payload%d" % number,
        disclosures=("WyJzYWx0Il0", "WyJ0dyJd"),
        evidence=b'{"phone_number":"%s"}' % phone_of(number).encode(),
        evidence_salt=bytes(range(32)),
    )
    return replace(made, **changes)


def entry_of(number: int) -> bytes:
    """Make a log entry."""
    return b"numseal/v1\natt\n%d\n" % number


def subject_of(number: int) -> tuple[str, str]:
    """Return the subject of the rows of this number."""
    return PARTY, phone_of(number)


def put(made: Verification) -> Do[None]:
    """Command: store a verification."""
    subject = (made.opening.relying_party, made.opening.phone_number)
    return Do(Needs(subjects=(subject,)), lambda rows: rows.put_verification(made))


def bind(made: Binding, *findings: Finding) -> Do[None]:
    """Command: store a binding, with what was found."""
    subject = (made.relying_party, made.phone_number)
    return Do(Needs(subjects=(subject,)), lambda rows: rows.put_binding(made, *findings))


def watched(number: int = 1, watch_id: str = "", **changes: Any) -> Binding:
    """Make a live binding that its operator watches, by the phone number where no other name is given."""
    return binding(number, monitoring=Monitoring.WATCHED, watch_id=watch_id or phone_of(number), **changes)


def issue(number: int) -> Do[int]:
    """Command: bind and attest, and return the leaf's index."""

    def do(rows: Rows) -> int:
        rows.subject_key(*subject_of(number))
        index = rows.attest(record(number), entry_of(number))
        rows.put_binding(binding(number, leaf_index=index))
        return index

    return Do(Needs(subjects=(subject_of(number),)), do)


@dataclass
class FakeSigner:
    """A log's signer that does what it is told: fails so many times, and notes each call."""

    real: Any
    failures: int = 0
    calls: list[bytes] = field(default_factory=list)
    asked: Callable[[bytes], None] = lambda _message: None

    @property
    def key_id(self) -> str:
        return str(self.real.key_id)

    async def sign(self, message: bytes) -> bytes:
        self.calls.append(message)
        self.asked(message)
        if self.failures:
            self.failures -= 1
            raise SignerError("the device is away")
        signature: bytes = await self.real.sign(message)
        return signature
