"""The contract of `ports.store`, over every engine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.evidence import NOW
from fakes.store_kit import ENGINES, ORIGIN, StoreKit
from fakes.store_rows import (
    PARTY,
    Do,
    bind,
    binding,
    entry_of,
    issue,
    name_of,
    phone_of,
    put,
    record,
    subject_of,
    verification,
)
from numseal.adapters.store.store import DurableStore
from numseal.domain.binding import BindingState
from numseal.domain.errors import Refusal, precondition
from numseal.domain.limits import DAY, Budget
from numseal.ports.store import Needs, Recall, Rows, StoreError
from numseal.tlog.checkpoint import open_checkpoint
from numseal.tlog.compact_range import EMPTY, extend, root
from numseal.tlog.hashing import EMPTY_ROOT, leaf_hash
from numseal.tlog.proof import verify_consistency, verify_inclusion

BUDGET = Budget("GUESSES", phone_of(1), 10, DAY)
Reopen = Callable[[], Awaitable[DurableStore]]


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


# Verifications


async def test_a_verification_is_read_as_it_was_stored(store: DurableStore) -> None:
    made = verification(1)
    await store.apply(put(made))
    assert await store.verification(made.verification_id) == made
    changed = replace(made, guesses=2, before=None)
    await store.apply(put(changed))
    assert await store.verification(made.verification_id) == changed


async def test_an_unknown_verification_is_none_to_reads_and_commands(store: DurableStore) -> None:
    assert await store.verification(name_of(9)) is None
    applied = await store.apply(Do(Needs(verifications=(name_of(9),)), lambda rows: rows.verification(name_of(9))))
    assert applied.value is None


async def test_a_command_is_shown_what_is_stored(store: DurableStore) -> None:
    made = verification(1)
    await store.apply(put(made))
    name = made.verification_id
    applied = await store.apply(Do(Needs(verifications=(name,)), lambda rows: rows.verification(name)))
    assert applied.value == made


async def test_a_command_that_names_the_verification_alone_may_store_it_again(store: DurableStore) -> None:
    made = verification(1)
    await store.apply(put(made))
    name = made.verification_id

    def guess(rows: Rows) -> None:
        current = rows.verification(name)
        assert current is not None
        rows.put_verification(replace(current, guesses=current.guesses + 1))

    await asyncio.gather(*(store.apply(Do(Needs(verifications=(name,)), guess)) for _ in range(5)))
    found = await store.verification(name)
    assert found is not None
    assert found.guesses == 5


# Commands of one batch


async def test_later_commands_see_what_earlier_ones_staged(store: DurableStore) -> None:
    made = verification(1)
    name = made.verification_id
    needs = Needs(verifications=(name,), subjects=(subject_of(1),))
    first, second = await asyncio.gather(
        store.apply(put(made)), store.apply(Do(needs, lambda rows: rows.verification(name)))
    )
    assert first.value is None
    assert second.value == made


async def test_a_refusal_is_its_commands_alone_and_leaves_no_trace(store: DurableStore) -> None:
    needs = Needs(
        verifications=(name_of(1, "a"),),
        requests=((PARTY, "r"),),
        subjects=(subject_of(1),),
        bindings=(name_of(1, "b"),),
        budgets=(BUDGET,),
    )

    def stage_and_refuse(rows: Rows) -> None:
        rows.put_verification(verification(1))
        rows.remember(PARTY, "r", Recall("h", name_of(1, "a")))
        rows.subject_key(*subject_of(1))
        rows.spend(BUDGET, 3)
        rows.attest(record(1), entry_of(1))
        rows.put_binding(binding(1))
        refuse(rows)

    def look(rows: Rows) -> list[object]:
        return [
            rows.verification(name_of(1, "a")),
            rows.recall(PARTY, "r"),
            rows.live_binding(*subject_of(1)),
            rows.binding(name_of(1, "b")),
            rows.spent(BUDGET),
        ]

    good, bad, after, more = await asyncio.gather(
        store.apply(issue(7)),
        store.apply(Do(needs, stage_and_refuse)),
        store.apply(Do(needs, look)),
        store.apply(issue(8)),
        return_exceptions=True,
    )
    assert isinstance(bad, Refusal)
    assert not isinstance(good, BaseException)
    assert not isinstance(after, BaseException)
    assert not isinstance(more, BaseException)
    assert after.value == [None, None, None, None, 0]
    assert (good.value, more.value) == (0, 1)
    assert store.published().size == 2
    assert (await store.apply(Do(needs, look))).value == [None, None, None, None, 0]
    assert await store.attestation(name_of(1, "c")) is None


@pytest.mark.parametrize(
    "ask",
    [
        lambda rows: rows.verification(name_of(1, "a")),
        lambda rows: rows.recall(PARTY, "r"),
        lambda rows: rows.remember(PARTY, "r", Recall("h", "v")),
        lambda rows: rows.subject_key(*subject_of(1)),
        lambda rows: rows.live_binding(*subject_of(1)),
        lambda rows: rows.binding(name_of(1, "b")),
        lambda rows: rows.put_verification(verification(2)),
        lambda rows: rows.put_binding(binding(2)),
        lambda rows: rows.attest(record(2), entry_of(2)),
        lambda rows: rows.spent(BUDGET),
        lambda rows: rows.spend(BUDGET),
    ],
)
async def test_rows_that_a_command_did_not_name_are_a_key_error(
    store: DurableStore, ask: Callable[[Rows], object]
) -> None:
    everything = Needs((name_of(1, "a"),), ((PARTY, "r"),), (subject_of(1),), (name_of(1, "b"),), (BUDGET,))
    other, asking = await asyncio.gather(
        store.apply(Do(everything, lambda _: None)), store.apply(Do(Needs(), ask)), return_exceptions=True
    )
    assert isinstance(asking, KeyError)
    assert not isinstance(other, BaseException)


# Requests, subjects, budgets, time


async def test_a_request_is_recalled_for_a_day(kit: StoreKit, store: DurableStore) -> None:
    needs = Needs(requests=((PARTY, "r"),), subjects=(subject_of(1),))
    recall = Recall("5" * 64, name_of(1, "a"))

    def remember(rows: Rows) -> Recall | None:
        rows.put_verification(verification(1))
        rows.remember(PARTY, "r", recall)
        return rows.recall(PARTY, "r")

    async def recalled() -> Recall | None:
        return (await store.apply(Do(needs, lambda rows: rows.recall(PARTY, "r")))).value

    assert await recalled() is None
    assert (await store.apply(Do(needs, remember))).value == recall
    kit.clock.advance(DAY - 1)
    assert await recalled() == recall
    kit.clock.advance(1)
    assert await recalled() is None


async def test_a_subjects_key_is_made_once_and_is_its_own(store: DurableStore) -> None:
    def keys(rows: Rows) -> tuple[bytes, bytes]:
        return rows.subject_key(*subject_of(1)), rows.subject_key("other", phone_of(1))

    needs = Needs(subjects=(subject_of(1), ("other", phone_of(1))))
    first = (await store.apply(Do(needs, keys))).value
    assert len(first[0]) == 32
    assert first[0] != first[1]
    assert (await store.apply(Do(needs, keys))).value == first


async def test_budgets_count_by_window_and_never_fall_below_zero(kit: StoreKit, store: DurableStore) -> None:
    needs = Needs(budgets=(BUDGET,))

    def spend(count: int) -> Do[int]:
        def do(rows: Rows) -> int:
            rows.spend(BUDGET, count)
            return rows.spent(BUDGET)

        return Do(needs, do)

    answers = await asyncio.gather(*(store.apply(spend(1)) for _ in range(4)))
    assert [answer.value for answer in answers] == [1, 2, 3, 4]
    assert (await store.apply(spend(-3))).value == 1
    assert (await store.apply(spend(-3))).value == 0
    assert (await store.apply(spend(2))).value == 2
    kit.clock.advance(DAY)
    assert (await store.apply(spend(1))).value == 1


async def test_time_never_goes_back_and_leaps_are_held(kit: StoreKit, store: DurableStore) -> None:
    async def now() -> int:
        return (await store.apply(Do(Needs(subjects=(subject_of(1),)), _touch))).value

    def _touch(rows: Rows) -> int:
        rows.put_verification(verification(1))
        return rows.now

    start = await now()
    kit.clock.advance(10)
    assert await now() == start + 10
    kit.clock.step(start - 500)
    assert await now() == start + 10
    kit.clock.step(start + 90_000)
    assert await now() == start + 10
    kit.clock.advance(3)
    assert await now() == start + 13


# Bindings


async def test_a_binding_is_read_as_it_was_stored(store: DurableStore) -> None:
    made = binding(1)
    await store.apply(bind(made))
    assert await store.binding(made.binding_id) == made
    assert await store.binding(name_of(9)) is None
    needs = Needs(subjects=(subject_of(1),), bindings=(made.binding_id,))
    applied = await store.apply(
        Do(needs, lambda rows: (rows.live_binding(*subject_of(1)), rows.binding(made.binding_id)))
    )
    assert applied.value == (made, made)


async def test_a_number_has_one_live_binding(store: DurableStore) -> None:
    first, second = binding(1), binding(1, "other", binding_id=name_of(2, "b"))
    await store.apply(bind(first))
    with pytest.raises(ValueError, match="holds the number"):
        await store.apply(bind(second))

    def take_over(rows: Rows) -> None:
        rows.put_binding(replace(first, state=BindingState.SUPERSEDED, end_time=NOW))
        rows.put_binding(second)

    needs = Needs(subjects=(subject_of(1),))
    await store.apply(Do(needs, take_over))
    assert (await store.apply(Do(needs, lambda rows: rows.live_binding(*subject_of(1))))).value == second
    ended = await store.binding(first.binding_id)
    assert ended is not None
    assert ended.state is BindingState.SUPERSEDED


async def test_two_commands_of_one_batch_cannot_bind_one_number(store: DurableStore) -> None:
    outcomes = await asyncio.gather(
        store.apply(bind(binding(1))),
        store.apply(bind(binding(1, "other", binding_id=name_of(2, "b")))),
        return_exceptions=True,
    )
    assert [isinstance(outcome, ValueError) for outcome in outcomes] == [False, True]


async def test_a_row_that_contradicts_the_stored_ones_fails_its_command_alone(store: DurableStore) -> None:
    """A command that names an ended binding only does not see who holds its number; the database does."""
    old = binding(1, state=BindingState.SUPERSEDED)
    await store.apply(bind(old))
    await store.apply(bind(binding(1, "other", binding_id=name_of(2, "b"))))
    needs = Needs(bindings=(old.binding_id,))
    revive = Do(needs, lambda rows: rows.put_binding(replace(old, state=BindingState.ACTIVE)))
    good, bad, more = await asyncio.gather(
        store.apply(issue(7)), store.apply(revive), store.apply(issue(8)), return_exceptions=True
    )
    assert isinstance(bad, StoreError)
    assert not bad.unknown
    assert not isinstance(good, BaseException)
    assert not isinstance(more, BaseException)
    assert {good.value, more.value} == {0, 1}
    assert await store.binding(old.binding_id) == old


async def test_bindings_are_listed_by_account_and_by_party(store: DurableStore) -> None:
    made = [binding(number, account) for number, account in ((1, "a"), (2, "b"), (3, "a"), (4, "a"))]
    foreign = binding(1, "a", relying_party="other", binding_id=name_of(5, "b"))
    for row in (*made, foreign):
        await store.apply(bind(row))
    assert await store.list_bindings(PARTY, "a", 10, "") == [made[0], made[2], made[3]]
    assert await store.list_bindings(PARTY, "a", 2, made[0].binding_id) == [made[2], made[3]]
    assert await store.list_bindings(PARTY, "", 3, "") == made[:3]
    assert await store.list_bindings(PARTY, "", 3, made[2].binding_id) == made[3:]
    assert await store.list_bindings("nobody", "a", 3, "") == []


# Checks of a number shown


async def test_account_rows_tell_own_and_foreign_bindings(store: DurableStore) -> None:
    for row in (binding(1, "a"), binding(2, "a"), binding(3, "b")):
        await store.apply(bind(row))
    own = await store.account_rows(PARTY, "a", phone_of(1))
    assert {(row.binding_id, row.same_number) for row in own.rows} == {
        (name_of(1, "b"), True),
        (name_of(2, "b"), False),
    }
    assert not own.held_by_other
    first = next(row for row in own.rows if row.same_number)
    made = binding(1, "a")
    assert (first.state, first.level, first.verified_time) == (made.state, made.level, made.verified_time)
    assert (first.observed_time, first.expire_time, first.contested_time) == (NOW, made.expire_time, None)
    spoofed = await store.account_rows(PARTY, "a", phone_of(3))
    assert spoofed.held_by_other
    assert not any(row.same_number for row in spoofed.rows)
    unknown = await store.account_rows(PARTY, "nobody", phone_of(9))
    assert (unknown.rows, unknown.held_by_other) == ((), False)
    elsewhere = await store.account_rows("other", "a", phone_of(1))
    assert (elsewhere.rows, elsewhere.held_by_other) == ((), False)


@pytest.mark.parametrize("cache_rows", [0, 1, 100])
async def test_account_rows_follow_every_change(kit: StoreKit, cache_rows: int) -> None:
    store = await kit.open(cache_rows=cache_rows)
    first, second = binding(1, "a"), binding(1, "b", binding_id=name_of(2, "b"))
    await store.apply(bind(first))

    async def seen(account: str) -> tuple[list[BindingState], bool]:
        found = await store.account_rows(PARTY, account, phone_of(1))
        assert found == await store.account_rows(PARTY, account, phone_of(1))
        return [row.state for row in found.rows], found.held_by_other

    assert (await seen("a"), await seen("b")) == (([BindingState.ACTIVE], False), ([], True))
    await store.apply(bind(replace(first, state=BindingState.SUSPENDED)))
    assert await seen("a") == ([BindingState.SUSPENDED], False)

    def take_over(rows: Rows) -> None:
        rows.put_binding(replace(first, state=BindingState.SUPERSEDED))
        rows.put_binding(second)

    await store.apply(Do(Needs(subjects=(subject_of(1),)), take_over))
    assert await seen("a") == ([BindingState.SUPERSEDED], True)
    assert await seen("b") == ([BindingState.ACTIVE], False)
    await store.apply(bind(replace(second, state=BindingState.REVOKED)))
    assert (await seen("a"), await seen("b")) == (
        ([BindingState.SUPERSEDED], False),
        ([BindingState.REVOKED], False),
    )


async def test_many_checks_answer_in_order(store: DurableStore) -> None:
    await asyncio.gather(*(store.apply(bind(binding(number))) for number in range(100)))
    shown = [(f"account-{number}", phone_of(number if number % 2 else number + 1)) for number in range(100)]
    answers = await store.account_rows_many(PARTY, shown)
    assert answers == [await store.account_rows(PARTY, *one) for one in shown]
    assert [answer.held_by_other for answer in answers[:4]] == [True, False, True, False]


# Attestations and the log


async def test_an_attestation_is_logged_proved_and_read(kit: StoreKit, store: DurableStore) -> None:
    assert store.published().size == 0
    assert open_checkpoint(store.published().checkpoint, kit.vkey).root == EMPTY_ROOT
    applied = await store.apply(issue(1))
    published = applied.published
    assert store.published() == published
    head = open_checkpoint(published.checkpoint, kit.vkey)
    assert (head.origin, head.size, head.root) == (ORIGIN, 1, published.root)
    (leaf,) = applied.leaves
    assert (leaf.index, leaf.published) == (0, published)
    verify_inclusion(leaf_hash(entry_of(1)), 0, 1, leaf.path, published.root)
    assert await store.attestation(name_of(1, "c")) == record(1, leaf_index=0)
    assert await store.attestation(name_of(9)) is None
    store.keep_signature(name_of(1, "c"), b"s" * 64)
    await store.apply(issue(2))
    assert await store.attestation(name_of(1, "c")) == record(1, leaf_index=0, signature=b"s" * 64)
    assert await store.attestation(name_of(2, "c")) == record(2, leaf_index=1)


async def test_every_command_of_a_batch_gets_its_own_leaves(store: DurableStore) -> None:
    await asyncio.gather(*(store.apply(issue(number)) for number in range(5)))
    answers = await asyncio.gather(*(store.apply(issue(number)) for number in range(5, 40)))
    published = store.published()
    assert published.size == 40
    assert [answer.value for answer in answers] == list(range(5, 40))
    for answer in answers:
        (leaf,) = answer.leaves
        assert answer.published == published == leaf.published
        verify_inclusion(leaf_hash(entry_of(leaf.index)), leaf.index, 40, leaf.path, published.root)


async def test_proofs_of_every_leaf_and_size(store: DurableStore) -> None:
    heads = [store.published()]
    heads += [(await store.apply(issue(number))).published for number in range(20)]
    for size, head in enumerate(heads[1:], start=1):
        for index in range(size):
            leaf = await store.leaf(index, size)
            assert (leaf.published.size, leaf.published.root) == (size, head.root)
            verify_inclusion(leaf_hash(entry_of(index)), index, size, leaf.path, head.root)
    for old in heads:
        for new in heads[old.size :]:
            verify_consistency(old.size, old.root, new.size, new.root, await store.consistency(old.size, new.size))
    assert (await store.leaf(3, 0)).published == store.published()
    assert (await store.leaf(3, 10)).published.checkpoint == ""


@pytest.mark.parametrize(("index", "size"), [(0, 0), (0, 1), (3, 0), (3, 3), (-1, 0), (1, 4), (5, 3)])
async def test_leaves_out_of_range_are_refused(store: DurableStore, index: int, size: int) -> None:
    if (index, size) not in ((0, 0), (0, 1)):
        for number in range(3):
            await store.apply(issue(number))
    with pytest.raises(Refusal) as refused:
        await store.leaf(index, size)
    assert refused.value.reason == "LEAF_OUT_OF_RANGE"


@pytest.mark.parametrize(("old", "new"), [(0, 1), (1, 0), (-1, 0)])
async def test_consistency_out_of_range_is_refused(store: DurableStore, old: int, new: int) -> None:
    with pytest.raises(Refusal) as refused:
        await store.consistency(old, new)
    assert refused.value.reason == "TREE_SIZE_OUT_OF_RANGE"


async def test_tiles_and_entries_end_at_the_published_head(store: DurableStore) -> None:
    total = 600
    hashes = [leaf_hash(entry_of(number)) for number in range(total)]
    for start in range(0, total, 150):
        await asyncio.gather(*(store.apply(issue(number)) for number in range(start, start + 150)))
    assert store.published().root == root(extend(EMPTY, hashes))
    assert await store.tile(0, 0, 256) == b"".join(hashes[:256])
    assert await store.tile(0, 1, 100) == b"".join(hashes[256:356])
    assert await store.tile(0, 2, 88) == b"".join(hashes[512:600])
    assert await store.tile(0, 2, 89) is None
    assert await store.tile(0, 3, 1) is None
    upper = [root(extend(EMPTY, hashes[start : start + 256])) for start in (0, 256)]
    assert await store.tile(1, 0, 2) == b"".join(upper)
    assert await store.tile(1, 0, 1) == upper[0]
    assert await store.tile(1, 0, 3) is None
    for level, index, width in ((2, 0, 1), (0, -1, 1), (-1, 0, 1), (0, 0, 0), (0, 0, 257), (63, 0, 1)):
        assert await store.tile(level, index, width) is None
    assert await store.entries(0, 3) == [entry_of(number) for number in range(3)]
    assert await store.entries(599, 1) == [entry_of(599)]
    assert await store.entries(599, 2) is None
    assert await store.entries(-1, 1) is None
    for index in (0, 255, 256, 511, 512, 599):
        leaf = await store.leaf(index, 0)
        verify_inclusion(hashes[index], index, total, leaf.path, leaf.published.root)
        assert await store.find_leaf(hashes[index]) == index
    assert await store.find_leaf(bytes(32)) is None
    old_root = root(extend(EMPTY, hashes[:300]))
    verify_consistency(300, old_root, total, store.published().root, await store.consistency(300, total))


async def test_the_first_of_equal_leaves_is_found(store: DurableStore) -> None:
    def twice(rows: Rows) -> None:
        for number in (1, 2):
            rows.attest(record(1, jti=name_of(number)), entry_of(1))

    await store.apply(Do(Needs(subjects=(subject_of(1),)), twice))
    assert await store.find_leaf(leaf_hash(entry_of(1))) == 0


async def test_an_entry_too_long_for_a_tile_is_refused(store: DurableStore) -> None:
    with pytest.raises(ValueError, match="at most"):
        await store.apply(Do(Needs(subjects=(subject_of(1),)), lambda rows: rows.attest(record(1), bytes(65_536))))
    assert store.published().size == 0


# Durability, ending


async def test_everything_is_there_after_reopening(kit: StoreKit, store: DurableStore) -> None:
    made = verification(1)
    await store.apply(put(made))
    await store.apply(issue(2))
    store.keep_signature(name_of(2, "c"), b"s" * 64)
    published = store.published()
    await store.close()
    again = await kit.open()
    assert again.published() == published
    assert await again.verification(made.verification_id) == made
    assert await again.attestation(name_of(2, "c")) == record(2, leaf_index=0, signature=b"s" * 64)
    grown = await again.apply(issue(3))
    path = await again.consistency(1, 2)
    verify_consistency(1, published.root, 2, grown.published.root, path)


async def test_cancelling_the_wait_does_not_undo_the_command(store: DurableStore) -> None:
    waiting = asyncio.ensure_future(store.apply(issue(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    await store.apply(issue(2))
    assert store.published().size == 2


async def test_closing_commits_what_waits_and_refuses_the_rest(kit: StoreKit, store: DurableStore) -> None:
    waiting = [asyncio.ensure_future(store.apply(issue(number))) for number in range(3)]
    await asyncio.sleep(0)
    await store.close()
    assert [(await answer).value for answer in waiting] == [0, 1, 2]
    with pytest.raises(StoreError) as refused:
        await store.apply(issue(4))
    assert refused.value.reason == "STORE_CLOSED"
    assert (await kit.open()).published().size == 3


async def test_a_store_that_works_is_ready(store: DurableStore) -> None:
    await store.ready()
    await store.apply(issue(1))
    await store.ready()


async def test_what_is_past_its_time_is_purged_with_its_subject(kit: StoreKit, store: DurableStore) -> None:
    needs = Needs(requests=((PARTY, "r"),), subjects=(subject_of(1), subject_of(2)), budgets=(BUDGET,))

    def do(rows: Rows) -> bytes:
        rows.put_verification(verification(1))
        rows.put_verification(verification(2))
        rows.remember(PARTY, "r", Recall("h", name_of(1, "a")))
        rows.spend(BUDGET)
        rows.put_binding(binding(2))
        return rows.subject_key(*subject_of(1))

    first = (await store.apply(Do(needs, do))).value
    await store.close()
    kit.clock.advance(1800 + DAY - 1)
    store = await kit.open()
    await store.apply(issue(9))
    assert await store.verification(name_of(1, "a")) is not None
    await store.close()
    kit.clock.advance(1)
    store = await kit.open()
    await store.apply(issue(10))
    await store.apply(issue(11))
    assert await store.verification(name_of(1, "a")) is None
    assert await store.verification(name_of(2, "a")) is None
    assert await store.binding(name_of(2, "b")) == binding(2)
    key = Do(Needs(subjects=(subject_of(1),)), lambda rows: rows.subject_key(*subject_of(1)))
    assert (await store.apply(key)).value != first
