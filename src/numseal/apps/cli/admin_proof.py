"""Proofs of agreements' changes: the file of --proof, and the document that the log's entry is the hash of.

What is changed is `admin_agreements`'. The file is there before anything is asked of the server: what cannot be undone
is not begun where its proof could not be kept.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from numseal.api.admin.v1 import admin_pb2 as pb
from numseal.apps.cli.admin_session import USAGE, AdminCalls, fail
from numseal.tlog import tlog_proof


@dataclass(frozen=True, slots=True)
class Proved:
    """A change, and the document that its entry in the log is the hash of; None where the trail did not give it.

    `problem` is why the proof is not in its file, empty where it is, or no file was named.
    """

    answer: Any
    document: str | None
    problem: str

    @property
    def leaf_index(self) -> int:
        """The entry's index in the log."""
        return tlog_proof.parse(self.answer.proof).index


@dataclass(frozen=True, slots=True)
class ProofFile:
    """The file that a proof is written to, open and empty; without a descriptor there is none to write."""

    descriptor: int | None = None

    def write(self, proof: str) -> str:
        """Write a proof through to the disk; return why it could not be, empty where it was."""
        if self.descriptor is None:
            return ""
        try:
            rest = proof.encode()
            while rest:
                rest = rest[os.write(self.descriptor, rest) :]
            os.fsync(self.descriptor)
        except OSError as error:
            os.ftruncate(self.descriptor, 0)
            return error.strerror or str(error)
        return ""


@contextmanager
def proof_file(path: Path | None) -> Iterator[ProofFile]:
    """Give a file that was not there before; at the end of the block one that is empty still is removed again.

    Ends the process where it cannot be made.
    """
    if path is None:
        yield ProofFile()
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        fail(f"{path}: is there already; the name of a file that is not there is expected. Nothing was done", USAGE)
    except OSError as error:
        fail(f"{path}: {error.strerror}; a file that can be written is expected. Nothing was done", USAGE)
    except ValueError:
        fail(f"{str(path)!r}: no file's name; a file that can be written is expected. Nothing was done", USAGE)
    try:
        yield ProofFile(descriptor)
    finally:
        if os.fstat(descriptor).st_size == 0:
            path.unlink(missing_ok=True)
        os.close(descriptor)


async def document_of(calls: AdminCalls, agreement_id: str, proof: str) -> str | None:
    """Return the document of the entry that a proof is of, from the audit trail; None where it cannot be had."""
    index = tlog_proof.parse(proof).index
    request = pb.ListAuditEventsRequest(resource=f"agreements/{agreement_id}")
    while True:
        try:
            answer = await calls("ListAuditEvents", request)
        except grpc.aio.AioRpcError:
            # The change is made: what may be read later does not make it fail.
            return None
        for event in answer.audit_events:
            logged = logged_in(event.detail_json)
            if logged is not None and logged[0] == index:
                return logged[1]
        if not answer.next_page_token:
            return None
        request.page_token = answer.next_page_token


def logged_in(detail: str) -> tuple[int, str] | None:
    """Return index and document of the log's entry that an event of the trail tells of, None where it tells of none."""
    try:
        found = json.loads(detail)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    index, document = found.get("leaf_index"), found.get("document")
    if type(index) is not int or not isinstance(document, str):
        return None
    return index, document
