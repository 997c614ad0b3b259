"""One claim to a number from its first call to its last answer, as a person or an attacker makes it.

Knows the messenger's API and the claimant's means; who the claimant is, and what is measured, is decided elsewhere.
"""

import json
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from numseal.api.simulator.v1 import simulator_pb2 as sim
from numseal.api.verification.v1 import assurance_pb2 as asr
from numseal.api.verification.v1 import verification_pb2 as pb
from numseal.apps.simulate import changes
from numseal.apps.simulate.desk import Desk, RefusedError, Verification
from numseal.apps.simulate.timeline import HOUR, TICK, Timeline
from numseal.attestation.jwk import public_jwk

_OBJECTION_AFTER = 6 * HOUR
_MOST_STEPS = 4
_COORDINATE = 32
_UNSUPPORTED = "METHOD_NOT_SUPPORTED"
CODES = (asr.METHOD_SMS, asr.METHOD_VOICE, asr.METHOD_OPERATOR_CODE)
"""The methods that send a code."""


class DeviceKey:
    """An account's key on a handset."""

    __slots__ = ("_key", "jwk")

    def __init__(self) -> None:
        """Make a key."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.jwk = json.dumps(public_jwk(self._key.public_key()))

    def sign(self, purpose: str, verification_id: str) -> bytes:
        """Sign a verification's id for `key-proof` or `release`, r and s of 32 bytes each."""
        message = f"numseal/v1\n{purpose}\n{verification_id}\n".encode()
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claimant asks for and can do.

    `page_from` is the number whose SIM opens network pages, empty where none does. `reads` are the methods
    whose codes the claimant takes from the handset, `overhears` those that reach the claimant past it. `loses_message`
    tells that the first one never arrives. `old_key` is that of another account of the claimant that holds the number.
    `objected` tells that whoever holds the number objects when a contest is told.
    """

    number: str
    party: str
    account: str
    address: str
    method: int = asr.METHOD_SMS
    purpose: int = pb.PURPOSE_SIGN_UP
    key: DeviceKey | None = None
    page_from: str = ""
    reads: tuple[int, ...] = CODES
    overhears: tuple[int, ...] = ()
    loses_message: bool = False
    mistypes: bool = False
    resends: bool = False
    waits: bool = False
    lock: bool = False
    old_key: DeviceKey | None = None
    new_subscriber: bool = False
    objected: bool = False


@dataclass(slots=True)
class Result:
    """What a claim came to; times in Unix seconds.

    `first` is the state after the first proof, `final` the last one; either is REFUSED where a call was refused before
    any state. `challenged` tells that a code or page was out. `network` that a page matched.
    """

    began: int
    ended: int = 0
    first: str = "REFUSED"
    final: str = "REFUSED"
    level: str = "NONE"
    reason: str = ""
    challenged: bool = False
    network: bool = False
    contested_binding: str = ""
    verification: Verification = field(default_factory=Verification)

    @property
    def bound(self) -> bool:
        """Whether the account holds the number in the end."""
        return self.final == "VERIFIED"

    def codes(self) -> tuple[str, ...]:
        """Return the codes of the findings that weigh, the gravest first; the reason of a refusal where none does."""
        found = [item for item in self.verification.findings if item.severity != asr.SEVERITY_NOTE]
        found.sort(key=lambda item: -item.severity)
        return tuple(item.code for item in found) or ((self.reason,) if self.reason else ())


def state_name(verification: Verification) -> str:
    """Return the state without its prefix."""
    return pb.VerificationState.Name(verification.state).removeprefix("VERIFICATION_STATE_")


class Claimant:
    """Plays claims."""

    def __init__(self, desk: Desk, timeline: Timeline) -> None:
        """Take the calls and the time."""
        self._desk = desk
        self._timeline = timeline

    async def play(self, claim: Claim) -> Result:
        """Play a claim to its end."""
        result = Result(began=self._timeline.now())
        try:
            if claim.loses_message:
                await self._desk.update(claim.number, [changes.delivery(sim.DELIVERY_BEHAVIOR_VANISH)])
            opened = await self._open(claim)
            if claim.loses_message:
                await self._desk.update(claim.number, [changes.delivery(sim.DELIVERY_BEHAVIOR_DELIVER)])
            result.challenged = opened.WhichOneof("challenge") is not None
            self._note(result, await self._prove(claim, result, opened))
            result.first = result.final
            await self._go_on(claim, result)
        except RefusedError as error:
            result.reason = error.reason
        result.ended = self._timeline.now()
        return result

    async def _open(self, claim: Claim) -> Verification:
        """Open a verification; where the operator cannot do the method, by SMS in its place."""
        try:
            opened = await self._desk.start(claim.party, _request(claim, claim.method))
            if opened.failure_reason != _UNSUPPORTED:
                return opened
        except RefusedError:
            if claim.method == asr.METHOD_SMS:
                raise
        return await self._desk.start(claim.party, _request(claim, asr.METHOD_SMS))

    def _note(self, result: Result, verification: Verification) -> None:
        result.verification = verification
        result.final = state_name(verification)
        result.reason = verification.failure_reason
        if verification.assurance_level:
            result.level = asr.AssuranceLevel.Name(verification.assurance_level).removeprefix("ASSURANCE_LEVEL_")
        if verification.contest.binding_id:
            result.contested_binding = verification.contest.binding_id

    async def _prove(self, claim: Claim, result: Result, opened: Verification) -> Verification:
        verification = opened
        if verification.state == pb.VERIFICATION_STATE_NETWORK_PENDING:
            verification = await self._page(claim, result, verification)
            if verification.state in {pb.VERIFICATION_STATE_NETWORK_PENDING, pb.VERIFICATION_STATE_PENDING}:
                verification = await self._resend(claim, verification)
        if verification.state == pb.VERIFICATION_STATE_CODE_SENT:
            verification = await self._code(claim, verification)
        return verification

    async def _page(self, claim: Claim, result: Result, verification: Verification) -> Verification:
        if not claim.page_from:
            return verification
        opened = await self._desk.open_page(claim.page_from, verification.network.auth_url)
        if not opened.authorization_code:
            return verification
        proof = claim.key.sign("key-proof", verification.verification_id) if claim.key else b""
        after = await self._desk.check_page(
            claim.party,
            pb.CheckNetworkProofRequest(
                verification_id=verification.verification_id,
                authorization_code=opened.authorization_code,
                state=opened.state,
                key_proof=proof,
            ),
        )
        result.network = result.network or claim.page_from == claim.number
        return after

    async def _resend(self, claim: Claim, verification: Verification) -> Verification:
        due = min(
            (item.available_time.seconds for item in verification.methods if item.method == asr.METHOD_SMS), default=0
        )
        await self._timeline.sleep_until(due)
        request = pb.ResendCodeRequest(verification_id=verification.verification_id, method=asr.METHOD_SMS)
        return await self._desk.resend(claim.party, request)

    async def _code(self, claim: Claim, sent: Verification) -> Verification:
        verification = sent
        if not claim.reads and not claim.overhears:
            return verification
        if claim.resends:
            await self._timeline.sleep_until(self._timeline.now() + TICK)
            verification = await self._resend(claim, verification)
        code = await self._read(claim, verification)
        if code is None:
            await self._timeline.sleep_until(self._timeline.now() + TICK)
            verification = await self._resend(claim, verification)
            code = await self._read(claim, verification)
        if code is None:
            return verification
        if claim.mistypes:
            await self._offer(claim, verification, f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}")
        return await self._offer(claim, verification, code)

    async def _offer(self, claim: Claim, verification: Verification, code: str) -> Verification:
        proof = claim.key.sign("key-proof", verification.verification_id) if claim.key else b""
        request = pb.CheckCodeRequest(verification_id=verification.verification_id, code=code, key_proof=proof)
        answer = await self._desk.check(claim.party, request)
        if answer.code_result == pb.CODE_RESULT_TOO_EARLY:
            await self._timeline.sleep_until(answer.verification.next_check_time.seconds)
            answer = await self._desk.check(claim.party, request)
        return answer.verification

    async def _read(self, claim: Claim, verification: Verification) -> str | None:
        if verification.code.method in claim.overhears:
            return self._desk.overheard(verification.verification_id, verification.code.send_count)
        if verification.code.method not in claim.reads:
            return None
        for message in reversed(await self._desk.messages(claim.number)):
            if message.receive_time.seconds >= verification.code.send_time.seconds:
                code = _digits(message, verification.code.length)
                if code:
                    return code
        return None

    async def _go_on(self, claim: Claim, result: Result) -> None:
        """Take the ways out of a step-up or contest that the claimant has, one after another."""
        tried: set[tuple[str, int]] = set()
        for _ in range(_MOST_STEPS):
            request = self._way(claim, result.verification, tried)
            if request is None:
                return
            if request.WhichOneof("way") == "wait" and not await self._wait(claim, result.verification):
                result.final = "CANCELED"
                return
            try:
                after = await self._desk.go_on(claim.party, request)
                self._note(result, await self._prove(claim, result, after))
            except RefusedError as error:
                result.reason = error.reason

    def _way(
        self, claim: Claim, verification: Verification, tried: set[tuple[str, int]]
    ) -> pb.ContinueVerificationRequest | None:
        ways = self._step_ups(claim, verification) + self._contest_ways(claim, verification)
        for request in ways:
            name = (request.WhichOneof("way") or "", request.method.method)
            if name not in tried:
                tried.add(name)
                return request
        return None

    def _step_ups(self, claim: Claim, verification: Verification) -> list[pb.ContinueVerificationRequest]:
        if verification.state != pb.VERIFICATION_STATE_STEP_UP_REQUIRED:
            return []
        named, found = verification.verification_id, []
        options = sorted(verification.step_up_options, key=lambda item: _ORDER.index(item.kind))
        for option in options:
            if option.kind == pb.STEP_UP_KIND_WAIT and claim.waits:
                found.append(pb.ContinueVerificationRequest(verification_id=named, wait=pb.WaitWay()))
            elif (option.kind == pb.STEP_UP_KIND_NETWORK and claim.page_from) or (
                option.kind == pb.STEP_UP_KIND_METHOD and option.method in claim.reads + claim.overhears
            ):
                way = pb.MethodWay(method=option.method or asr.METHOD_NETWORK)
                found.append(pb.ContinueVerificationRequest(verification_id=named, method=way))
        return found

    def _contest_ways(self, claim: Claim, verification: Verification) -> list[pb.ContinueVerificationRequest]:
        if verification.state != pb.VERIFICATION_STATE_CONTESTED:
            return []
        named = verification.verification_id
        listed = {way.kind for way in verification.contest.ways}
        found = []
        if claim.old_key is not None and pb.CONTEST_WAY_KIND_OLD_ACCOUNT_KEY in listed:
            way = pb.OldAccountKeyWay(signature=claim.old_key.sign("release", named))
            found.append(pb.ContinueVerificationRequest(verification_id=named, old_account_key=way))
        if claim.lock and pb.CONTEST_WAY_KIND_REGISTRATION_LOCK in listed:
            passed = pb.RegistrationLockWay(reference=f"lock-{named[:8]}")
            passed.pass_time.seconds = self._timeline.now()
            found.append(pb.ContinueVerificationRequest(verification_id=named, registration_lock=passed))
        if claim.new_subscriber and pb.CONTEST_WAY_KIND_NEW_SUBSCRIBER in listed:
            found.append(pb.ContinueVerificationRequest(verification_id=named, new_subscriber=pb.NewSubscriberWay()))
        if claim.waits and pb.CONTEST_WAY_KIND_WAIT in listed:
            found.append(pb.ContinueVerificationRequest(verification_id=named, wait=pb.WaitWay()))
        return found

    async def _wait(self, claim: Claim, verification: Verification) -> bool:
        """Wait until the option's time; False where the holder's objection came before."""
        contest = [
            way.available_time.seconds for way in verification.contest.ways if way.kind == pb.CONTEST_WAY_KIND_WAIT
        ]
        step_up = [
            item.available_time.seconds for item in verification.step_up_options if item.kind == pb.STEP_UP_KIND_WAIT
        ]
        if claim.objected and contest:
            await self._timeline.sleep_until(self._timeline.now() + _OBJECTION_AFTER)
            await self._desk.cancel(claim.party, verification.verification_id)
            return False
        await self._timeline.sleep_until(min(contest or step_up))
        return True


_ORDER = (
    pb.STEP_UP_KIND_NETWORK,
    pb.STEP_UP_KIND_METHOD,
    pb.STEP_UP_KIND_WAIT,
    pb.STEP_UP_KIND_UNSPECIFIED,
)


def _request(claim: Claim, method: int) -> pb.StartVerificationRequest:
    request = pb.StartVerificationRequest(
        account_id=claim.account,
        phone_number=claim.number,
        purpose=claim.purpose,  # type: ignore[arg-type]
        method=method,  # type: ignore[arg-type]
        required_level=asr.ASSURANCE_LEVEL_LOW,
    )
    request.client.ip_address = claim.address
    if claim.key is not None:
        request.client.device_public_key_jwk = claim.key.jwk
    return request


def _digits(message: sim.Message, length: int) -> str | None:
    """Return the code in a text: the first run of so many digits."""
    text = "".join(letter if letter.isdigit() else " " for letter in message.text)
    if message.kind == sim.MESSAGE_KIND_VOICE:
        spoken = [word for word in text.split() if len(word) == 1]
        if len(spoken) >= length:
            return "".join(spoken[:length])
    return next((word for word in text.split() if len(word) == length), None)
