"""The contract of `ports.store` for what follows a binding: sightings, watches, streams, changes and policies."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.evidence import NOW
from fakes.store_kit import ENGINES, StoreKit
from fakes.store_rows import (
    PARTY,
    Do,
    bind,
    binding,
    issue,
    name_of,
    phone_of,
    put,
    subject_of,
    verification,
    watched,
)
from numseal.adapters.store.engine import Changes
from numseal.adapters.store.statements import PURGE_ROWS
from numseal.adapters.store.store import DurableStore
from numseal.domain.binding import Binding, BindingState, Monitoring
from numseal.domain.binding_change import BindingChange, ChangeKind
from numseal.domain.errors import Refusal, precondition
from numseal.domain.limits import DAY
from numseal.domain.velocity import Sighting
from numseal.domain.verdict import Finding, Level, Severity
from numseal.ports.store import Needs, Rows, StoreError

KEEP = 30 * DAY
SWAPPED = Finding("SIM_CHANGED", Severity.CAUTION, "The SIM was changed.", ("event.sim_change",), Level.LOW)
NOTED = Finding("MOVED", Severity.NOTE, "It moved.")


@pytest.fixture(params=ENGINES)
async def kit(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StoreKit]:
    kit = StoreKit(tmp_path, request.param)
    yield kit
    await kit.close_all()


@pytest.fixture
async def store(kit: StoreKit) -> DurableStore:
    return await kit.open()


def refuse(_rows: Rows) -> None:
    raise precondition("NO", "no")


def number_seen(number: int) -> Sighting:
    return Sighting("NUMBERS", "account|1", phone_of(number), DAY)


def see(*numbers: int) -> Do[list[int]]:
    sightings = tuple(map(number_seen, numbers))
    return Do(Needs(sightings=sightings), lambda rows: [rows.see(sighting) for sighting in sightings])


def count_of(sighting: Sighting) -> Do[int]:
    return Do(Needs(sightings=(sighting,)), lambda rows: rows.seen(sighting))


def look_by_watch(watch_id: str, operator_id: str = "mts") -> Do[tuple[Binding, ...]]:
    watch = (operator_id, watch_id)
    return Do(Needs(watches=(watch,)), lambda rows: rows.watched(*watch))


async def kinds(store: DurableStore, after: int = 0) -> list[tuple[int, ChangeKind]]:
    return [(change.sequence, change.kind) for change in await store.changes(PARTY, after, 1_000)]


@pytest.mark.parametrize(
    "ask",
    [
        lambda rows: rows.seen(number_seen(1)),
        lambda rows: rows.see(number_seen(1)),
        lambda rows: rows.watched("mts", "w"),
        lambda rows: rows.cursor("mts"),
        lambda rows: rows.put_cursor("mts", "c"),
    ],
)
async def test_rows_that_a_command_did_not_name_are_a_key_error(
    store: DurableStore, ask: Callable[[Rows], object]
) -> None:
    everything = Needs(sightings=(number_seen(1),), watches=(("mts", "w"),), streams=("mts",))
    other, asking = await asyncio.gather(
        store.apply(Do(everything, lambda _: None)), store.apply(Do(Needs(), ask)), return_exceptions=True
    )
    assert isinstance(asking, KeyError)
    assert not isinstance(other, BaseException)


# Sightings


async def test_a_value_counts_once_in_a_window(kit: StoreKit, store: DurableStore) -> None:
    first, again, more = await asyncio.gather(*(store.apply(see(*numbers)) for numbers in ((1, 1), (1,), (2, 1, 3))))
    assert (first.value, again.value, more.value) == ([1, 1], [1], [2, 2, 3])
    assert (await store.apply(see(3, 4, 1))).value == [3, 4, 4]
    await store.close()
    store = await kit.open()
    assert (await store.apply(count_of(number_seen(9)))).value == 4
    kit.clock.advance(DAY)
    assert (await store.apply(count_of(number_seen(9)))).value == 0
    assert (await store.apply(see(1, 1))).value == [1, 1]


async def test_subjects_and_kinds_are_counted_apart(store: DurableStore) -> None:
    one = number_seen(1)
    for other in (replace(one, kind="OTHERS"), replace(one, subject="account|2"), replace(one, window=7 * DAY)):
        await store.apply(see(1))
        assert [(await store.apply(count_of(sighting))).value for sighting in (one, other)] == [1, 0]


async def test_a_tally_is_a_budget_and_both_ways_see_it(store: DurableStore) -> None:
    one = number_seen(1)
    needs = Needs(sightings=(one,), budgets=(one.tally,))
    assert (await store.apply(Do(needs, lambda rows: (rows.see(one), rows.spent(one.tally))))).value == (1, 1)


async def test_sightings_past_their_window_are_forgotten(kit: StoreKit, store: DurableStore) -> None:
    await store.apply(see(1, 2))
    await store.close()
    kit.clock.advance(DAY)
    store = await kit.open()
    await store.apply(see(1))
    assert (await store.apply(see(2, 3))).value == [2, 3]


# Watches


async def test_watched_bindings_are_found_by_operator_and_name(store: DurableStore) -> None:
    both = [watched(2, "w"), watched(1, "w", relying_party="other", binding_id=name_of(1, "b"))]
    others = [watched(3, "w", operator_id="mf"), watched(4, "v"), watched(5, "w", state=BindingState.REVOKED)]
    others.append(binding(6, watch_id="w", monitoring=Monitoring.POLLED))
    for made in (*both, *others):
        await store.apply(bind(made))
    assert (await store.apply(look_by_watch("w"))).value == (both[1], both[0])
    assert (await store.apply(look_by_watch("w", "mf"))).value == (others[0],)
    assert (await store.apply(look_by_watch("nothing"))).value == ()


async def test_watches_follow_what_the_batch_has_staged(store: DurableStore) -> None:
    first, second, third = watched(1, "w"), watched(2, "w"), binding(3)
    for made in (first, third):
        await store.apply(bind(made))
    revoked = replace(first, state=BindingState.REVOKED)
    begun = replace(third, monitoring=Monitoring.WATCHED, watch_id="w")
    lower = replace(second, level=Level.LOW)
    looks, writes = [asyncio.ensure_future(store.apply(look_by_watch("w")))], []
    for steps in ((second,), (revoked, begun), (replace(begun, operator_id="mf"), lower)):
        writes += [asyncio.ensure_future(store.apply(bind(step))) for step in steps]
        looks.append(asyncio.ensure_future(store.apply(look_by_watch("w"))))
    await asyncio.gather(*writes)
    expected = [(first,), (first, second), (second, begun), (lower,)]
    assert [(await look).value for look in looks] == expected
    assert (await store.apply(look_by_watch("w"))).value == expected[-1]


async def test_a_command_changes_what_it_finds_by_watch_alone(store: DurableStore) -> None:
    await store.apply(bind(watched(1, "w")))

    def swap(rows: Rows) -> None:
        for found in rows.watched("mts", "w"):
            rows.put_binding(replace(found, level=Level.LOW, reverify_by=NOW + 7 * DAY), SWAPPED)
        rows.put_cursor("mts", "c-1")

    needs = Needs(watches=(("mts", "w"),), streams=("mts",))
    await store.apply(Do(needs, swap))
    found = await store.binding(name_of(1, "b"))
    assert found is not None
    assert (found.level, found.reverify_by) == (Level.LOW, NOW + 7 * DAY)
    assert await store.cursor("mts") == "c-1"


# Streams, policies


async def test_a_cursor_is_where_it_was_put_last(kit: StoreKit, store: DurableStore) -> None:
    def put_cursor(cursor: str) -> Do[str]:
        def do(rows: Rows) -> str:
            before = rows.cursor("mts")
            rows.put_cursor("mts", cursor)
            return before

        return Do(Needs(streams=("mts", "mf")), do)

    assert await store.cursor("mts") == ""
    answers = await asyncio.gather(*(store.apply(put_cursor(cursor)) for cursor in "abc"))
    assert [answer.value for answer in answers] == ["", "a", "b"]
    assert (await store.cursor("mts"), await store.cursor("mf")) == ("c", "")
    await store.close()
    store = await kit.open()
    assert await store.cursor("mts") == "c"
    assert (await store.apply(put_cursor("d"))).value == "c"


async def test_policies_are_kept_and_the_first_text_stays(kit: StoreKit, store: DurableStore) -> None:
    def keep(digest: str, document: str) -> Do[None]:
        return Do(Needs(), lambda rows: rows.keep_policy(digest, document))

    await asyncio.gather(*(store.apply(keep(*policy)) for policy in (("b", "{1}"), ("b", "{2}"), ("a", "{3}"))))
    await store.apply(keep("a", "{4}"))
    await store.apply(keep("c", "{5}"))
    await store.close()
    store = await kit.open()
    assert await store.policies() == [("a", "{3}"), ("b", "{1}"), ("c", "{5}")]


# Changes


async def test_every_change_is_recorded_with_what_it_rests_on(store: DurableStore) -> None:
    made = binding(1)
    low = replace(made, level=Level.LOW, contested_time=NOW, contests=("a" * 32,))
    ended = replace(low, state=BindingState.REVOKED, end_reason="TERMINATED")
    assert store.change_bounds() == (0, 0)
    for step in (bind(made), bind(low, SWAPPED, NOTED), bind(replace(low, observed_time=NOW + 1), NOTED), bind(ended)):
        await store.apply(step)
    assert store.change_bounds() == (0, 4)
    assert await store.changes(PARTY, 0, 10) == [
        BindingChange(1, ChangeKind.CREATED, made, (), NOW),
        BindingChange(2, ChangeKind.CONTESTED, low, (SWAPPED, NOTED), NOW),
        BindingChange(3, ChangeKind.LEVEL_CHANGED, low, (SWAPPED, NOTED), NOW),
        BindingChange(4, ChangeKind.REVOKED, ended, (), NOW),
    ]


async def test_changes_are_read_by_party_from_behind_a_number(store: DurableStore) -> None:
    for number in range(1, 7):
        party = PARTY if number % 2 else "other"
        await store.apply(bind(binding(number, relying_party=party)))
    assert [change.sequence for change in await store.changes(PARTY, 0, 10)] == [1, 3, 5]
    assert [change.sequence for change in await store.changes(PARTY, 1, 1)] == [3]
    assert [change.sequence for change in await store.changes("other", 2, 10)] == [4, 6]
    assert await store.changes("other", 6, 10) == []
    assert await store.changes("nobody", 0, 10) == []


async def test_many_changes_are_read_in_order(store: DurableStore) -> None:
    await asyncio.gather(*(store.apply(bind(binding(number))) for number in range(100)))
    assert [change.sequence for change in await store.changes(PARTY, 0, 100)] == list(range(1, 101))


async def test_changes_within_a_batch_are_told_from_what_was_staged_before(store: DurableStore) -> None:
    made = binding(1)
    low = replace(made, level=Level.LOW)
    steps = (made, low, low, replace(low, state=BindingState.SUSPENDED), low)
    await asyncio.gather(*(store.apply(bind(step)) for step in steps))
    found = await store.changes(PARTY, 0, 10)
    assert [(change.kind, change.binding) for change in found] == [
        (ChangeKind.CREATED, steps[0]),
        (ChangeKind.LEVEL_CHANGED, steps[1]),
        (ChangeKind.SUSPENDED, steps[3]),
        (ChangeKind.RESUMED, steps[4]),
    ]


async def test_a_renewal_ends_one_binding_and_renews_the_other(store: DurableStore) -> None:
    old, new = binding(1), binding(1, binding_id=name_of(2, "b"), renews=True)
    await store.apply(bind(old))

    def renew(rows: Rows) -> None:
        rows.put_binding(replace(old, state=BindingState.SUPERSEDED))
        rows.put_binding(new, NOTED)

    await store.apply(Do(Needs(subjects=(subject_of(1),)), renew))
    assert await kinds(store, 1) == [(2, ChangeKind.SUPERSEDED), (3, ChangeKind.RENEWED)]


async def test_a_refusal_leaves_neither_change_nor_sighting_nor_cursor_nor_watch(store: DurableStore) -> None:
    await store.apply(bind(watched(1, "w")))
    needs = Needs(subjects=(subject_of(2),), sightings=(number_seen(1),), watches=(("mts", "w"),), streams=("mts",))

    def stage_and_refuse(rows: Rows) -> None:
        rows.see(number_seen(1))
        (found,) = rows.watched("mts", "w")
        rows.put_binding(replace(found, state=BindingState.REVOKED), SWAPPED)
        rows.put_binding(watched(2, "w"))
        rows.put_cursor("mts", "c")
        rows.keep_policy("a", "{}")
        refuse(rows)

    def look(rows: Rows) -> tuple[object, ...]:
        return rows.seen(number_seen(1)), rows.watched("mts", "w"), rows.cursor("mts")

    good, bad, after, more = await asyncio.gather(
        store.apply(issue(7)),
        store.apply(Do(needs, stage_and_refuse)),
        store.apply(Do(needs, look)),
        store.apply(issue(8)),
        return_exceptions=True,
    )
    assert isinstance(bad, Refusal)
    assert not isinstance(good, BaseException)
    assert not isinstance(more, BaseException)
    assert not isinstance(after, BaseException)
    assert after.value == (0, (watched(1, "w"),), "")
    assert (await store.apply(Do(needs, look))).value == (0, (watched(1, "w"),), "")
    assert await store.policies() == []
    changes = await store.changes(PARTY, 1, 10)
    assert [(change.sequence, change.binding.binding_id) for change in changes] == [
        (2, name_of(7, "b")),
        (3, name_of(8, "b")),
    ]
    assert store.change_bounds() == (0, 3)


async def test_a_change_that_was_refused_is_not_told(store: DurableStore) -> None:
    made = watched(1, "w")
    await store.apply(bind(made))

    def revoke_and_refuse(rows: Rows) -> None:
        rows.put_binding(replace(made, state=BindingState.REVOKED), SWAPPED)
        refuse(rows)

    _, bad, _ = await asyncio.gather(
        store.apply(issue(7)),
        store.apply(Do(Needs(bindings=(made.binding_id,)), revoke_and_refuse)),
        store.apply(issue(8)),
        return_exceptions=True,
    )
    assert isinstance(bad, Refusal)
    assert await kinds(store) == [(sequence, ChangeKind.CREATED) for sequence in (1, 2, 3)]


async def test_a_command_whose_rows_are_refused_leaves_no_gap(store: DurableStore) -> None:
    """The batch is tried again, each command alone; numbers are given out anew then."""
    old = binding(1, state=BindingState.SUPERSEDED)
    await store.apply(bind(old))
    await store.apply(bind(binding(1, "other", binding_id=name_of(2, "b"))))
    revive = Do(
        Needs(bindings=(old.binding_id,)), lambda rows: rows.put_binding(replace(old, state=BindingState.ACTIVE))
    )
    _, bad, _ = await asyncio.gather(
        store.apply(issue(7)), store.apply(revive), store.apply(issue(8)), return_exceptions=True
    )
    assert isinstance(bad, StoreError)
    found = {change.binding.binding_id: change.sequence for change in await store.changes(PARTY, 2, 10)}
    assert set(found) == {name_of(7, "b"), name_of(8, "b")}
    assert set(found.values()) == {3, 4}


async def test_waiting_ends_with_the_next_change(store: DurableStore) -> None:
    await store.apply(bind(binding(1)))
    await asyncio.wait_for(store.changed(0), 5)
    first, second = (asyncio.ensure_future(store.changed(after)) for after in (1, 2))
    await store.apply(put(verification(9)))
    await asyncio.wait([first], timeout=0.01)
    assert not first.done()
    await store.apply(bind(binding(2)))
    await asyncio.wait_for(first, 5)
    assert len(await store.changes(PARTY, 1, 10)) == 1
    assert not second.done()
    await store.apply(bind(binding(3)))
    await asyncio.wait_for(second, 5)


async def test_who_waited_can_read_the_change_at_once(store: DurableStore) -> None:
    async def follow() -> list[BindingChange]:
        await store.changed(0)
        return await store.changes(PARTY, 0, 10)

    following = asyncio.ensure_future(follow())
    await asyncio.sleep(0)
    await store.apply(bind(binding(1)))
    assert len(await asyncio.wait_for(following, 5)) == 1


async def test_closing_ends_the_waiting(store: DurableStore) -> None:
    waiting = asyncio.ensure_future(store.changed(0))
    await asyncio.sleep(0)
    await store.close()
    for ended in (waiting, store.changed(0)):
        with pytest.raises(StoreError) as closed:
            await asyncio.wait_for(ended, 5)
        assert closed.value.reason == "STORE_CLOSED"


async def test_changes_go_on_after_reopening(kit: StoreKit, store: DurableStore) -> None:
    for number in (1, 2):
        await store.apply(bind(binding(number), NOTED))
    before = await store.changes(PARTY, 0, 10)
    await store.close()
    store = await kit.open()
    assert store.change_bounds() == (0, 2)
    assert await store.changes(PARTY, 0, 10) == before
    await asyncio.wait_for(store.changed(1), 5)
    await store.apply(bind(binding(3)))
    assert [change.sequence for change in await store.changes(PARTY, 0, 10)] == [1, 2, 3]


async def test_changes_are_kept_for_thirty_days(kit: StoreKit, store: DurableStore) -> None:
    await store.apply(bind(binding(1)))
    await store.close()
    kit.clock.advance(10)
    store = await kit.open()
    await store.apply(bind(binding(2)))
    for time, bounds in ((NOW + KEEP - 1, (0, 2)), (NOW + KEEP, (1, 2)), (NOW + KEEP + 10, (2, 2))):
        await store.close()
        kit.clock.step(time)
        store = await kit.open()
        # Rows are looked through when the first command has been answered, and before the second is taken.
        for _ in range(2):
            await store.apply(put(verification(9)))
        assert store.change_bounds() == bounds
        assert [change.sequence for change in await store.changes(PARTY, 0, 10)] == list(range(bounds[0] + 1, 3))
    await store.close()
    store = await kit.open()
    assert store.change_bounds() == (2, 2)
    await store.apply(bind(binding(3)))
    assert await kinds(store) == [(3, ChangeKind.CREATED)]


async def test_many_changes_are_purged_step_by_step(
    kit: StoreKit, store: DurableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 2 * PURGE_ROWS + 3
    await asyncio.gather(*(store.apply(bind(binding(number))) for number in range(count)))
    await store.close()
    kit.clock.advance(KEEP)
    store = await kit.open()
    flush, purged = store._engine.flush, []

    async def noted(changes: Changes) -> None:
        purged.append(changes.head.purged_sequence)
        await flush(changes)

    monkeypatch.setattr(store._engine, "flush", noted)
    async with asyncio.timeout(10):
        while store.change_bounds() != (count, count):
            await store.apply(put(verification(9)))
    assert sorted(set(purged) - {0}) == [PURGE_ROWS, 2 * PURGE_ROWS, count]


async def test_a_subject_with_changes_left_is_not_purged(kit: StoreKit, store: DurableStore) -> None:
    """An erased binding's changes; no command leaves a change without its binding."""
    codec, made = store._codec, binding(1)
    ref, key = codec.sealer.subject_ref(*subject_of(1)), codec.sealer.new_subject()
    head = await store._engine.begin()
    change = codec.change_row(1, ChangeKind.REVOKED, made, codec.binding_body(made), (), ref, key, NOW)
    changes = Changes(replace(head, change_sequence=1), changes=[change])
    changes.subjects.append(codec.subject_row(ref, *subject_of(1), key))
    changes.verifications.append(codec.verification_row(verification(1), ref, key))
    await store._engine.flush(changes)
    await store._engine.commit()
    subject_key = Do(Needs(subjects=(subject_of(1),)), lambda rows: rows.subject_key(*subject_of(1)))
    for time, kept in ((NOW + 1800 + DAY, True), (NOW + KEEP, False)):
        await store.close()
        kit.clock.step(time)
        store = await kit.open()
        for _ in range(2):
            await store.apply(put(verification(9)))
        assert await store.verification(name_of(1, "a")) is None
        assert ((await store.apply(subject_key)).value == key.key) is kept


