"""What Numseal refuses, and why: the one exception that crosses every room.

A `Refusal` is an answer to the caller, not a fault: it names what was wrong, where, and what would be right.
One file of the rpc adapter translates it to gRPC; nothing here knows of gRPC.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The class of a refusal; the names are those of the gRPC codes."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The machine-readable part of a refusal.

    `reason` is UPPER_SNAKE and part of the contract. `field` is the request's field at fault, as the proto
    spells it. `retry_delay` is in seconds. `quota` names the exhausted budget. `metadata` holds further facts.
    """

    kind: Kind
    reason: str
    field: str | None = None
    retry_delay: int | None = None
    quota: str | None = None
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """Numseal will not do what was asked; nothing was changed.

    The message is a sentence for people.
    """

    def __init__(self, reasoning: Reasoning, message: str) -> None:
        """Take the machine-readable part and the sentence."""
        super().__init__(message)
        self.reasoning = reasoning
        self.message = message

    @property
    def reason(self) -> str:
        """The UPPER_SNAKE reason."""
        return self.reasoning.reason


def invalid(field_name: str, reason: str, message: str) -> Refusal:
    """Refuse a field of a request."""
    return Refusal(Reasoning(Kind.INVALID_ARGUMENT, reason, field=field_name), message)


def not_found(reason: str, message: str) -> Refusal:
    """Refuse because the thing named is not there, or is not the caller's."""
    return Refusal(Reasoning(Kind.NOT_FOUND, reason), message)


def precondition(reason: str, message: str, **metadata: str) -> Refusal:
    """Refuse because of the state a thing is in."""
    return Refusal(Reasoning(Kind.FAILED_PRECONDITION, reason, metadata=metadata), message)


def denied(reason: str, message: str) -> Refusal:
    """Refuse because the caller may not."""
    return Refusal(Reasoning(Kind.PERMISSION_DENIED, reason), message)


def exhausted(reason: str, message: str, *, quota: str, retry_delay: int) -> Refusal:
    """Refuse because a budget is used up; `retry_delay` is in seconds."""
    return Refusal(Reasoning(Kind.RESOURCE_EXHAUSTED, reason, quota=quota, retry_delay=retry_delay), message)


def unavailable(reason: str, message: str, *, retry_delay: int | None = None) -> Refusal:
    """Refuse because something Numseal needs does not answer."""
    return Refusal(Reasoning(Kind.UNAVAILABLE, reason, retry_delay=retry_delay), message)
