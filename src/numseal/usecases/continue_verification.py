"""Go on from STEP_UP_REQUIRED or out of CONTESTED by a way that the verification lists."""

from dataclasses import dataclass, replace

from numseal.domain.binding import LIVE, Binding
from numseal.domain.errors import Kind, Reasoning, Refusal, invalid, precondition, unavailable
from numseal.domain.evidence import Answer, Grant, Lookup, LookupOutcome, Method
from numseal.domain.operator import LookupRequest, Phase, since_binding
from numseal.domain.rules.waiting import waited_out
from numseal.domain.verification import Event, Option, State, Verification, wrong_state
from numseal.ports.clock import Clock
from numseal.ports.store import Needs, Rows, Store
from numseal.usecases.conclude import evidence_of
from numseal.usecases.device_key import check_release
from numseal.usecases.find_verification import find_verification
from numseal.usecases.flights import Flights
from numseal.usecases.look_up import LookUp
from numseal.usecases.operator_access import OperatorAccess
from numseal.usecases.send_code import SendCode
from numseal.usecases.start_verification import check_request_id

CLOCK_SKEW = 60
"""Seconds by which a relying party's clock may be ahead of ours."""

MAX_REFERENCE = 255

SAME_ANSWER = 600
"""Seconds in which a repeated question to the operator is the same question, billed once."""

_STEP_UP = frozenset({State.STEP_UP_REQUIRED})
_WAITING = frozenset({State.STEP_UP_REQUIRED, State.CONTESTED})


@dataclass(frozen=True, slots=True)
class Way:
    """The way that is taken, as it came; `method` for METHOD and NETWORK, the others by their names."""

    answer: Answer
    method: Method | None = None
    signature: bytes = b""
    pass_time: int | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class _Take:
    """Write down that a way was taken; from then on the verification is assessed again."""

    verification_id: str
    grant: Grant
    contested_binding: str
    request_id: str

    @property
    def needs(self) -> Needs:
        bindings = (self.contested_binding,) if self.contested_binding else ()
        return Needs(verifications=(self.verification_id,), bindings=bindings)

    def decide(self, rows: Rows) -> Verification:
        current = rows.verification(self.verification_id)
        if current is None:
            raise LookupError("the verification vanished while it was being continued")
        current = current.at(rows.now)
        if self.request_id and self.request_id in current.continue_requests:
            return current
        _offered(current, self.grant.answer, None, rows.now)
        if self.contested_binding:
            _uncontested(rows.binding(self.contested_binding))
        taken = current.on(
            Event.WAY_TAKEN,
            rows.now,
            grants=(*current.grants, replace(self.grant, time=rows.now)),
            options=(),
            continue_requests=(*current.continue_requests, self.request_id),
        )
        rows.put_verification(taken)
        return taken


class ContinueVerification:
    """Takes ways: checks each, and has the verification assessed again or another challenge put out."""

    def __init__(
        self,
        *,
        store: Store,
        send_code: SendCode,
        look_up: LookUp,
        access: OperatorAccess,
        clock: Clock,
        flights: Flights,
    ) -> None:
        """Take what it needs by name."""
        self._store = store
        self._send_code = send_code
        self._look_up = look_up
        self._access = access
        self._clock = clock
        self._flights = flights

    async def __call__(self, relying_party: str, verification_id: str, way: Way, request_id: str) -> Verification:
        """Return the verification after the step: ASSESSING, or waiting for another challenge.

        The same `request_id` again answers the same. Raises Refusal, with nothing changed, for a way that is not
        listed, whose time has not come, or that does not hold.
        """
        check_request_id(request_id)
        _check_shape(way)
        found = (await find_verification(self._store, relying_party, verification_id)).at(self._clock.now())
        # One request is one step, whatever way it names: it was counted once. Without an id the whole way is the wish.
        flight = f"continue {verification_id} {request_id or way}"
        if request_id and request_id in (*found.continue_requests, *found.resend_requests):
            if found.state is not State.STEP_UP_REQUIRED or found.settled_sends >= found.sends:
                return found
            # Counted, and cut off before its outcome was written down.
            return await self._flights.join(flight, lambda: self._send_code.resume(found))
        _offered(found, way.answer, way.method, self._clock.now())
        return await self._flights.join(flight, lambda: self._take(found, way, request_id))

    async def _take(self, found: Verification, way: Way, request_id: str) -> Verification:
        if way.answer is Answer.NETWORK:
            return await self._send_code.open_page(found, request_id)
        if way.answer is Answer.METHOD:
            return await self._send_code.resend(found, way.method, request_id, _STEP_UP)
        contested = found.contested_binding if found.state is State.CONTESTED else ""
        holder = _uncontested(await self._store.binding(contested)) if contested else None
        if holder is not None:
            _check_word(found, way, holder, self._clock.now())
        agreement = self._access.of_opening(found.opening)
        # What follows is another assessment, with a look of its own; some ways ask the operator before.
        asks = (way.answer is Answer.NEW_SUBSCRIBER) + (way.answer is Answer.WAIT)
        await self._access.count(await self._access.lookups(agreement, 1 + asks))
        if holder is not None and way.answer is Answer.NEW_SUBSCRIBER:
            await self._confirm_new_subscriber(found, holder)
        if way.answer is Answer.WAIT:
            await self._confirm_waited_out(found)
        grant = Grant(way.answer, self._clock.now(), way.reference)
        return (await self._store.apply(_Take(found.verification_id, grant, contested, request_id))).value

    async def _confirm_waited_out(self, found: Verification) -> None:
        """Refuse a wait that does not hold, or nobody knows of: it must not begin anew, nor keep a contest open."""
        lookup = await self._ask(found, "waited", found.since_time, "whether the SIM stayed what it was")
        grant = Grant(Answer.WAIT, self._clock.now())
        waited = replace(found, after=lookup, grants=(*found.grants, grant))
        if not waited_out(evidence_of(waited, None, (), grant.time)):
            raise precondition(
                "WAIT_NOT_CONFIRMED",
                "the operator does not confirm that the number kept the SIM with which control of it was shown",
            )

    async def _confirm_new_subscriber(self, found: Verification, holder: Binding) -> None:
        what = "whether the number has another subscriber"
        since = since_binding(holder.verified_time, self._clock.now())
        lookup = await self._ask(found, "subscriber", since, what)
        if not another_subscriber(lookup, holder):
            raise precondition(
                "NEW_SUBSCRIBER_NOT_CONFIRMED",
                "the operator does not confirm that the number has had another subscriber since it was bound",
            )

    async def _ask(self, found: Verification, name: str, since_time: int | None, what: str) -> Lookup:
        """Look the number up; raises Refusal where the operator does not answer."""
        opening, now = found.opening, self._clock.now()
        agreement = self._access.of_opening(opening)
        request = LookupRequest(
            # The same for a while, so that asking over and over costs nobody more than once.
            request_id=f"{found.verification_id}-{name}-{now // SAME_ANSWER}",
            phone_number=opening.phone_number,
            phase=Phase.RECHECK,
            agreement_id=agreement.agreement_id,
            signals=agreement.signals,
            purpose=opening.purpose.value,
            consent_reference=opening.consent_reference,
            since_time=since_time,
        )
        lookup = await self._look_up(opening.operator_id, request)
        if lookup.outcome is LookupOutcome.UNANSWERED:
            raise unavailable(lookup.failure, f"the operator did not say {what}")
        return lookup


