"""The verification and its state machine, as a table. The README's diagram is generated from `TRANSITIONS`.

A verification changes only through `Verification.on`; an event that the table does not allow in a state is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from numseal.domain.agreement_quota import Hold
from numseal.domain.errors import Refusal, precondition
from numseal.domain.evidence import (
    NOT_COUNTED,
    Answer,
    ClientNetwork,
    DeliveryState,
    Grant,
    Lookup,
    Method,
    Possession,
    Velocity,
)
from numseal.domain.limits import MAX_GUESSES
from numseal.domain.report import Report
from numseal.domain.verdict import Level, Verdict

LIFETIME = 30 * 60
"""Seconds that a verification lives."""


class State(StrEnum):
    """Where a verification stands."""

    PENDING = "PENDING"
    CODE_SENT = "CODE_SENT"
    NETWORK_PENDING = "NETWORK_PENDING"
    ASSESSING = "ASSESSING"
    VERIFIED = "VERIFIED"
    STEP_UP_REQUIRED = "STEP_UP_REQUIRED"
    CONTESTED = "CONTESTED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    CANCELED = "CANCELED"


class Event(StrEnum):
    """What can happen to a verification."""

    CODE_SENT = "code sent"
    NETWORK_STARTED = "network check started"
    POSSESSION_SHOWN = "right code or network proof"
    ACCEPTED = "accepted"
    STEP_UP = "more proof needed"
    CONFLICT = "number bound to another account"
    REJECTED = "rejected"
    FAILED = "failed"
    WAY_TAKEN = "a way out was taken"
    TIME_UP = "time is up"
    CANCELED = "canceled"


_S, _E = State, Event
TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    _S.PENDING: {
        _E.CODE_SENT: _S.CODE_SENT,
        _E.NETWORK_STARTED: _S.NETWORK_PENDING,
        _E.REJECTED: _S.REJECTED,
        _E.FAILED: _S.FAILED,
        _E.TIME_UP: _S.EXPIRED,
        _E.CANCELED: _S.CANCELED,
    },
    _S.CODE_SENT: {
        _E.CODE_SENT: _S.CODE_SENT,
        _E.NETWORK_STARTED: _S.NETWORK_PENDING,
        _E.POSSESSION_SHOWN: _S.ASSESSING,
        _E.FAILED: _S.FAILED,
        _E.TIME_UP: _S.EXPIRED,
        _E.CANCELED: _S.CANCELED,
    },
    _S.NETWORK_PENDING: {
        _E.CODE_SENT: _S.CODE_SENT,
        _E.POSSESSION_SHOWN: _S.ASSESSING,
        _E.FAILED: _S.FAILED,
        _E.TIME_UP: _S.EXPIRED,
        _E.CANCELED: _S.CANCELED,
    },
    _S.ASSESSING: {
        _E.ACCEPTED: _S.VERIFIED,
        _E.STEP_UP: _S.STEP_UP_REQUIRED,
        _E.CONFLICT: _S.CONTESTED,
        _E.REJECTED: _S.REJECTED,
        _E.TIME_UP: _S.EXPIRED,
    },
    _S.STEP_UP_REQUIRED: {
        _E.CODE_SENT: _S.CODE_SENT,
        _E.NETWORK_STARTED: _S.NETWORK_PENDING,
        _E.WAY_TAKEN: _S.ASSESSING,
        _E.TIME_UP: _S.EXPIRED,
        _E.CANCELED: _S.CANCELED,
    },
    _S.CONTESTED: {
        _E.WAY_TAKEN: _S.ASSESSING,
        _E.TIME_UP: _S.EXPIRED,
        _E.CANCELED: _S.CANCELED,
    },
    _S.VERIFIED: {},
    _S.REJECTED: {},
    _S.FAILED: {},
    _S.EXPIRED: {},
    _S.CANCELED: {},
}
"""What each event makes of each state; a state without events is final."""


class Purpose(StrEnum):
    """Why the relying party verifies."""

    SIGN_UP = "SIGN_UP"
    RE_REGISTER = "RE_REGISTER"
    CHANGE_NUMBER = "CHANGE_NUMBER"
    ENROLL_EXISTING = "ENROLL_EXISTING"
    REVERIFY = "REVERIFY"


@dataclass(frozen=True, slots=True)
class Client:
    """What the relying party says of its user's client; empty where it does not say."""

    ip_address: str = ""
    user_agent: str = ""
    device_public_key_jwk: str = ""


NO_CLIENT = Client()


@dataclass(frozen=True, slots=True)
class Opening:
    """What a relying party asks for; the unchanging part of a verification."""

    relying_party: str
    account_id: str
    phone_number: str
    purpose: Purpose
    method: Method
    required_level: Level
    operator_id: str
    agreement_id: str
    policy_digest: str
    region_code: str = ""
    replaces_binding: str = ""
    locale: str = ""
    app_id: str = ""
    consent_reference: str = ""
    client: Client = NO_CLIENT
    client_network: ClientNetwork | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """One code that was sent.

    `digest` is the keyed hash of a code that Numseal made and empty for a code of the operator's, whose
    `challenge` is opaque. Times in Unix seconds.
    """

    method: Method
    digest: str
    challenge: bytes
    delivery_id: str
    delivery_state: DeliveryState
    send_time: int
    expire_time: int
    length: int


