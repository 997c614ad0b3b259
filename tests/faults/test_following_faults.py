"""A server is killed while bindings change: whoever follows them misses nothing, and the bindings become right.

The simulated operators live in the killed process: their events and watches die with it, and what they would have told
has to be found by asking.
"""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from fakes.crowd import numbers
from fakes.messenger import Messenger
from fakes.server_process import ServerProcess, door, running
from numseal.adapters.clock import SystemClock
from numseal.api.operator.v1 import subscriber_pb2
from numseal.api.simulator.v1 import simulator_pb2
from numseal.api.verification.v1 import binding_pb2
from numseal.apps.development import CONFIG_NAME, prepare_development

KILLS = 3
LOAD_SECONDS = 0.7
WORKERS = 4
BEGINNING = "c1-0"

Step = binding_pb2.WatchBindingsResponse
SWAP = simulator_pb2.SubscriberChange(swap_sim=simulator_pb2.SwapSim(kind=subscriber_pb2.SIM_CHANGE_KIND_REPLACED))
TERMINATE = simulator_pb2.SubscriberChange(terminate=simulator_pb2.Terminate())


@dataclass
class Follower:
    """Follows the changes over all lives of a server, from the last cursor it saw; `seen` is what it was told."""

    cursor: str = BEGINNING
    seen: list[Step] = field(default_factory=list)

    async def follow(self, messenger: Messenger) -> None:
        """Follow until the server is gone."""
        request = binding_pb2.WatchBindingsRequest(cursor=self.cursor)
        call = messenger.binding.WatchBindings(request, metadata=messenger.metadata)
        with suppress(grpc.aio.AioRpcError):
            async for step in call:
                self.cursor = step.cursor
                if step.HasField("change"):
                    self.seen.append(step)

    @asynccontextmanager
    async def following(self, messenger: Messenger) -> AsyncIterator[None]:
        task = asyncio.create_task(self.follow(messenger))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@dataclass
class Promised:
    """What a server has acknowledged: bindings by id with account and number, and those it has revoked."""

    bound: dict[str, tuple[str, str]] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    """Bindings whose number was given up: the operator may have been killed before it said so."""


async def sign_up(messenger: Messenger, number: str, promised: Promised) -> str:
    account = f"account-{number}"
    binding_id = (await messenger.sign_up(number, account)).binding_id
    promised.bound[binding_id] = (account, number)
    return binding_id


async def live(messenger: Messenger, fresh: Iterator[str], promised: Promised) -> None:
    """Sign up, and let things happen to what was bound, until the server is gone."""
    with suppress(grpc.aio.AioRpcError):
        for count, number in enumerate(fresh):
            binding_id = await sign_up(messenger, number, promised)
            match count % 4:
                case 0:
                    request = binding_pb2.RevokeBindingRequest(
                        binding_id=binding_id, reason=binding_pb2.REVOCATION_REASON_ACCOUNT_DELETED
                    )
                    await messenger.binding.RevokeBinding(request, metadata=messenger.metadata)
                    promised.revoked.add(binding_id)
                case 1:
                    await messenger.change(number, SWAP)
                case 2:
                    promised.told.add(binding_id)
                    await messenger.change(number, TERMINATE)
                case _:
                    emit = simulator_pb2.EmitEventRequest(
                        phone_number=number, kind=simulator_pb2.SIMULATED_EVENT_KIND_SIM_CHANGE, copies=20
                    )
                    await messenger.simulator.EmitEvent(emit, metadata=messenger.metadata)


async def kill(server: ServerProcess) -> None:
    server.kill()
    assert await server.ended() == -signal.SIGKILL


async def told_since(messenger: Messenger, cursor: str, last: str) -> list[Step]:
    """Read the changes from a cursor to the one at `last`."""
    request = binding_pb2.WatchBindingsRequest(cursor=cursor)
    call = messenger.binding.WatchBindings(request, metadata=messenger.metadata)
    steps: list[Step] = []
    try:
        async with asyncio.timeout(10):
            async for step in call:
                steps.append(step)
                if step.cursor == last:
                    break
    finally:
        call.cancel()
    return steps


async def bindings(messenger: Messenger) -> dict[str, binding_pb2.Binding]:
    answer = await messenger.binding.ListBindings(
        binding_pb2.ListBindingsRequest(page_size=1_000), metadata=messenger.metadata
    )
    assert not answer.next_page_token
    return {found.binding_id: found for found in answer.bindings}


LIVE = (binding_pb2.BINDING_STATE_ACTIVE, binding_pb2.BINDING_STATE_SUSPENDED)


def is_right(found: binding_pb2.Binding, since: int) -> bool:
    """Tell whether a binding has ended, or was asked about since and is watched again."""
    watched = found.monitoring_state == binding_pb2.MONITORING_STATE_WATCHED
    return found.state not in LIVE or (watched and found.observed_time.seconds >= since)


async def all_right(messenger: Messenger, since: int) -> dict[str, binding_pb2.Binding]:
    async with asyncio.timeout(15):
        while True:
            found = await bindings(messenger)
            if all(is_right(item, since) for item in found.values()):
                return found
            await asyncio.sleep(0.05)