# Reads of bindings


async def test_due_bindings_are_live_ones_the_longest_due_first(store: DurableStore) -> None:
    times = {1: NOW + 30, 2: NOW + 10, 3: NOW + 20, 4: NOW + 10, 5: NOW + 31}
    for number, time in times.items():
        await store.apply(bind(binding(number, recheck_time=time)))
    await store.apply(bind(binding(6, recheck_time=NOW, state=BindingState.EXPIRED)))
    due = [found.binding_id for found in await store.due_bindings(NOW + 30, 10)]
    assert due == [name_of(number, "b") for number in (2, 4, 3, 1)]
    assert [found.binding_id for found in await store.due_bindings(NOW + 30, 2)] == due[:2]
    assert await store.due_bindings(NOW + 9, 10) == []
    await store.apply(bind(binding(2, recheck_time=NOW + 99)))
    assert [found.binding_id for found in await store.due_bindings(NOW + 30, 10)] == due[1:]


async def test_an_operators_bindings_are_live_ones_in_order(store: DurableStore) -> None:
    for number in range(1, 41):
        state = BindingState.SUSPENDED if number == 3 else BindingState.ACTIVE
        await store.apply(bind(binding(number, operator_id="mts" if number % 2 else "mf", state=state)))
    await store.apply(bind(binding(5, state=BindingState.REVOKED)))
    numbers = [number for number in range(1, 41) if number % 2 and number != 5]
    found = await store.operator_bindings("mts", "", 100)
    assert [one.binding_id for one in found] == [name_of(number, "b") for number in numbers]
    assert await store.operator_bindings("mts", name_of(3, "b"), 2) == found[2:4]
    assert await store.operator_bindings("nobody", "", 2) == []
    await store.apply(bind(replace(found[0], operator_id="mf")))
    assert (await store.operator_bindings("mf", "", 1))[0].binding_id == name_of(1, "b")


