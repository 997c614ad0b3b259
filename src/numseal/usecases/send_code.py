"""Have a code sent: the first one after a look at the number, and further ones on their ladder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from numseal.domain import otp
from numseal.domain.agreement import Agreements
from numseal.domain.errors import Refusal, exhausted, unavailable
from numseal.domain.evidence import Evidence, Lookup, LookupOutcome, Method
from numseal.domain.limits import Budget, Limits, send_budgets, send_delay
from numseal.domain.operator import CodeOrder, CodeSent, LookupRequest, Phase
from numseal.domain.policy import Policies
from numseal.domain.relying_party import RelyingParty
from numseal.domain.verdict import Decision
from numseal.domain.verdicts import evaluate
from numseal.domain.verification import Code, DeliveryState, Event, State, Verification, wrong_state
from numseal.ports.clock import Clock
from numseal.ports.store import Needs, Rows, Store
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.look_up import LookUp

SEND_TIMEOUT = 5.0
"""Seconds an operator has to take an order."""


@dataclass(frozen=True, slots=True)
class _Settle:
    """Write down what came of sending; gives the send budgets back where nothing was sent."""

    verification_id: str
    change: Callable[[Verification, int], Verification]
    refund: tuple[Budget, ...]

    @property
    def needs(self) -> Needs:
        return Needs(verifications=(self.verification_id,), budgets=self.refund)

    def decide(self, rows: Rows) -> Verification:
        current = _found(rows.verification(self.verification_id)).at(rows.now)
        for budget in self.refund:
            rows.spend(budget, -1)
        if current.state not in {State.PENDING, State.CODE_SENT}:
            # Something else happened while the operator was asked, and stands.
            return current
        changed = self.change(current, rows.now)
        rows.put_verification(changed)
        return changed


@dataclass(frozen=True, slots=True)
class _ChargeResend:
    """Count a further code before it is sent."""

    verification_id: str
    request_id: str
    method: Method | None
    budgets: tuple[Budget, ...]

    @property
    def needs(self) -> Needs:
        return Needs(verifications=(self.verification_id,), budgets=self.budgets)

    def decide(self, rows: Rows) -> Verification:
        current = _found(rows.verification(self.verification_id)).at(rows.now)
        if current.state is not State.CODE_SENT:
            raise wrong_state(current, "send another code")
        delay = send_delay(current.sends)
        if delay is None:
            raise exhausted(
                "SENDS_EXHAUSTED",
                "this verification has had all its codes; start another when it has ended",
                quota="VERIFICATION_SENDS",
                retry_delay=current.expire_time - rows.now,
            )
        if rows.now < current.next_send_time:
            wait = current.next_send_time - rows.now
            raise exhausted(
                "RESEND_TOO_EARLY",
                f"the next code may be sent in {wait} s",
                quota="VERIFICATION_SENDS",
                retry_delay=wait,
            )
        for budget in self.budgets:
            if rows.spent(budget) >= budget.limit:
                raise budget.refuse(rows.now)
        for budget in self.budgets:
            rows.spend(budget)
        following = send_delay(current.sends + 1)
        charged = replace(
            current,
            sends=current.sends + 1,
            next_send_time=rows.now + (following if following is not None else 0),
            resend_requests=(*current.resend_requests, self.request_id),
            opening=current.opening
            if self.method in {None, current.opening.method}
            else replace(current.opening, method=self.method),
            update_time=rows.now,
        )
        rows.put_verification(charged)
        return charged


class SendCode:
    """Asks the number's operator to send codes, within agreement and budgets."""

    def __init__(
        self,
        *,
        store: Store,
        ask: AskOperator,
        look_up: LookUp,
        agreements: Agreements,
        parties: Mapping[str, RelyingParty],
        limits: Limits,
        policies: Policies,
        clock: Clock,
        code_key: bytes,
    ) -> None:
        """Take what it needs by name; `code_key` has 32 bytes and is never stored."""
        self._store = store
        self._ask = ask
        self._look_up = look_up
        self._agreements = agreements
        self._parties = parties
        self._limits = limits
        self._policies = policies
        self._clock = clock
        self._code_key = code_key

    async def first(self, verification: Verification) -> Verification:
        """Look the number up and, if nothing speaks against it, send the first code of a PENDING verification."""
        opening = verification.opening
        lookup = await self._look_up(opening.operator_id, self._request(verification, opening.operator_id))
        operator_id, agreement_id = opening.operator_id, opening.agreement_id
        if lookup.outcome is LookupOutcome.PORTED:
            operator_id = lookup.ported_to
            try:
                agreement = self._agreements.in_force(opening.relying_party, operator_id, self._clock.now())
            except Refusal as refusal:
                return await self._fail(verification, refusal.reason, lookup)
            agreement_id = agreement.agreement_id
            # One hop: where the second operator says "ported" too, the rules find a number nobody serves.
            lookup = await self._look_up(operator_id, self._request(verification, operator_id, agreement_id))
        if operator_id != opening.operator_id:
            opening = replace(opening, operator_id=operator_id, agreement_id=agreement_id)
        return await self._judge(replace(verification, opening=opening, before=lookup), lookup)

    async def resend(self, verification: Verification, method: Method | None, request_id: str) -> Verification:
        """Send a further code; raises Refusal where agreement, state, ladder or budgets do not allow it."""
        opening = verification.opening
        self._agreements.in_force(opening.relying_party, opening.operator_id, self._clock.now())
        charge = _ChargeResend(verification.verification_id, request_id, method, self._budgets(verification))
        return await self.resume((await self._store.apply(charge)).value)

    async def resume(self, charged: Verification) -> Verification:
        """Send the newest code that was counted and is not written down yet; the same one again after a crash."""
        opening = charged.opening
        if opening.method is Method.VOICE:
            lookup = await self._look_up(opening.operator_id, self._request(charged, opening.operator_id))
            charged = replace(charged, before_resend=(*charged.before_resend, lookup))
        return await self._send(charged)

    async def _judge(self, routed: Verification, lookup: Lookup) -> Verification:
        opening = routed.opening
        evidence = Evidence(opening.phone_number, opening.operator_id, lookup.time, lookup)
        verdict = evaluate(evidence, self._policies.of(opening.policy_digest))
        if verdict.decision is not Decision.REJECT:
            return await self._send(routed)

        def reject(current: Verification, now: int) -> Verification:
            return current.on(Event.REJECTED, now, opening=opening, before=lookup, verdict=verdict)

        return await self._settle(routed, reject, refund=True)

    async def _send(self, verification: Verification) -> Verification:
        opening = verification.opening
        order, digest = self._order(verification)
        answer, failure = await self._ask.send_code(opening.operator_id, order, SEND_TIMEOUT)
        if failure is not None:
            return await self._fail(verification, failure, verification.before)
        return await self._sent(verification, order, digest, answer)

    async def _sent(
        self, verification: Verification, order: CodeOrder, digest: str, answer: CodeSent | None
    ) -> Verification:
        """Write down a code that was sent, or may have been (`answer` is None)."""
        keep = answer is None or answer.prior_codes_valid
        number = verification.sends

        def sent(current: Verification, now: int) -> Verification:
            code = Code(
                method=order.method,
                digest=digest,
                challenge=answer.challenge if answer else b"",
                delivery_id=answer.delivery_id if answer else "",
                delivery_state=DeliveryState.ACCEPTED if answer else DeliveryState.UNKNOWN,
                send_time=now,
                expire_time=min(now + otp.LIFETIME, (answer.expire_time if answer else None) or now + otp.LIFETIME),
                length=order.length,
            )
            return current.on(
                Event.CODE_SENT,
                now,
                opening=verification.opening,
                before=verification.before,
                before_resend=verification.before_resend,
                codes=(*current.codes, code) if keep else (code,),
                settled_sends=number,
            )

        return await self._settle(verification, sent, refund=False)

    async def _fail(self, verification: Verification, reason: str, lookup: Lookup | None) -> Verification:
        """End a verification whose first code could not be sent; a further code's failure leaves it as it is."""
        if verification.sends > 1:
            asked = verification.resend_requests[-1]

            def forget(current: Verification, _now: int) -> Verification:
                # The same request again must not look as if its code had been sent.
                kept = tuple(request_id for request_id in current.resend_requests if request_id != asked)
                return replace(current, resend_requests=kept, settled_sends=verification.sends)

            await self._settle(verification, forget, refund=True)
            raise unavailable(reason, f"the operator did not send another code: {reason}; earlier codes still work")

        def fail(current: Verification, now: int) -> Verification:
            return current.on(Event.FAILED, now, opening=verification.opening, before=lookup, failure=reason)

        return await self._settle(verification, fail, refund=True)

    async def _settle(
        self, verification: Verification, change: Callable[[Verification, int], Verification], *, refund: bool
    ) -> Verification:
        budgets = self._budgets(verification) if refund else ()
        return (await self._store.apply(_Settle(verification.verification_id, change, budgets))).value

    def _budgets(self, verification: Verification) -> tuple[Budget, ...]:
        opening = verification.opening
        return send_budgets(self._limits, opening.relying_party, opening.phone_number)

    def _request(self, verification: Verification, operator_id: str, agreement_id: str = "") -> LookupRequest:
        opening = verification.opening
        return LookupRequest(
            request_id=f"{verification.verification_id}-before-{verification.sends}-{operator_id}",
            phone_number=opening.phone_number,
            phase=Phase.BEFORE,
            agreement_id=agreement_id or opening.agreement_id,
            purpose=opening.purpose.value,
            consent_reference=opening.consent_reference,
        )

    def _order(self, verification: Verification) -> tuple[CodeOrder, str]:
        """Return the order for the verification's newest code, and the keyed hash of a code that Numseal makes."""
        opening = verification.opening
        app = self._parties[opening.relying_party].app(opening.app_id)
        if app is None:
            raise unavailable("APP_UNKNOWN", "the app that this verification names is no longer registered")
        language, text = app.text(opening.locale)
        number, template, digest = verification.sends, "", ""
        if opening.method is Method.OPERATOR_CODE:
            template, text = text, ""
        else:
            code = otp.code_of(self._code_key, verification.verification_id, number)
            digest = otp.digest(self._code_key, verification.verification_id, code)
            text = otp.message(text, code)
        order = CodeOrder(
            request_id=f"{verification.verification_id}-code-{number}",
            phone_number=opening.phone_number,
            method=opening.method,
            sender_id=app.sender_id,
            locale=language,
            expire_time=self._clock.now() + otp.LIFETIME,
            agreement_id=opening.agreement_id,
            text=text,
            template=template,
            length=otp.DIGITS,
            previous_challenge=verification.codes[-1].challenge if verification.codes else b"",
        )
        return order, digest


def _found(verification: Verification | None) -> Verification:
    if verification is None:
        raise LookupError("the verification vanished while a code was being sent")
    return verification
