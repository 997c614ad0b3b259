import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numseal.adapters.entropy import SystemEntropy
from numseal.adapters.store.sealing import REF_BYTES, KeyedHash, Sealer, StoreKeys, SubjectKey
from numseal.ports.store import StoreError

KEYS = StoreKeys(bytes(range(32)), 7)


def sealer(keys: StoreKeys = KEYS) -> Sealer:
    return Sealer(keys, SystemEntropy())


@given(st.binary(min_size=32, max_size=32), st.text())
def test_a_ref_is_the_epoch_and_an_hmac_sha256(key: bytes, text: str) -> None:
    message = text.encode("utf-8", "surrogatepass")
    expected = b"\x07" + hmac.digest(key, message, hashlib.sha256)[:REF_BYTES]
    assert KeyedHash(key, 7)(text) == expected


def test_refs_of_different_things_differ() -> None:
    made = sealer()
    refs = [
        made.subject_ref("a", "b|c"),
        made.subject_ref("a|b", "c"),
        made.account_ref("a", "b|c"),
        made.request_ref("a", "b|c"),
        made.budget_ref("1|a|b|c"),
        sealer(StoreKeys(bytes(32), 7)).subject_ref("a", "b|c"),
    ]
    assert len(set(refs)) == len(refs)
    assert made.subject_ref("a", "b|c") == sealer().subject_ref("a", "b|c")


def test_the_key_check_tells_keys_and_epochs_apart() -> None:
    checks = {sealer(keys).key_check for keys in (KEYS, StoreKeys(bytes(32), 7), StoreKeys(KEYS.master_key, 8))}
    assert len(checks) == 3
    assert not any(KEYS.master_key in check for check in checks)


@pytest.mark.parametrize(("key", "epoch"), [(b"", 1), (bytes(31), 1), (bytes(33), 1), (bytes(32), 0), (bytes(32), 256)])
def test_what_is_no_master_key_is_refused(key: bytes, epoch: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        StoreKeys(key, epoch)


def test_a_master_key_is_never_shown() -> None:
    assert repr(KEYS) == "StoreKeys(epoch=7)"


@given(st.binary(max_size=300))
def test_what_is_sealed_opens_in_its_place_only(body: bytes) -> None:
    key = SubjectKey(bytes(32), SystemEntropy())
    sealed = key.seal(body, "binding|1")
    assert key.open(sealed, "binding|1") == body
    for wrong, place in (
        (sealed, "binding|2"),
        (sealed[:-1], "binding|1"),
        (b"", "binding|1"),
        (sealed[1:], "binding|1"),
    ):
        with pytest.raises(StoreError) as refused:
            key.open(wrong, place)
        assert refused.value.reason == "STORAGE_CORRUPT"
    assert key.seal(body, "binding|1") != sealed


def test_a_subjects_key_is_wrapped_for_its_row_and_epoch() -> None:
    made = sealer()
    subject, ref = made.new_subject(), made.subject_ref("a", "b")
    wrapped = made.wrap(subject, ref)
    place = "subject|" + ref.hex()
    assert made.unwrap(wrapped, place).key == subject.key
    assert subject.key not in wrapped
    with pytest.raises(StoreError, match="does not open"):
        made.unwrap(wrapped, "subject|00")
    with pytest.raises(StoreError, match="epoch 07; epoch 08 is configured"):
        sealer(StoreKeys(KEYS.master_key, 8)).unwrap(wrapped, place)
