"""The file of a proof, and the document of an entry, where no server is needed to tell."""

import json
import resource
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from numseal.api.admin.v1 import admin_pb2, resource_pb2
from numseal.apps.cli.admin_proof import document_of, logged_in, proof_file
from numseal.tlog import tlog_proof
from numseal.tlog.checkpoint import Checkpoint, sign_checkpoint

PROOF = tlog_proof.format(
    tlog_proof.Proof(
        7, (bytes(32),), sign_checkpoint(Checkpoint("log.example/a", 8, bytes(32)), Ed25519PrivateKey.generate())
    )
)


def interrupted(path: Path, proof: str) -> None:
    with proof_file(path) as file:
        assert path.read_bytes() == b""
        assert file.write(proof) == ""
        raise KeyboardInterrupt


def test_a_file_is_there_before_and_is_removed_where_nothing_came_of_it(tmp_path: Path) -> None:
    path = tmp_path / "proof"
    with pytest.raises(KeyboardInterrupt):
        interrupted(path, "")
    assert not path.exists()
    # What was written is kept, whatever fails then.
    with pytest.raises(KeyboardInterrupt):
        interrupted(path, "proof\n")
    assert path.read_text() == "proof\n"


@pytest.mark.parametrize("name", ["taken", "link", "no/proof", "", "nul\0"])
def test_a_place_that_cannot_be_written_ends_it_before_anything_is_done(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("before")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SystemExit) as caught, proof_file(tmp_path / name):
        pytest.fail("begun")
    assert caught.value.code == 2
    assert "Nothing was done" in capsys.readouterr().err
    assert (tmp_path / "taken").read_text() == "before"
    assert not (tmp_path / "elsewhere").exists()


def test_without_a_path_nothing_is_written() -> None:
    with proof_file(None) as file:
        assert file.write("proof") == ""


def test_a_write_that_fails_is_told_and_leaves_no_half_of_a_proof(tmp_path: Path) -> None:
    path = tmp_path / "proof"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with proof_file(path) as file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3, hard))
        try:
            problem = file.write("proof")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert problem == "File too large"
    assert not path.exists()


@pytest.mark.parametrize(
    "detail",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"leaf_index": 1}',
        '{"leaf_index": true, "document": "d"}',
        '{"leaf_index": 1, "document": 2}',
    ],
)
def test_an_event_that_is_not_in_the_log_has_no_entry(detail: str) -> None:
    assert logged_in(detail) is None


@dataclass
class Trail:
    """Pages of a trail, answered in turn; none left is a server that is gone."""

    pages: list[list[str]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, rpc: str, request: Any) -> admin_pb2.ListAuditEventsResponse:
        assert (rpc, request.resource) == ("ListAuditEvents", "agreements/a-1")
        self.asked.append(request.page_token)
        if not self.pages:
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())
        events = [resource_pb2.AuditEvent(detail_json=detail) for detail in self.pages.pop(0)]
        return admin_pb2.ListAuditEventsResponse(audit_events=events, next_page_token="more" if self.pages else "")


def logged(index: int) -> str:
    return json.dumps({"leaf_index": index, "document": f"document {index}"})


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ([[logged(8), "{}", logged(7)]], "document 7"),
        ([[logged(8)], [logged(7)]], "document 7"),
        ([[logged(8)], ["{}"]], None),
        ([], None),
    ],
)
async def test_a_document_is_found_by_the_index_in_the_proof(pages: list[list[str]], expected: str | None) -> None:
    trail = Trail(pages)
    assert await document_of(trail, "a-1", PROOF) == expected  # type: ignore[arg-type]
    assert trail.asked in ([""], ["", "more"])
