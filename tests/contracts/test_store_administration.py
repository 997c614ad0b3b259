"""The contract of `ports.store`, over every engine: agreements, the audit trail, and entries of no attestation."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.store_kit import ENGINES, StoreKit
from fakes.store_rows import Do, entry_of, issue
from numseal.adapters.store.store import DurableStore
from numseal.domain.agreement import (
    Acceptance,
    Agreement,
    AgreementRecord,
    AgreementState,
    Offer,
    Quota,
    Side,
    Suspension,
)
from numseal.domain.audit_trail import AuditEvent, Deed, first_break
from numseal.domain.errors import Refusal, precondition
from numseal.domain.evidence import Method
from numseal.ports.store import Needs, Rows, StoreError
from numseal.tlog.hashing import leaf_hash
from numseal.tlog.proof import verify_inclusion

RECORD = AgreementRecord(
    Agreement(
        "a-1",
        "acme",
        "mts",
        1_000,
        None,
        (Method.SMS, Method.NETWORK),
        ("sim_ref", "port"),
        Quota(10, 2, 5_000_000, "RUB"),
        Offer("https://operator.example/offer", "0" * 64, "order 1"),
        "number check",
        "n-1",
    ),
    AgreementState.SUSPENDED,
    declared=True,
    acceptances=(Acceptance(Side.OPERATOR, "ada", "letter 1", 5),),
    suspensions=(Suspension("f" * 32, "why", "order 2", "ada", 6, "bob", 7, leaf_index=0),),
    create_time=4,
    update_time=7,
    version=3,
)


@pytest.fixture(params=ENGINES)
async def kit(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StoreKit]:
    kit = StoreKit(tmp_path, request.param)
    yield kit
    await kit.close_all()


@pytest.fixture
async def store(kit: StoreKit) -> DurableStore:
    return await kit.open()


def put(*records: AgreementRecord) -> Do[None]:
    def do(rows: Rows) -> None:
        for record in records:
            rows.put_agreement(record)

    return Do(Needs(), do)


def named(name: str, **changes: object) -> AgreementRecord:
    return replace(RECORD, terms=replace(RECORD.terms, agreement_id=name), **changes)  # type: ignore[arg-type]


def deed(number: int, resource: str = "agreements/a-1") -> Deed:
    return Deed("ada", "Something", resource, f'{{"number":{number}}}')


def recorded(*deeds: Deed) -> Do[list[AuditEvent]]:
    return Do(Needs(audit=True), lambda rows: [rows.record_deed(item) for item in deeds])


async def test_agreements_are_read_as_they_were_stored(kit: StoreKit, store: DurableStore) -> None:
    plain = AgreementRecord(Agreement("b-1", "acme", "mts", 0, 10), AgreementState.PROPOSED)
    await store.apply(put(plain, RECORD))
    assert await store.agreements() == [RECORD, plain]
    await store.apply(put(named("b-1", version=4)))
    await store.close()
    assert await (await kit.open()).agreements() == [RECORD, named("b-1", version=4)]


async def test_a_command_is_shown_the_agreements_that_it_names(store: DurableStore) -> None:
    needs = Needs(agreements=("a-1", "b-1"))
    look = Do(needs, lambda rows: (rows.agreement("a-1"), rows.agreement("b-1")))
    assert (await store.apply(look)).value == (None, None)
    await store.apply(put(RECORD))
    assert (await store.apply(look)).value == (RECORD, None)
    with pytest.raises(KeyError, match="did not name agreement 'a-1'"):
        await store.apply(Do(Needs(), lambda rows: rows.agreement("a-1")))


async def test_the_trail_has_no_gaps_and_is_chained(kit: StoreKit, store: DurableStore) -> None:
    first = (await store.apply(recorded(deed(1), deed(2)))).value
    kit.clock.advance(10)
    second = (await store.apply(recorded(deed(3, "operators/mts")))).value
    await store.close()
    store = await kit.open()
    third = (await store.apply(recorded(deed(4)))).value
    events = [*first, *second, *third]
    assert [event.sequence for event in events] == [1, 2, 3, 4]
    assert [event.detail for event in events] == [f'{{"number":{number}}}' for number in range(1, 5)]
    assert events[2].time == events[0].time + 10
    assert await store.audit_events(10, 10) == events[::-1]
    assert first_break(events) is None


async def test_the_trail_is_read_by_pages_resources_and_times(kit: StoreKit, store: DurableStore) -> None:
    events = []
    for number in range(6):
        events += (await store.apply(recorded(deed(number, f"agreements/{number % 2}")))).value
        kit.clock.advance(10)

    async def read(before: int = 100, limit: int = 100, **rest: object) -> list[int]:
        found = await store.audit_events(before, limit, **rest)  # type: ignore[arg-type]
        return [event.sequence for event in found]

    begun = events[0].time
    assert await read(limit=2) == [6, 5]
    assert await read(before=5, limit=2) == [4, 3]
    assert await read(resource="agreements/1") == [6, 4, 2]
    assert await read(resource="agreements/1", before=6, limit=1) == [4]
    assert await read(resource="agreements/2") == []
    assert await read(start=begun + 20, end=begun + 40) == [4, 3]
    assert await read(start=begun + 50) == [6]
    assert await read(end=begun) == []


async def test_what_a_refused_command_recorded_is_not_in_the_trail(store: DurableStore) -> None:
    def do(rows: Rows) -> None:
        rows.record_deed(deed(1))
        rows.put_agreement(RECORD)
        rows.append_entry(entry_of(1))
        raise precondition("NO", "no")

    with pytest.raises(Refusal):
        await store.apply(Do(Needs(audit=True), do))
    assert (await store.audit_events(10, 10), await store.agreements()) == ([], [])
    assert store.published().size == 0
    assert (await store.apply(recorded(deed(2)))).value[0].sequence == 1
    with pytest.raises(KeyError, match="did not name the audit trail"):
        await store.apply(Do(Needs(), lambda rows: rows.record_deed(deed(3))))


async def test_an_entry_of_no_attestation_is_logged_among_the_others(store: DurableStore) -> None:
    await store.apply(issue(1))
    entry = b"numseal/v1\nagr\nAAAA\n"
    applied = await store.apply(Do(Needs(), lambda rows: rows.append_entry(entry)))
    (leaf,) = applied.leaves
    assert (applied.value, leaf.index) == (1, 1)
    assert await store.entries(0, 2) == [entry_of(1), entry]
    verify_inclusion(leaf_hash(entry), leaf.index, leaf.published.size, leaf.path, leaf.published.root)
    with pytest.raises(ValueError, match="bytes at most"):
        await store.apply(Do(Needs(), lambda rows: rows.append_entry(b"x" * 70_000)))


async def test_who_follows_agreements_is_told_before_the_answer_and_of_nothing_refused(store: DurableStore) -> None:
    told: list[AgreementRecord] = []
    store.follow_agreements(told.append)
    await store.apply(put(RECORD, named("a-1", version=4), named("b-1")))
    assert told == [named("a-1", version=4), named("b-1")]

    def refused(rows: Rows) -> None:
        rows.put_agreement(RECORD)
        raise precondition("NO", "no")

    with pytest.raises(Refusal):
        await store.apply(Do(Needs(), refused))
    assert len(told) == 2


async def test_who_follows_agreements_is_told_of_what_is_published_late(
    kit: StoreKit, store: DurableStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("numseal.adapters.store.publisher.RETRY_DELAYS", ())
    told: list[AgreementRecord] = []
    store.follow_agreements(told.append)
    kit.signer.failures = 1

    def suspend(rows: Rows) -> None:
        rows.append_entry(entry_of(1))
        rows.put_agreement(RECORD)

    with pytest.raises(StoreError) as failed:
        await store.apply(Do(Needs(), suspend))
    assert failed.value.unknown
    assert (told, await store.agreements()) == ([], [])
    await store.ready()
    assert told == [RECORD]
    assert await store.agreements() == [RECORD]
