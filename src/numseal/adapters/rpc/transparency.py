"""Serve TransparencyService: for anyone, without credentials, and never past the published head."""

import asyncio
from dataclasses import dataclass
from functools import partial

from numseal.adapters.rpc.gate import Context, for_anyone
from numseal.adapters.rpc.transparency_messages import (
    consistency_message,
    entries_message,
    inclusion_message,
    key_messages,
    kind_of,
    verified_message,
)
from numseal.adapters.rpc.unserved import unserved
from numseal.api.transparency.v1 import transparency_pb2 as pb
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.errors import invalid
from numseal.usecases.read_log import ReadLog
from numseal.usecases.verify_attestation import VerifyAttestation

MAX_BUNDLE = 64 * 1024
"""Bytes of the largest bundle verified here; `numseal verify` reads larger ones."""

VERIFIERS = 2
"""Threads that verify at a time; further calls wait, and all others go on."""


@dataclass(frozen=True, slots=True)
class TransparencyUseCases:
    """What TransparencyService calls."""

    read: ReadLog
    verify: VerifyAttestation


class TransparencyService:
    """The auditor's way to what Numseal has signed.

    Owner of mutable state: the semaphore that bounds the verifications under way.
    """

    def __init__(self, use: TransparencyUseCases, keys: PublicKeys) -> None:
        """Take the use cases and the public keys in use; raises TlogError where the log's vkey is none."""
        self._use = use
        self._verifiers = asyncio.Semaphore(VERIFIERS)
        self._keys = pb.GetKeysResponse(keys=key_messages(keys), issuer=keys.issuer, origin=keys.log_origin)

    @for_anyone(pb.GetKeysRequest)
    async def GetKeys(self, _request: pb.GetKeysRequest) -> pb.GetKeysResponse:
        """List the public keys."""
        return self._keys

    @for_anyone(pb.GetCheckpointRequest)
    async def GetCheckpoint(self, _request: pb.GetCheckpointRequest) -> pb.GetCheckpointResponse:
        """Give the newest published head."""
        head = self._use.read.head()
        return pb.GetCheckpointResponse(
            checkpoint=head.checkpoint, origin=head.origin, tree_size=head.size, root_hash=head.root
        )

    @for_anyone(pb.GetInclusionProofRequest)
    async def GetInclusionProof(self, request: pb.GetInclusionProofRequest) -> pb.GetInclusionProofResponse:
        """Prove that the log holds an entry."""
        match request.WhichOneof("entry"):
            case "leaf_index":
                found = await self._use.read.inclusion(request.leaf_index)
            case "attestation_id":
                found = await self._use.read.inclusion_of_attestation(request.attestation_id)
            case "leaf_hash":
                found = await self._use.read.inclusion_of_hash(request.leaf_hash)
            case _:
                message = "entry: one of leaf_index, attestation_id, leaf_hash is expected"
                raise invalid("entry", "ENTRY_REQUIRED", message)
        return inclusion_message(found)

    @for_anyone(pb.GetConsistencyProofRequest)
    async def GetConsistencyProof(self, request: pb.GetConsistencyProofRequest) -> pb.GetConsistencyProofResponse:
        """Prove that the log only grew."""
        return consistency_message(await self._use.read.consistency(request.old_size, request.new_size))

    @for_anyone(pb.ListEntriesRequest)
    async def ListEntries(self, request: pb.ListEntriesRequest) -> pb.ListEntriesResponse:
        """List entries in order."""
        kind = kind_of(request.kind)
        return entries_message(await self._use.read.page(request.start_index, request.page_size, kind))

    @for_anyone(pb.VerifyAttestationRequest)
    async def VerifyAttestation(self, request: pb.VerifyAttestationRequest) -> pb.VerifyAttestationResponse:
        """Verify a bundle or a presentation with this server's keys."""
        expected = {"relying_party": request.relying_party, "account_id": request.account_id}
        match request.WhichOneof("subject"):
            case "bundle_json":
                _refuse_key_binding(request)
                _refuse_large(request.bundle_json)
                verify = partial(self._use.verify, request.bundle_json, **expected)
            case "presentation":
                shown = {"nonce": request.nonce, "audience": request.audience}
                verify = partial(self._use.verify.presentation, request.presentation, **shown, **expected)
            case _:
                raise invalid("subject", "SUBJECT_REQUIRED", "subject: a bundle_json or a presentation is expected")
        async with self._verifiers:
            verified = await asyncio.to_thread(verify)
        return verified_message(verified)

    async def GetStatusList(self, _request: bytes, context: Context) -> pb.GetStatusListResponse:
        """Answer that it is not served."""
        await unserved(context, "TransparencyService.GetStatusList")


def _refuse_key_binding(request: pb.VerifyAttestationRequest) -> None:
    """Refuse to be asked what a bundle cannot show, lest the answer be read as if it had."""
    for field, value in (("nonce", request.nonce), ("audience", request.audience)):
        if value:
            message = f"{field}: a bundle carries no key binding (KB-JWT) to hold it against; leave it empty"
            raise invalid(field, "KEY_BINDING_NOT_IN_BUNDLE", message)


def _refuse_large(bundle: bytes) -> None:
    if len(bundle) > MAX_BUNDLE:
        message = f"bundle_json: {len(bundle)} bytes; at most {MAX_BUNDLE} are expected, `numseal verify` takes more"
        raise invalid("bundle_json", "BUNDLE_TOO_LARGE", message)
