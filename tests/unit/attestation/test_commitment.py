import hashlib
from dataclasses import dataclass
from typing import Any

import pytest

from numseal.attestation.commitment import canonical_json, canonical_record, commit
from numseal.attestation.errors import AttestationError


def test_commits_to_salt_and_evidence() -> None:
    salt = b"s" * 32
    assert commit(salt, b"evidence") == hashlib.sha256(b"s" * 32 + b"evidence").digest()
    assert commit(b"t" * 32, b"evidence") != commit(salt, b"evidence")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_salt_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(AttestationError, match=f"{length} bytes"):
        commit(bytes(length), b"evidence")


def test_one_value_has_one_text() -> None:
    one = {"b": [1, True, None, "é\n"], "a": {"z": -5, "y": ()}}
    other = {"a": {"y": [], "z": -5}, "b": [1, True, None, "é\n"]}
    assert canonical_json(one) == canonical_json(other) == '{"a":{"y":[],"z":-5},"b":[1,true,null,"é\\n"]}'.encode()


@dataclass
class Thing:
    a: int = 1


@pytest.mark.parametrize("value", [1.5, {"a": 0.1}, [b"x"], {1: "a"}, {"a": {1}}, 2**70, Thing(), "\ud800"])
def test_what_has_no_canonical_text_is_refused(value: Any) -> None:
    with pytest.raises(AttestationError) as caught:
        canonical_json(value)
    assert caught.value.reason == "NOT_CANONICAL"


def test_a_record_has_the_text_of_the_object_of_its_fields() -> None:
    assert canonical_record(Thing(a=7)) == canonical_json({"a": 7})