def another_subscriber(lookup: Lookup, holder: Binding) -> bool:
    """Tell whether a lookup shows another subscriber than the binding was made for; unknown is no."""
    found = lookup.subscriber
    # Only the operator of the binding knows its subscribers before and after: whoever steals a number by porting it
    # is new to the other one.
    if found is None or lookup.operator_id != holder.facts.operator_id:
        return False
    then, present = holder.facts.subscriber_ref, found.subscriber_ref.known
    if then is not None and present is not None and then.key_epoch == present.key_epoch:
        return then.ref != present.ref
    return found.recycled.known is True


def _offered(current: Verification, answer: Answer, method: Method | None, now: int) -> Option:
    """Return the option that a way takes; raises Refusal where it is not listed or its time has not come."""
    if current.state not in _WAITING:
        raise wrong_state(current, "continue")
    fitting = [
        option for option in current.options if option.answer is answer and (method is None or option.method is method)
    ]
    if not fitting:
        listed = ", ".join(_named(option) for option in current.options) or "none: it can only end"
        raise precondition("WAY_NOT_OFFERED", f"the verification does not list this way; it lists {listed}")
    option = min(fitting, key=lambda item: item.available_time)
    if now < option.available_time:
        delay = option.available_time - now
        raise Refusal(
            Reasoning(Kind.FAILED_PRECONDITION, "WAY_NOT_YET_OPEN", retry_delay=delay),
            f"this way opens in {delay} s",
        )
    return option


def _named(option: Option) -> str:
    return option.answer.value if option.method is None else f"{option.answer.value} {option.method.value}"


def _uncontested(holder: Binding | None) -> Binding:
    """Return the contested binding; raises Refusal where it has ended, for then the contest has."""
    if holder is None or holder.state not in LIVE:
        raise precondition(
            "CONTEST_ENDED", "the binding that held the number has ended since; start another verification"
        )
    return holder


def _check_word(found: Verification, way: Way, holder: Binding, now: int) -> None:
    """Refuse a signature or a word of the relying party's that does not hold."""
    if way.answer is Answer.OLD_ACCOUNT_KEY:
        check_release(holder.account_jwk, found.verification_id, way.signature)
    elif way.answer is Answer.REGISTRATION_LOCK:
        _check_lock(found, way, now)


def _check_shape(way: Way) -> None:
    if way.answer is Answer.OLD_ACCOUNT_KEY and not way.signature:
        raise invalid(
            "old_account_key.signature", "SIGNATURE_REQUIRED", "old_account_key.signature: 64 bytes are expected"
        )
    if way.answer is Answer.REGISTRATION_LOCK:
        if way.pass_time is None:
            raise invalid(
                "registration_lock.pass_time", "PASS_TIME_REQUIRED", "registration_lock.pass_time: a time is expected"
            )
        if not 0 < len(way.reference.encode()) <= MAX_REFERENCE:
            raise invalid(
                "registration_lock.reference",
                "REFERENCE_MALFORMED",
                f"registration_lock.reference: 1 to {MAX_REFERENCE} bytes are expected",
            )


def _check_lock(found: Verification, way: Way, now: int) -> None:
    if way.pass_time is None or not found.create_time - CLOCK_SKEW <= way.pass_time <= now + CLOCK_SKEW:
        raise invalid(
            "registration_lock.pass_time",
            "PASS_TIME_OUT_OF_RANGE",
            "registration_lock.pass_time: a time since the verification was opened, and not in the future, is expected",
        )