@pytest.mark.parametrize("cache_rows", [0, 1, 100])
async def test_checks_see_at_once_who_watches_and_what_is_due(kit: StoreKit, cache_rows: int) -> None:
    store = await kit.open(cache_rows=cache_rows)
    made = binding(1)

    async def seen() -> tuple[str, int | None]:
        (row,) = (await store.account_rows(PARTY, "account-1", phone_of(1))).rows
        return row.watched_by, row.reverify_by

    steps = [
        (made, ("", None)),
        (watched(1, "w"), ("mts", None)),
        (watched(1, "w", operator_id="mf", reverify_by=NOW + 9), ("mf", NOW + 9)),
        (binding(1, monitoring=Monitoring.POLLED, watch_id="w", reverify_by=NOW + 8), ("", NOW + 8)),
        (binding(1), ("", None)),
    ]
    for step, expected in steps:
        await store.apply(bind(step))
        assert await seen() == expected
        assert await seen() == expected


async def test_a_verification_that_lives_longer_is_kept_longer(kit: StoreKit, store: DurableStore) -> None:
    made = verification(1)
    await store.apply(put(made))
    longer = replace(made, expire_time=made.expire_time + 5 * DAY)
    await store.apply(put(longer))
    for time, expected in ((made.expire_time + 5 * DAY, longer), (made.expire_time + 6 * DAY, None)):
        await store.close()
        kit.clock.step(time)
        store = await kit.open()
        for _ in range(2):
            await store.apply(put(verification(9)))
        assert await store.verification(made.verification_id) == expected
