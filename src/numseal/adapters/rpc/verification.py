"""Serve VerificationService."""

from collections.abc import Mapping
from dataclasses import dataclass

from numseal.adapters.rpc.assurance_messages import timestamp
from numseal.adapters.rpc.gate import Gate, for_relying_party
from numseal.adapters.rpc.verification_messages import (
    CODE_RESULTS,
    NETWORK_RESULTS,
    method_of,
    outcome_of,
    verification_message,
    way_of,
    wish_of,
)
from numseal.api.verification.v1 import verification_pb2 as pb
from numseal.attestation.bundle import Bundle
from numseal.domain.errors import invalid
from numseal.domain.number_plan import OperatorInfo
from numseal.domain.relying_party import RelyingParty
from numseal.domain.verification import Verification
from numseal.usecases.assess import Assess
from numseal.usecases.cancel_verification import CancelVerification
from numseal.usecases.check_code import CheckCode
from numseal.usecases.check_network_proof import CheckNetworkProof
from numseal.usecases.continue_verification import ContinueVerification
from numseal.usecases.deliveries import Deliveries
from numseal.usecases.get_verification import GetVerification
from numseal.usecases.report_outcome import ReportOutcome
from numseal.usecases.resend_code import ResendCode
from numseal.usecases.start_verification import StartVerification


@dataclass(frozen=True, slots=True)
class VerificationUseCases:
    """What VerificationService calls."""

    start: StartVerification
    resend: ResendCode
    check_code: CheckCode
    check_network_proof: CheckNetworkProof
    proceed: ContinueVerification
    deliveries: Deliveries
    assess: Assess
    get: GetVerification
    cancel: CancelVerification
    report: ReportOutcome


class VerificationService:
    """The messenger's way to a verified number."""

    def __init__(self, gate: Gate, use: VerificationUseCases, operators: Mapping[str, OperatorInfo]) -> None:
        """Take the gate, the use cases, and the operators by id to name them in answers."""
        self.gate = gate
        self._use = use
        self._operators = operators

    @for_relying_party(pb.StartVerificationRequest)
    async def StartVerification(
        self, request: pb.StartVerificationRequest, party: RelyingParty
    ) -> pb.StartVerificationResponse:
        """Open a verification."""
        verification = await self._use.start(party, wish_of(request))
        return pb.StartVerificationResponse(verification=self._message(*await self._use.assess(verification)))

    @for_relying_party(pb.ResendCodeRequest)
    async def ResendCode(self, request: pb.ResendCodeRequest, party: RelyingParty) -> pb.ResendCodeResponse:
        """Send a further code."""
        verification = await self._use.resend(
            party.relying_party, request.verification_id, method_of(request.method), request.request_id
        )
        return pb.ResendCodeResponse(verification=self._message(verification))

    @for_relying_party(pb.CheckCodeRequest)
    async def CheckCode(self, request: pb.CheckCodeRequest, party: RelyingParty) -> pb.CheckCodeResponse:
        """Take a code."""
        result, verification = await self._use.check_code(
            party.relying_party, request.verification_id, request.code, request.key_proof
        )
        message = self._message(*await self._use.assess(verification))
        return pb.CheckCodeResponse(verification=message, code_result=CODE_RESULTS[result])

    @for_relying_party(pb.GetVerificationRequest)
    async def GetVerification(
        self, request: pb.GetVerificationRequest, party: RelyingParty
    ) -> pb.GetVerificationResponse:
        """Read a verification."""
        found = await self._use.get(party.relying_party, request.verification_id)
        return pb.GetVerificationResponse(verification=self._message(*found))

    @for_relying_party(pb.CancelVerificationRequest)
    async def CancelVerification(
        self, request: pb.CancelVerificationRequest, party: RelyingParty
    ) -> pb.CancelVerificationResponse:
        """Cancel a verification."""
        canceled = await self._use.cancel(party.relying_party, request.verification_id)
        return pb.CancelVerificationResponse(verification=self._message(canceled))

    @for_relying_party(pb.ReportOutcomeRequest)
    async def ReportOutcome(self, request: pb.ReportOutcomeRequest, party: RelyingParty) -> pb.ReportOutcomeResponse:
        """Record what became of an account."""
        if request.WhichOneof("subject") is None:
            raise invalid("subject", "SUBJECT_REQUIRED", "subject: a verification_id or a binding_id is expected")
        recorded = await self._use.report(
            party.relying_party,
            verification_id=request.verification_id,
            binding_id=request.binding_id,
            outcome=outcome_of(request.outcome),
            occur_time=request.occur_time.seconds if request.HasField("occur_time") else None,
            request_id=request.request_id,
        )
        return pb.ReportOutcomeResponse(record_time=timestamp(recorded))

    @for_relying_party(pb.CheckNetworkProofRequest)
    async def CheckNetworkProof(
        self, request: pb.CheckNetworkProofRequest, party: RelyingParty
    ) -> pb.CheckNetworkProofResponse:
        """Take what the operator's page returned."""
        result, verification = await self._use.check_network_proof(
            party.relying_party, request.verification_id, request.authorization_code, request.state, request.key_proof
        )
        message = self._message(*await self._use.assess(verification))
        return pb.CheckNetworkProofResponse(verification=message, network_result=NETWORK_RESULTS[result])

    @for_relying_party(pb.ContinueVerificationRequest)
    async def ContinueVerification(
        self, request: pb.ContinueVerificationRequest, party: RelyingParty
    ) -> pb.ContinueVerificationResponse:
        """Take a way on, or out of a contest."""
        verification = await self._use.proceed(
            party.relying_party, request.verification_id, way_of(request), request.request_id
        )
        return pb.ContinueVerificationResponse(verification=self._message(*await self._use.assess(verification)))

    def _message(self, verification: Verification, bundle: Bundle | None = None) -> pb.Verification:
        return verification_message(self._use.deliveries.upon(verification), bundle, self._operators)
