import json
from typing import Any

import pytest

from numseal.attestation.bundle import Bundle, BundleKeys, BundleStatus
from numseal.attestation.errors import AttestationError

FULL = Bundle("j~", "p", BundleStatus("t", "q"), BundleKeys({"issuer": "i"}, "r"))


@pytest.mark.parametrize("bundle", [FULL, Bundle("j~", "p"), Bundle("j~", "p", None, BundleKeys({}, None))])
def test_is_read_as_written(bundle: Bundle) -> None:
    text = bundle.to_json()
    assert text.endswith(b"}\n")
    assert Bundle.from_json(text) == bundle
    assert list(json.loads(text)) == ["sd_jwt", "proof", "status", "keys"]


@pytest.mark.parametrize(
    "changes",
    [
        {"sd_jwt": 1},
        {"proof": None},
        {"more": 1},
        {"status": "valid"},
        {"status": {"token": "t"}},
        {"status": {"token": "t", "proof": None}},
        {"keys": []},
        {"keys": {"manifest": {}}},
        {"keys": {"manifest": "x", "proof": None}},
        {"keys": {"manifest": {}, "proof": 1}},
    ],
)
def test_refuses(changes: dict[str, Any]) -> None:
    document = {**json.loads(FULL.to_json()), **changes}
    with pytest.raises(AttestationError) as caught:
        Bundle.from_json(json.dumps(document).encode())
    assert caught.value.reason == "BUNDLE_MALFORMED"


def test_a_member_must_not_be_left_out() -> None:
    with pytest.raises(AttestationError, match="`keys`, `proof`, `sd_jwt`, `status`"):
        Bundle.from_json(b'{"sd_jwt":"a","proof":"b"}')


def test_oversize_is_refused() -> None:
    with pytest.raises(AttestationError, match="262144"):
        Bundle.from_json(b" " * (256 * 1024 + 1))
