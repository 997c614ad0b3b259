"""Put a challenge out: a code or a network page, the first after a look at the number, codes on their ladder."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from numseal.domain import otp
from numseal.domain.agreement import Agreement
from numseal.domain.conversion import Conversion
from numseal.domain.errors import Refusal, invalid, unavailable
from numseal.domain.evidence import DeliveryState, Evidence, Lookup, LookupOutcome, Method
from numseal.domain.limits import SEND_LADDER, Budget, Limits, page_budgets, send_budgets
from numseal.domain.operator import CodeOrder, CodeSent, LookupRequest, NetworkOrder, Phase
from numseal.domain.policy import Policies
from numseal.domain.relying_party import App, RelyingParty
from numseal.domain.verdict import Decision
from numseal.domain.verdicts import evaluate
from numseal.domain.verification import Code, Event, NetworkPage, Opening, State, Verification
from numseal.ports.clock import Clock
from numseal.ports.store import Store
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.look_up import LookUp
from numseal.usecases.operator_access import OperatorAccess
from numseal.usecases.sending import ChargePage, ChargeResend, Settle

SEND_TIMEOUT = 5.0
"""Seconds an operator has to take an order."""

PAGE_TIMEOUT = 3.0
"""Seconds an operator has to open a network page."""

PAGE_LIFETIME = 5 * 60
"""Seconds that a network page may be used."""


class SendCode:
    """Asks the number's operator to send codes and to open network pages, within agreement and budgets."""

    def __init__(
        self,
        *,
        store: Store,
        ask: AskOperator,
        look_up: LookUp,
        access: OperatorAccess,
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
        self._access = access
        self._parties = parties
        self._limits = limits
        self._policies = policies
        self._clock = clock
        self._code_key = code_key

    async def first(self, verification: Verification) -> Verification:
        """Look the number up and, if nothing speaks against it, send the first code of a PENDING verification."""
        opening = verification.opening
        try:
            agreement = self._access.of_opening(opening)
        except Refusal as refusal:
            return await self._fail(verification, refusal.reason, None)
        operator_id = opening.operator_id
        lookup = await self._look_up(operator_id, self._request(verification, operator_id, agreement))
        held, porting = verification.held, None
        if lookup.outcome is LookupOutcome.PORTED:
            operator_id = await self._look_up.carried_to(lookup) or operator_id
        # Whoever names itself, or a network that is not one operator's, leads no further: the rules say so.
        if operator_id != opening.operator_id:
            opening = replace(opening, operator_id=operator_id)
            try:
                agreement = self._access.of_opening(opening)
                permit = await self._access.begin(agreement, opening.method)
                await self._access.count(permit.charges)
                agreement = self._access.of_opening(opening)
            except Refusal as refusal:
                return await self._fail(verification, refusal.reason, lookup)
            held = (*held, *permit.holds(self._clock.now()))
            # One hop: where the second operator says "ported" too, the rules find a number nobody serves.
            porting = lookup
            lookup = await self._look_up(operator_id, self._request(verification, operator_id, agreement))
        routed = replace(
            verification,
            opening=replace(opening, agreement_id=agreement.agreement_id),
            before=lookup,
            porting=porting,
            held=held,
        )
        return await self._judge(routed, lookup)

    async def resend(
        self,
        verification: Verification,
        method: Method | None,
        request_id: str,
        states: frozenset[State] = frozenset({State.CODE_SENT, State.NETWORK_PENDING}),
    ) -> Verification:
        """Send a further code; raises Refusal where agreement, state, ladder or budgets do not allow it."""
        opening = verification.opening
        chosen = method or (Method.SMS if opening.method is Method.NETWORK else opening.method)
        agreement = self._access.of_opening(opening, chosen)
        if chosen not in (methods := self._access.methods(opening)):
            served = ", ".join(one.value for one in methods if one is not Method.NETWORK) or "no codes"
            raise invalid(
                "method", "METHOD_NOT_SERVED", f"method: the operator does not offer {chosen.value}; it offers {served}"
            )
        # A spoken code is preceded by another look; after a step up the assessment is another one, with its own look.
        lookups = (chosen is Method.VOICE) + (State.STEP_UP_REQUIRED in states)
        charge = ChargeResend(
            verification.verification_id,
            request_id,
            method,
            self._budgets(verification),
            Conversion.of(self._limits, opening.relying_party, opening.phone_number),
            states,
            await self._access.challenge(agreement, chosen, lookups),
        )
        return await self.resume((await self._store.apply(charge)).value)

    async def resume(self, charged: Verification) -> Verification:
        """Send the newest code that was counted and is not written down yet; the same one again after a crash."""
        opening = charged.opening
        if opening.method is Method.VOICE:
            try:
                agreement = self._access.of_opening(opening)
            except Refusal as refusal:
                return await self._fail(charged, refusal.reason, charged.before, refusal)
            self._access.called(agreement)
            lookup = await self._look_up(opening.operator_id, self._request(charged, opening.operator_id, agreement))
            charged = replace(charged, before_resend=(*charged.before_resend, lookup))
        return await self._send(charged)

    async def open_page(self, verification: Verification, request_id: str) -> Verification:
        """Have a network page opened; raises Refusal where agreement or operator do not allow it."""
        opening = verification.opening
        agreement = self._access.of_opening(opening, Method.NETWORK)
        charge = ChargePage(
            verification.verification_id,
            page_budgets(self._limits, opening.relying_party, opening.phone_number),
            await self._access.challenge(agreement, Method.NETWORK, 1),
        )
        charged = (await self._store.apply(charge)).value
        page, reason = await self._page(charged)
        if page is None:
            raise unavailable(reason, f"the operator did not open a network page: {reason}; other ways remain open")
        return await self._opened(charged, page, request_id)

    async def _judge(self, routed: Verification, lookup: Lookup) -> Verification:
        opening = routed.opening
        evidence = Evidence(
            opening.phone_number,
            opening.operator_id,
            lookup.time,
            lookup,
            client=opening.client_network,
            country=opening.region_code,
            porting=routed.porting,
        )
        verdict = evaluate(evidence, self._policies.of(opening.policy_digest))
        if verdict.decision is not Decision.REJECT:
            return await (self._first_page(routed) if opening.method is Method.NETWORK else self._send(routed))

        def reject(current: Verification, now: int) -> Verification:
            return current.on(
                Event.REJECTED, now, opening=opening, before=lookup, porting=routed.porting, verdict=verdict
            )

        return await self._settle(routed, reject, refund=True)

    async def _first_page(self, routed: Verification) -> Verification:
        page, reason = await self._page(routed)
        return await (self._fail(routed, reason, routed.before) if page is None else self._opened(routed, page))

    async def _page(self, verification: Verification) -> tuple[NetworkPage | None, str]:
        opening, now = verification.opening, self._clock.now()
        try:
            agreement = self._access.of_opening(opening, Method.NETWORK)
        except Refusal as refusal:
            return None, refusal.reason
        number = verification.pages
        state = otp.page_state(self._code_key, verification.verification_id, number)
        order = NetworkOrder(
            request_id=f"{verification.verification_id}-page-{number}",
            phone_number=opening.phone_number,
            redirect_uri=self._app(opening).network_redirect_uri,
            state=state,
            # Counted from something that does not move, so that a repeated order is the same order.
            expire_time=min(verification.update_time + PAGE_LIFETIME, verification.expire_time),
            agreement_id=agreement.agreement_id,
            purpose=opening.purpose.value,
            consent_reference=opening.consent_reference,
        )
        started, reason = await self._ask.start_network_check(opening.operator_id, order, PAGE_TIMEOUT)
        if started is None:
            return None, reason
        end = min(started.expire_time, order.expire_time)
        return NetworkPage(started.auth_url, state, started.challenge, now, end), ""

    async def _opened(self, verification: Verification, page: NetworkPage, request_id: str = "") -> Verification:
        def started(current: Verification, now: int) -> Verification:
            return current.on(
                Event.NETWORK_STARTED,
                now,
                opening=verification.opening,
                before=verification.before,
                porting=verification.porting,
                methods=self._access.methods(verification.opening),
                page=page,
                # After a step up only what goes out from then on shows anything more.
                codes=(),
                continue_requests=(*current.continue_requests, request_id),
                accepted_digest="",
                options=(),
            )

        return await self._settle(verification, started, refund=False)

    async def _send(self, verification: Verification) -> Verification:
        opening = verification.opening
        try:
            agreement = self._access.of_opening(opening)
        except Refusal as refusal:
            return await self._fail(verification, refusal.reason, verification.before, refusal)
        order, digest = self._order(verification, agreement)
        answer, failure = await self._ask.send_code(opening.operator_id, order, SEND_TIMEOUT)
        if failure is not None:
            return await self._fail(verification, failure, verification.before)
        return await self._sent(verification, order, digest, answer)

    async def _sent(
        self, verification: Verification, order: CodeOrder, digest: str, answer: CodeSent | None
    ) -> Verification:
        """Write down a code that was sent, or may have been (`answer` is None)."""
        keep = answer is None or answer.prior_codes_valid

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
            # After a step up only what is sent from then on shows anything more.
            earlier = current.codes if keep and current.state is not State.STEP_UP_REQUIRED else ()
            return current.on(
                Event.CODE_SENT,
                now,
                opening=verification.opening,
                before=verification.before,
                porting=verification.porting,
                before_resend=verification.before_resend,
                methods=self._access.methods(verification.opening),
                codes=(*earlier, code),
                accepted_digest="",
                options=(),
            )

        return await self._settle(verification, sent, refund=False)

    async def _fail(
        self, verification: Verification, reason: str, lookup: Lookup | None, refusal: Refusal | None = None
    ) -> Verification:
        """End a verification whose first challenge could not go out; a further one's failure leaves it as it is.

        The caller of a further one is told the `refusal`, or that the operator did not send it.
        """
        if verification.resend_requests:
            asked = verification.resend_requests[-1]

            def forget(current: Verification, now: int) -> Verification:
                # The same request again must not look as if its code had been sent.
                kept = tuple(request_id for request_id in current.resend_requests if request_id != asked)
                return replace(
                    current,
                    resend_requests=kept,
                    unsent=current.unsent + 1,
                    next_send_time=min(current.next_send_time, now + SEND_LADDER[0]),
                )

            await self._settle(verification, forget, refund=True)
            raise refusal or unavailable(
                reason, f"the operator did not send another code: {reason}; earlier codes still work"
            )

        def fail(current: Verification, now: int) -> Verification:
            return current.on(
                Event.FAILED,
                now,
                opening=verification.opening,
                before=lookup,
                porting=verification.porting,
                failure=reason,
            )

        return await self._settle(verification, fail, refund=True)

    async def _settle(
        self, verification: Verification, change: Callable[[Verification, int], Verification], *, refund: bool
    ) -> Verification:
        budgets = self._budgets(verification) if refund and verification.sends else ()
        holds = verification.held if refund else ()
        return (await self._store.apply(Settle(verification, change, budgets, holds))).value

    def _budgets(self, verification: Verification) -> tuple[Budget, ...]:
        opening = verification.opening
        return send_budgets(self._limits, opening.relying_party, opening.phone_number)

    def _request(self, verification: Verification, operator_id: str, agreement: Agreement) -> LookupRequest:
        opening = verification.opening
        return LookupRequest(
            request_id=f"{verification.verification_id}-before-{verification.sends}-{operator_id}",
            phone_number=opening.phone_number,
            phase=Phase.BEFORE,
            agreement_id=agreement.agreement_id,
            signals=agreement.signals,
            purpose=opening.purpose.value,
            consent_reference=opening.consent_reference,
            since_time=verification.since_time,
        )

    def _app(self, opening: Opening) -> App:
        app = self._parties[opening.relying_party].app(opening.app_id)
        if app is None:
            raise unavailable("APP_UNKNOWN", "the app that this verification names is no longer registered")
        return app

    def _order(self, verification: Verification, agreement: Agreement) -> tuple[CodeOrder, str]:
        """Return the order for the verification's newest code, and the keyed hash of a code that Numseal makes."""
        opening = verification.opening
        app = self._app(opening)
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
            agreement_id=agreement.agreement_id,
            text=text,
            template=template,
            length=otp.DIGITS,
            previous_challenge=verification.codes[-1].challenge if verification.codes else b"",
        )
        return order, digest
