"""Assess a verification whose challenge was met, or that took a way on: look again, conclude, attest."""

from collections.abc import Mapping

from numseal.attestation.bundle import Bundle
from numseal.domain.agreement import Agreement
from numseal.domain.evidence import Lookup, Method
from numseal.domain.operator import Capabilities, LookupRequest, Phase
from numseal.domain.policy import Policies
from numseal.domain.relying_party import RelyingParty
from numseal.domain.verification import State, Verification
from numseal.ports.clock import Clock
from numseal.ports.entropy import Entropy
from numseal.ports.store import Store
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.conclude import Conclude, Fresh, Operator
from numseal.usecases.flights import Flights
from numseal.usecases.issue import Issue
from numseal.usecases.look_up import LookUp
from numseal.usecases.operator_access import OperatorAccess

SALT_BYTES = 32


class Assess:
    """Assesses verifications, once each, however many ask."""

    def __init__(
        self,
        *,
        store: Store,
        ask: AskOperator,
        look_up: LookUp,
        access: OperatorAccess,
        parties: Mapping[str, RelyingParty],
        policies: Policies,
        issue: Issue,
        clock: Clock,
        entropy: Entropy,
        flights: Flights,
    ) -> None:
        """Take what it needs by name."""
        self._store = store
        self._ask = ask
        self._look_up = look_up
        self._access = access
        self._parties = parties
        self._policies = policies
        self.issue = issue
        self._clock = clock
        self._entropy = entropy
        self._flights = flights

    async def __call__(self, verification: Verification) -> tuple[Verification, Bundle | None]:
        """Return the verification as it stands, assessed first where it is ASSESSING, and its bundle once VERIFIED.

        Raises Refusal where its operator may not be asked any more: what was shown is kept, and assessed once it may.
        """
        present = verification.at(self._clock.now())
        if present.state is State.ASSESSING:
            return await self._flights.join(f"assess {present.verification_id}", lambda: self._run(present))
        if present.state is State.VERIFIED:
            return present, await self.issue.bundle(present.jti)
        return present, None

    async def _run(self, verification: Verification) -> tuple[Verification, Bundle | None]:
        opening = verification.opening
        agreement = self._access.of_opening(opening)
        after = await self._after(verification, agreement)
        capabilities = await self._ask.capabilities(opening.operator_id)
        party = self._parties.get(opening.relying_party)
        app = party.app(opening.app_id) if party is not None else None
        command = Conclude(
            verification,
            after,
            Operator() if capabilities is None else Operator(capabilities.plmns, _covered(capabilities, agreement)),
            app is not None and bool(app.network_redirect_uri),
            self._policies.of(opening.policy_digest),
            self.issue,
            Fresh(self._entropy.identifier(), self._entropy.identifier(), self._entropy.bytes(SALT_BYTES)),
        )
        applied = await self._store.apply(command)
        concluded = applied.value
        if concluded.record is not None:
            bundle = await self.issue.bundle(concluded.verification.jti, applied.leaves[0], concluded.record)
            return concluded.verification, bundle
        if concluded.verification.state is State.VERIFIED:
            return concluded.verification, await self.issue.bundle(concluded.verification.jti)
        return concluded.verification, None

    async def _after(self, verification: Verification, agreement: Agreement) -> Lookup:
        opening = verification.opening
        self._access.called(agreement)
        request = LookupRequest(
            # Asked anew after a crash, not answered from memory: it is the present that counts.
            request_id=f"{verification.verification_id}-after-{len(verification.grants)}-{self._clock.now()}",
            phone_number=opening.phone_number,
            phase=Phase.AFTER,
            agreement_id=agreement.agreement_id,
            signals=agreement.signals,
            purpose=opening.purpose.value,
            consent_reference=opening.consent_reference,
            since_time=verification.since_time,
        )
        return await self._look_up(opening.operator_id, request)


def _covered(capabilities: Capabilities, agreement: Agreement) -> tuple[Method, ...]:
    return tuple(method for method in capabilities.methods if method in agreement.methods)
