"""A desk without a server: it answers as it is told, and keeps what was asked of it.

`first` is the state after a right code or page, `later` that after each way on from a step-up or contest. Refusals are
by the name of the call.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from numseal.api.simulator.v1 import simulator_pb2 as sim
from numseal.api.verification.v1 import assurance_pb2 as asr
from numseal.api.verification.v1 import binding_pb2
from numseal.api.verification.v1 import verification_pb2 as pb
from numseal.apps.simulate.changes import Change
from numseal.apps.simulate.desk import RefusedError

CODE = "123456"
NOW = 1_767_571_200


class MovedClock:
    """A clock that is moved by whoever holds it."""

    def __init__(self, now: int = NOW) -> None:
        self.time = now

    def now(self) -> int:
        return self.time

    def advance(self, seconds: int) -> int:
        self.time += seconds
        return self.time


@dataclass
class FakeDesk:
    """Answers of one server; `calls` are (name, detail) in order."""

    clock: MovedClock
    first: int = pb.VERIFICATION_STATE_VERIFIED
    later: int = pb.VERIFICATION_STATE_VERIFIED
    opens: int = pb.VERIFICATION_STATE_CODE_SENT
    code_result: int = pb.CODE_RESULT_MATCH
    failure: str = ""
    page_matches: bool = True
    inbox: bool = True
    step_ups: Sequence[pb.StepUpOption] = ()
    ways: Sequence[pb.ContestWay] = ()
    result: int = binding_pb2.NUMBER_CHECK_RESULT_SPOOFED
    refusals: dict[str, str] = field(default_factory=dict)
    refuse_after: dict[str, int] = field(default_factory=dict)
    calls: list[tuple[str, object]] = field(default_factory=list)

    def named(self, name: str) -> list[object]:
        """Return the details of the calls of a name."""
        return [detail for found, detail in self.calls if found == name]

    async def start(self, party: str, request: pb.StartVerificationRequest) -> pb.Verification:
        self._take("start", request)
        state = self.opens
        if request.method != asr.METHOD_NETWORK and state == pb.VERIFICATION_STATE_NETWORK_PENDING:
            state = pb.VERIFICATION_STATE_CODE_SENT
        failure = self.failure if request.method != asr.METHOD_SMS else ""
        if failure:
            state = pb.VERIFICATION_STATE_FAILED
        opened = self._at(state, request.method)
        opened.failure_reason = failure
        return opened

    async def resend(self, party: str, request: pb.ResendCodeRequest) -> pb.Verification:
        self._take("resend", request)
        self.inbox = True
        return self._at(pb.VERIFICATION_STATE_CODE_SENT, asr.METHOD_SMS)

    async def check(self, party: str, request: pb.CheckCodeRequest) -> pb.CheckCodeResponse:
        self._take("check", request)
        result, self.code_result = self.code_result, pb.CODE_RESULT_MATCH
        right = request.code == CODE and result == pb.CODE_RESULT_MATCH
        state = self.first if right else pb.VERIFICATION_STATE_CODE_SENT
        answer = pb.CheckCodeResponse(
            verification=self._at(state),
            code_result=result if request.code == CODE else pb.CODE_RESULT_MISMATCH,  # type: ignore[arg-type]
        )
        answer.verification.next_check_time.seconds = self.clock.now() + 30
        return answer

    async def check_page(self, party: str, request: pb.CheckNetworkProofRequest) -> pb.Verification:
        self._take("check_page", request)
        return self._at(self.first if self.page_matches else pb.VERIFICATION_STATE_NETWORK_PENDING)

    async def go_on(self, party: str, request: pb.ContinueVerificationRequest) -> pb.Verification:
        self._take("go_on", request)
        self.first = self.later
        method = request.method.method
        if method == asr.METHOD_NETWORK:
            return self._at(pb.VERIFICATION_STATE_NETWORK_PENDING)
        return self._at(pb.VERIFICATION_STATE_CODE_SENT if method else self.later)

    async def cancel(self, party: str, verification_id: str) -> None:
        self._take("cancel", verification_id)

    async def shown(self, party: str, request: binding_pb2.CheckNumberRequest) -> binding_pb2.CheckNumberResponse:
        self._take("shown", (party, request))
        return binding_pb2.CheckNumberResponse(result=self.result)  # type: ignore[arg-type]

    async def messages(self, number: str) -> Sequence[sim.Message]:
        self._take("messages", number)
        if not self.inbox:
            return ()
        old = sim.Message(text="999999 is an old code")
        old.receive_time.seconds = 1
        spoken = sim.Message(kind=sim.MESSAGE_KIND_VOICE, text="Your code is " + " ".join(CODE))
        spoken.receive_time.seconds = self.clock.now()
        return [old, spoken]

    async def open_page(self, number: str, auth_url: str) -> sim.OpenAuthUrlResponse:
        self._take("open_page", number)
        return sim.OpenAuthUrlResponse(authorization_code="a-code" if self.page_matches else "", state="a-state")

    async def update(self, number: str, changes: Sequence[Change]) -> None:
        self._take("update", (self.clock.now(), list(changes)))

    def overheard(self, verification_id: str, send_count: int) -> str:
        return CODE

    def _take(self, name: str, detail: object) -> None:
        self.calls.append((name, detail))
        if name in self.refusals and len(self.named(name)) > self.refuse_after.get(name, 0):
            raise RefusedError(self.refusals[name], "a sentence")

    def _at(self, state: int, method: int = 0) -> pb.Verification:
        verification = pb.Verification(
            verification_id="f" * 32,
            state=state,  # type: ignore[arg-type]
            assurance_level=asr.ASSURANCE_LEVEL_LOW if state == pb.VERIFICATION_STATE_VERIFIED else 0,  # type: ignore[arg-type]
        )
        if state == pb.VERIFICATION_STATE_CODE_SENT:
            verification.code.length = len(CODE)
            verification.code.method = method or asr.METHOD_SMS  # type: ignore[assignment]
            verification.code.send_time.seconds = self.clock.now()
        elif state == pb.VERIFICATION_STATE_NETWORK_PENDING:
            verification.network.auth_url = "https://network.example/authorize"
        elif state == pb.VERIFICATION_STATE_STEP_UP_REQUIRED:
            verification.step_up_options.extend(self.step_ups)
        elif state == pb.VERIFICATION_STATE_CONTESTED:
            verification.contest.binding_id = "held"
            verification.contest.ways.extend(self.ways)
        elif state == pb.VERIFICATION_STATE_VERIFIED:
            verification.binding_id = "bound"
            verification.bundle.sd_jwt = "token~disclosure~"
        return verification
