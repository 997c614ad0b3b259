from dataclasses import replace

import pytest

from fakes.store_rows import binding, record, verification, watched
from numseal.adapters.entropy import SystemEntropy
from numseal.adapters.store import codec as codecs
from numseal.adapters.store.codec import Codec
from numseal.adapters.store.sealing import Sealer, StoreKeys
from numseal.domain.binding import Monitoring
from numseal.domain.binding_change import BindingChange, ChangeKind
from numseal.domain.verdict import Finding, Severity
from numseal.ports.store import Recall, StoreError

FOUND = Finding("SIM_CHANGED", Severity.SEVERE, "The SIM was changed.", ("event",))


@pytest.fixture
def codec() -> Codec:
    return Codec(Sealer(StoreKeys(bytes(32)), SystemEntropy()))


def test_unchanging_parts_are_read_once(codec: Codec) -> None:
    key, ref = codec.sealer.new_subject(), b"ref"
    name, _, _, sealed = codec.verification_row(verification(1), ref, key)
    first, second = (codec.open_verification(name, sealed, key) for _ in range(2))
    assert first == second == verification(1)
    assert first.opening is second.opening
    assert first.before is second.before


def test_the_memo_forgets_the_oldest_and_stays_right(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "_MEMO_SIZE", 4)
    key = codec.sealer.new_subject()
    rows = [codec.verification_row(verification(number), b"ref", key) for number in range(30)]
    for _ in range(2):
        for number, (name, _, _, sealed) in enumerate(rows):
            assert codec.open_verification(name, sealed, key) == verification(number)
    assert len(codec._openings._bytes) <= 4
    assert len(codec._openings._values) <= 4


def test_equal_parts_do_not_get_mixed_up(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "_MEMO_SIZE", 2)
    key = codec.sealer.new_subject()
    one = verification(1)
    twins = [replace(one, opening=replace(one.opening, locale=locale)) for locale in ("ru", "en", "ru", "de", "en")]
    for twin in twins:
        name, _, _, sealed = codec.verification_row(twin, b"ref", key)
        assert codec.open_verification(name, sealed, key) == twin


@pytest.mark.parametrize("body", [b"", b"[]", b"[]\n[]\n", b"{}\n{}\n{}", b'[{"state":"NONE"}]\n[{}]\n', b"\xff\n\n"])
def test_a_body_that_is_none_is_told(codec: Codec, body: bytes) -> None:
    key = codec.sealer.new_subject()
    for opened, place in (
        (codec.open_verification, "verification|1"),
        (codec.open_binding, "binding|1"),
    ):
        with pytest.raises(StoreError, match="was not written by this version") as refused:
            opened("1", key.seal(body, place), key)
        assert refused.value.reason == "STORAGE_CORRUPT"
    with pytest.raises(StoreError, match="was not written by this version"):
        codec.open_attestation(record(1), key.seal(body, "attestation|" + record(1).jti), key)


def test_a_change_moved_to_another_place_or_kind_does_not_open(codec: Codec) -> None:
    key, ref = codec.sealer.new_subject(), codec.sealer.subject_ref("a", "b")
    body = codec.change_row(7, ChangeKind.REVOKED, binding(1), b"", (), ref, key, 9)[5]
    for sequence, kind in ((8, "REVOKED"), (7, "EXPIRED")):
        with pytest.raises(StoreError, match="does not open with its key"):
            codec.open_change((sequence, kind, body, 9, codec.sealer.wrap(key, ref), ref))


@pytest.mark.parametrize("body", [b"", b"{}\n{}", b"[]\n[]", b"[{}]\n[{}]\n"])
def test_a_change_that_is_none_is_told(codec: Codec, body: bytes) -> None:
    key, ref = codec.sealer.new_subject(), codec.sealer.subject_ref("a", "b")
    sealed = key.seal(body, "change|7|REVOKED")
    with pytest.raises(StoreError, match="the change 7 was not written by this version"):
        codec.open_change((7, "REVOKED", sealed, 9, codec.sealer.wrap(key, ref), ref))


def test_the_narrow_row_is_found_by_its_watch_only_where_there_is_one(codec: Codec) -> None:
    key, ref = codec.sealer.new_subject(), codec.sealer.subject_ref("a", "b")
    polled = replace(watched(1, "w"), monitoring=Monitoring.POLLED)
    rows = [codec.binding_rows(made, b"", ref, key)[0] for made in (watched(1, "w"), polled)]
    assert [row[11:13] for row in rows] == [("mts", codec.sealer.watch_ref("mts", "w")), ("mts", None)]
    assert codec.sealer.watch_ref("a", "b|c") != codec.sealer.watch_ref("a|b", "c")


def test_rows_go_back_and_forth(codec: Codec) -> None:
    key, ref = codec.sealer.new_subject(), codec.sealer.subject_ref("a", "b")
    narrow, (name, body) = codec.binding_rows(binding(1), codec.binding_body(binding(1)), ref, key)
    assert codec.open_binding(name, body, key) == binding(1)
    assert narrow[4:6] == ("ACTIVE", 2)
    row = codec.attestation_row(record(1), ref, key)
    bare = replace(record(1), phone_number="", disclosures=(), evidence=b"", evidence_salt=b"")
    assert codec.open_attestation(bare, row[-1], key) == record(1)
    recall = Recall("5" * 64, "a" * 32)
    change = codec.change_row(7, ChangeKind.REVOKED, binding(1), codec.binding_body(binding(1)), (FOUND,), ref, key, 9)
    sealed = (7, "REVOKED", change[5], 9, codec.sealer.wrap(key, ref), ref)
    assert codec.open_change(sealed) == BindingChange(7, ChangeKind.REVOKED, binding(1), (FOUND,), 9)
    made = codec.sealer.request_ref("a", "b")
    assert codec.open_request(made, codec.request_row(made, recall, 0)[3]) == recall
