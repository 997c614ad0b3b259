"""What is kept at hand of verifications: the newest ones, and none whose row is purged."""

from dataclasses import replace

from fakes.store_rows import verification
from numseal.adapters.entropy import SystemEntropy
from numseal.adapters.store.codec import KEEP_SECONDS
from numseal.adapters.store.recent import Recent, RecentVerifications
from numseal.adapters.store.sealing import SubjectKey


def row(name: str) -> Recent:
    made = replace(verification(1), verification_id=name)
    return Recent(made, b"ref", SubjectKey(bytes(32), SystemEntropy()))


def test_the_newest_are_kept() -> None:
    recent = RecentVerifications(2)
    for name in ("a", "b", "a", "c"):
        recent.keep(row(name))
    assert [recent.get(name) is not None for name in ("a", "b", "c")] == [True, False, True]


def test_none_are_kept_where_none_may_be() -> None:
    recent = RecentVerifications(0)
    recent.keep(row("a"))
    assert recent.get("a") is None


def test_what_is_purged_is_not_kept() -> None:
    recent = RecentVerifications(2)
    kept = row("a")
    recent.keep(kept)
    purged = kept.verification.expire_time + KEEP_SECONDS
    recent.purge(purged - 1)
    assert recent.get("a") is kept
    recent.purge(purged)
    assert recent.get("a") is None