@pytest.mark.timeout(60)
async def test_a_stream_resumed_after_kills_misses_nothing_and_keeps_the_order(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    prepare_development(directory)
    follower, promised = Follower(), Promised()
    supply = numbers()
    for _ in range(KILLS):
        async with running(directory) as server, door(server, directory) as messenger:
            work = [follower.follow(messenger), *(live(messenger, supply, promised) for _ in range(WORKERS))]
            tasks = [asyncio.create_task(each) for each in work]
            await asyncio.sleep(LOAD_SECONDS)
            await kill(server)
            await asyncio.gather(*tasks)
    async with running(directory) as server, door(server, directory) as messenger:
        started = SystemClock().now()
        async with follower.following(messenger):
            found = await all_right(messenger, started - 1)
            last = await bound_for_the_end(messenger, next(supply), promised, follower)
        whole = await told_since(messenger, BEGINNING, last)

    # Nothing missing, in order, and after a resume nothing twice: the pieces are the very stream.
    places = [int(step.cursor.removeprefix("c1-"), 16) for step in follower.seen]
    assert places == sorted(set(places))
    assert [step.SerializeToString(deterministic=True) for step in changes_of(follower.seen)] == [
        step.SerializeToString(deterministic=True) for step in changes_of(whole)
    ]
    assert len(promised.bound) > 10 * KILLS
    kinds = story(whole)
    for binding_id in promised.bound:
        assert kinds[binding_id][0] == binding_pb2.BINDING_CHANGE_KIND_CREATED
    for binding_id in promised.revoked:
        assert binding_pb2.BINDING_CHANGE_KIND_REVOKED in kinds[binding_id]
        assert found[binding_id].state == binding_pb2.BINDING_STATE_REVOKED
    assert told_as_is(whole, found)
    # None is taken for given up that was not.
    ended = {name for name, item in found.items() if item.state == binding_pb2.BINDING_STATE_REVOKED}
    assert ended & promised.bound.keys() <= promised.revoked | promised.told


def changes_of(steps: list[Step]) -> list[binding_pb2.BindingChange]:
    return [step.change for step in steps if step.HasField("change")]


def story(steps: list[Step]) -> dict[str, list[int]]:
    """Return the kinds of changes of each binding, in order."""
    kinds: dict[str, list[int]] = {}
    for change in changes_of(steps):
        kinds.setdefault(change.binding.binding_id, []).append(change.kind)
    return kinds


async def bound_for_the_end(messenger: Messenger, number: str, promised: Promised, follower: Follower) -> str:
    """Sign up once more, and return the follower's cursor once it has heard of it and of nothing later."""
    last = await sign_up(messenger, number, promised)
    async with asyncio.timeout(10):
        while not any(  # noqa: ASYNC110 - a stream of another task
            change.binding.binding_id == last
            and change.binding.monitoring_state == binding_pb2.MONITORING_STATE_WATCHED
            for change in changes_of(follower.seen)
        ):
            await asyncio.sleep(0.01)
    return follower.cursor


@pytest.mark.timeout(60)
async def test_what_happened_while_nobody_listened_is_found_by_asking(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    prepare_development(directory)
    follower, promised = Follower(), Promised()
    supply = numbers()
    async with running(directory) as server, door(server, directory) as messenger:
        async with follower.following(messenger):
            for _ in range(12):
                await sign_up(messenger, next(supply), promised)
            await all_right(messenger, 0)
        await kill(server)
    # The operators come back with other subscribers behind the same numbers, and no event says so.
    file = directory / CONFIG_NAME
    text, count = re.subn(r"(?m)^seed = 1$", "seed = 2", file.read_text())
    assert count == 1
    file.write_text(text)
    async with running(directory) as server, door(server, directory) as messenger, follower.following(messenger):
        async with asyncio.timeout(15):
            while not all(map(is_doubted, (await bindings(messenger)).values())):  # noqa: ASYNC110 - asked as a messenger asks
                await asyncio.sleep(0.05)
            found = await bindings(messenger)
            while not told_as_is(follower.seen, found):  # noqa: ASYNC110 - a stream of another task
                await asyncio.sleep(0.02)
    assert found.keys() == promised.bound.keys()
    assert any(item.state == binding_pb2.BINDING_STATE_REVOKED for item in found.values())


def is_doubted(found: binding_pb2.Binding) -> bool:
    """Tell whether a binding has ended, or must be shown again to hold, and why."""
    ended = found.state == binding_pb2.BINDING_STATE_REVOKED
    return bool(found.findings) and (ended or found.HasField("reverify_by"))


def told_as_is(steps: list[Step], found: dict[str, binding_pb2.Binding]) -> bool:
    """Tell whether the last that was told of each binding is what it is."""
    last = {change.binding.binding_id: change.binding for change in changes_of(steps)}
    return all(
        name in last and last[name].state == item.state and last[name].reverify_by == item.reverify_by
        for name, item in found.items()
    )