@dataclass(frozen=True, slots=True)
class NetworkPage:
    """A page of the operator's that the client opens over mobile data; `challenge` is opaque, times Unix seconds."""

    auth_url: str
    state: str
    challenge: bytes
    start_time: int
    expire_time: int


@dataclass(frozen=True, slots=True)
class Option:
    """A way on from STEP_UP_REQUIRED or out of CONTESTED.

    `method` is set for METHOD and NETWORK, `available_time` is Unix seconds, `level` the highest that it can reach.
    """

    answer: Answer
    available_time: int
    method: Method | None = None
    level: Level = Level.LOW


@dataclass(frozen=True, slots=True)
class Verification:
    """One attempt to show that an account's holder controls a number.

    `accepted_digest` is the keyed hash of the right code or proof, so that the same again gets the same answer;
    `shown` are the possessions shown so far, the last one under that hash. `porting` is the answer of the operator
    that was asked first and named the present one. `methods` are those on offer when the last challenge went out.
    `after` and `velocity` are those of the last assessment. `options` are the ways on, in STEP_UP_REQUIRED and
    CONTESTED, as of `option_time`. `sends` counts orders, `settled_sends` is the last of them whose outcome is
    written down, `unsent` counts those that certainly came to no code and are not held against the person.
    `guesses` counts wrong codes, `pages` network pages. `held` is what agreements were charged for a challenge that
    is not known to have gone out yet. `since_time` is when the number's live binding was made, where it had one
    when this was opened. `failure` is the UPPER_SNAKE reason of FAILED.
    """

    verification_id: str
    opening: Opening
    state: State
    create_time: int
    update_time: int
    expire_time: int
    sends: int = 0
    settled_sends: int = 0
    unsent: int = 0
    held: tuple[Hold, ...] = ()
    next_send_time: int = 0
    methods: tuple[Method, ...] = ()
    resend_requests: tuple[str, ...] = ()
    guesses: int = 0
    next_check_time: int = 0
    codes: tuple[Code, ...] = ()
    since_time: int | None = None
    before: Lookup | None = None
    porting: Lookup | None = None
    before_resend: tuple[Lookup, ...] = ()
    pages: int = 0
    page: NetworkPage | None = None
    network_mismatches: int = 0
    accepted_digest: str = ""
    shown: tuple[Possession, ...] = ()
    after: Lookup | None = None
    velocity: Velocity = NOT_COUNTED
    grants: tuple[Grant, ...] = ()
    options: tuple[Option, ...] = ()
    option_time: int = 0
    continue_requests: tuple[str, ...] = ()
    key_proven: bool = False
    verdict: Verdict | None = None
    binding_id: str = ""
    jti: str = ""
    supersedes: tuple[str, ...] = ()
    contested_binding: str = ""
    failure: str = ""
    reports: tuple[Report, ...] = ()

    def on(self, event: Event, now: int, **changes: Any) -> "Verification":
        """Return the verification after an event, with changed fields; raises Refusal where the state forbids it."""
        following = TRANSITIONS[self.state].get(event)
        if following is None:
            raise wrong_state(self, event.value)
        return replace(self, state=following, update_time=now, **changes)

    def at(self, now: int) -> "Verification":
        """Return the verification as time has made it: EXPIRED once its time is up."""
        if now < self.expire_time or Event.TIME_UP not in TRANSITIONS[self.state]:
            return self
        return self.on(Event.TIME_UP, self.expire_time)

    @property
    def final(self) -> bool:
        """Whether nothing can happen to it any more."""
        return not TRANSITIONS[self.state]

    @property
    def attempts_remaining(self) -> int:
        """How many wrong codes it still stands."""
        return MAX_GUESSES - self.guesses

    @property
    def codes_counted(self) -> int:
        """How many codes are held against it: those that went out, or may have."""
        return self.sends - self.unsent

    def live_codes(self, now: int) -> tuple[Code, ...]:
        """Return the codes that may still be entered, newest first.

        An order for an operator's code whose answer was lost left nothing to compare with.
        """
        codes = reversed(self.codes)
        return tuple(code for code in codes if now < code.expire_time and (code.digest or code.challenge))


def wrong_state(verification: Verification, wish: str) -> Refusal:
    """Refuse something that the state does not allow, with a reason of its own for every state."""
    state = verification.state
    allowed = ", ".join(event.value for event in TRANSITIONS[state]) or "nothing more"
    return precondition(
        f"VERIFICATION_{state}",
        f"the verification is {state}: {wish!r} is not possible there, only {allowed}",
        state=state.value,
    )


def mermaid() -> str:
    """Draw the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> PENDING"]
    for state, row in TRANSITIONS.items():
        lines += [f"    {state} --> {following}: {event}" for event, following in row.items()]
        if not row:
            lines.append(f"    {state} --> [*]")
    return "\n".join(lines) + "\n"
