"""Running the checks against one backend: what runs beside what, and how each comes to its result."""

import asyncio
from collections.abc import Callable, Sequence

from google.protobuf.message import DecodeError

from numseal.api.operator.v1 import operator_pb2
from numseal.conformance.check import Check, Lane
from numseal.conformance.kit import NO_KEYS, Kit, Refused, StatementKeys
from numseal.conformance.pace import Pace
from numseal.conformance.profile import Profile
from numseal.conformance.results import Broken, CannotCheck, DoesNotApply, Outcome, Result
from numseal.conformance.transport import Target
from numseal.ports.clock import Clock

AT_ONCE = 8
"""Checks that run beside one another; most wait for one thing or another."""

MAX_SENTENCE = 500

_NOT_THERE = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"})
_NO_SUCH_SERVICE = "UNIMPLEMENTED"
_NOT_LET_IN = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})

Progress = Callable[[Result], None]


class UnreachableError(Exception):
    """No backend answers at the address, or it does not let the kit in; the message says what would."""


async def run(
    target: Target,
    checks: Sequence[Check],
    profile: Profile,
    clock: Clock,
    run_id: str,
    *,
    pace: Pace | None = None,
    statement_keys: StatementKeys = NO_KEYS,
    progress: Progress | None = None,
) -> tuple[Result, ...]:
    """Run checks, and return their results in the order of the checks; raise `UnreachableError`.

    `run_id` is 8 or more hex digits that no other run has. `progress` is called with each result as it comes.
    """
    async with target.channel() as channel:
        kit = Kit(channel, target, profile, clock, pace or Pace(), run_id, statement_keys)
        refused = await _learn(kit)
        if refused is None:
            done = await _run_all(kit, checks, progress)
        else:
            done = {check.id: _unlearned(check, refused) for check in checks}
    return tuple(done[check.id] for check in checks)


def holds(results: Sequence[Result]) -> bool:
    """Return whether all that applies holds: nothing failed, and not everything was left out for want of a number."""
    found = {result.outcome for result in results}
    return Outcome.FAILED not in found and found != {Outcome.NOT_CHECKED}


async def _learn(kit: Kit) -> Refused | None:
    """Ask for the capabilities; return how they were refused."""
    request = operator_pb2.GetCapabilitiesRequest(contract_versions=["1.0"])
    try:
        kit.learn(await kit.call("GetCapabilities", request))
    except Refused as error:
        if error.code.name in _NOT_THERE:
            told = "; it was asked over TLS" if kit.target.secure else "; it was asked in clear"
            raise UnreachableError(
                f"no operator backend answers at {kit.target.address}: {error.details or error.code.name}{told}"
            ) from None
        if error.code.name in _NOT_LET_IN:
            raise UnreachableError(
                f"{kit.target.address} does not let the kit in ({error.code.name}: {error.details}); "
                "give it Numseal's credentials: --tls-certificate and --tls-key, or --token-file"
            ) from None
        if error.code.name == _NO_SUCH_SERVICE:
            raise UnreachableError(
                f"no operator backend answers there: what listens at {kit.target.address} does not serve "
                f"GetCapabilities ({error.code.name}: {error.details})"
            ) from None
        return error
    return None


def _unlearned(check: Check, refused: Refused) -> Result:
    if check.id.startswith("capabilities."):
        return _made(check, Outcome.FAILED, (str(refused),), 0.0)
    why = "GetCapabilities was not answered, so what applies is not known"
    return _made(check, Outcome.NOT_CHECKED, (why,), 0.0)


async def _run_all(kit: Kit, checks: Sequence[Check], progress: Progress | None) -> dict[str, Result]:
    done: dict[str, Result] = {}
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(check: Check) -> None:
        result = done[check.id] = await _result(kit, check)
        if progress is not None:
            progress(result)

    async def free(check: Check) -> None:
        async with turns:
            await one(check)

    async def in_turn(lane: Lane) -> None:
        for check in checks:
            if check.lane is lane:
                await one(check)

    # A heartbeat is waited for longest, so it takes no one's turn.
    waiting = [check for check in checks if check.id.startswith("events.heartbeat")]
    async with asyncio.TaskGroup() as group:
        for check in waiting:
            group.create_task(one(check))
        group.create_task(in_turn(Lane.WATCHES))
        for check in checks:
            if check.lane is Lane.FREE and check not in waiting:
                group.create_task(free(check))
    await in_turn(Lane.LAST)
    return done


async def _result(kit: Kit, check: Check) -> Result:
    """Run one check; whatever it meets becomes its result."""
    begun = kit.clock.monotonic()
    sentences: tuple[str, ...]
    try:
        async with asyncio.timeout(kit.pace.check):
            seen = await check.run(kit)
        outcome, sentences = Outcome.PASSED, (seen,) if seen else ()
    except Broken as error:
        outcome, sentences = Outcome.FAILED, error.sentences
    except Refused as error:
        outcome, sentences = Outcome.FAILED, (f"{error}; an answer is expected",)
    except DoesNotApply as error:
        outcome, sentences = Outcome.SKIPPED, (str(error),)
    except CannotCheck as error:
        outcome, sentences = Outcome.NOT_CHECKED, (str(error),)
    except TimeoutError:
        outcome, sentences = Outcome.FAILED, (f"the check did not end within {kit.pace.check:g} s",)
    except (ValueError, DecodeError) as error:
        outcome, sentences = Outcome.FAILED, (f"the answer cannot be read: {error}",)
    return _made(check, outcome, sentences, kit.clock.monotonic() - begun)


def _made(check: Check, outcome: Outcome, sentences: tuple[str, ...], seconds: float) -> Result:
    """Make a result whose sentences, which may hold the backend's own words, are short and can be printed."""
    said = tuple(
        "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in sentence[:MAX_SENTENCE])
        for sentence in sentences
    )
    return Result(check.id, check.title, check.clause, outcome, said, seconds)
