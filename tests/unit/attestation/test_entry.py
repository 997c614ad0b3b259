import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numseal.attestation.entry import Entry, EntryKind, agreement_entry, attestation_entry, format_entry, parse_entry
from numseal.attestation.errors import AttestationError


def test_an_attestation_is_logged_as_the_hash_of_its_signing_input() -> None:
    expected = b"numseal/v1\natt\n" + base64.b64encode(hashlib.sha256(b"h.p").digest()) + b"\n"
    assert attestation_entry(b"h.p") == expected
    assert parse_entry(expected) == Entry(EntryKind.ATTESTATION, hashlib.sha256(b"h.p").digest())


@pytest.mark.parametrize("kind", list(EntryKind))
def test_every_kind_is_written_and_read(kind: EntryKind) -> None:
    entry = Entry(kind, bytes(32))
    assert format_entry(entry).split(b"\n")[1] == kind.encode()
    assert parse_entry(format_entry(entry)) == entry


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"numseal/v1\natt\n",
        b"numseal/v2\natt\n" + base64.b64encode(bytes(32)) + b"\n",
        b"numseal/v1\nxyz\n" + base64.b64encode(bytes(32)) + b"\n",
        b"numseal/v1\n\xff\n" + base64.b64encode(bytes(32)) + b"\n",
        b"numseal/v1\natt\n" + base64.b64encode(bytes(32)),
        b"numseal/v1\natt\n" + base64.b64encode(bytes(32)) + b"\nmore",
        b"numseal/v1\natt\n" + base64.b64encode(bytes(31)) + b"\n",
        b"numseal/v1\natt\n" + b"A" * 42 + b"B=\n",
        b"numseal/v1\natt\n!!!!\n",
        b"numseal/v1\nagr\n\n",
        b"numseal/v1\nagr\n" + base64.b64encode(bytes(1025)) + b"\n",
    ],
)
def test_refuses(data: bytes) -> None:
    with pytest.raises(AttestationError) as caught:
        parse_entry(data)
    assert caught.value.reason == "ENTRY_INVALID"


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        entry = parse_entry(data)
    except AttestationError:
        return
    assert format_entry(entry) == data


def test_an_agreements_change_enters_by_its_documents_hash() -> None:
    data = agreement_entry(b'{"to":"SUSPENDED"}')
    assert data == b"numseal/v1\nagr\n" + base64.b64encode(hashlib.sha256(b'{"to":"SUSPENDED"}').digest()) + b"\n"
    assert parse_entry(data) == Entry(EntryKind.AGREEMENT, hashlib.sha256(b'{"to":"SUSPENDED"}').digest())
