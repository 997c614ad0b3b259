"""The state machine: its table, its ends, and what no sequence of events can do."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from numseal.domain.errors import Kind, Refusal
from numseal.domain.evidence import DeliveryState, Method
from numseal.domain.limits import MAX_GUESSES
from numseal.domain.verdict import Level
from numseal.domain.verification import (
    LIFETIME,
    TRANSITIONS,
    Code,
    Event,
    Opening,
    Purpose,
    State,
    Verification,
    mermaid,
)

NOW = 1_750_000_000
FINAL = {State.VERIFIED, State.REJECTED, State.FAILED, State.EXPIRED, State.CANCELED}


def verification(state: State = State.PENDING) -> Verification:
    opening = Opening(
        relying_party="messenger",
        account_id="alice",
        phone_number="+79161234567",
        purpose=Purpose.SIGN_UP,
        method=Method.SMS,
        required_level=Level.LOW,
        operator_id="mts",
        agreement_id="demo",
        policy_digest="0" * 64,
    )
    return Verification("v" * 32, opening, state, NOW, NOW, NOW + LIFETIME)


def code(sent: int) -> Code:
    return Code(Method.SMS, "d" * 64, b"", "", DeliveryState.ACCEPTED, sent, sent + 600, 6)


def test_the_table_has_every_state_and_its_ends() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {state for state, row in TRANSITIONS.items() if not row} == FINAL
    assert {state for state in State if verification(state).final} == FINAL


def test_every_state_can_be_reached_and_every_event_happens() -> None:
    reached, todo = {State.PENDING}, [State.PENDING]
    while todo:
        for following in TRANSITIONS[todo.pop()].values():
            if following not in reached:
                reached.add(following)
                todo.append(following)
    assert reached == set(State)
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)


def test_verified_is_reached_only_after_possession() -> None:
    before = {state for state, row in TRANSITIONS.items() if State.VERIFIED in row.values()}
    assert before == {State.ASSESSING}
    assert {state for state, row in TRANSITIONS.items() if State.CONTESTED in row.values()} == {State.ASSESSING}
    for row in TRANSITIONS.values():
        for event, following in row.items():
            assert (following is State.ASSESSING) == (event in {Event.POSSESSION_SHOWN, Event.WAY_TAKEN})
    assert Event.WAY_TAKEN not in TRANSITIONS[State.CODE_SENT]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_an_event_follows_the_table_or_is_refused(state: State, event: Event) -> None:
    current = verification(state)
    following = TRANSITIONS[state].get(event)
    if following is None:
        with pytest.raises(Refusal) as caught:
            current.on(event, NOW + 1)
        reasoning = caught.value.reasoning
        assert (reasoning.kind, reasoning.reason) == (Kind.FAILED_PRECONDITION, f"VERIFICATION_{state}")
        assert reasoning.metadata == {"state": state.value}
        assert event.value in caught.value.message
    else:
        changed = current.on(event, NOW + 1, guesses=2)
        assert (changed.state, changed.update_time, changed.guesses) == (following, NOW + 1, 2)
        assert changed.opening is current.opening


@pytest.mark.parametrize("state", State)
def test_time_ends_what_has_not_ended(state: State) -> None:
    current = verification(state)
    assert current.at(current.expire_time - 1) is current
    ended = current.at(current.expire_time + 500)
    assert ended.state is (state if state in FINAL else State.EXPIRED)
    assert ended is current or ended.update_time == current.expire_time


def test_codes_live_until_they_expire_newest_first() -> None:
    first, second = code(NOW), code(NOW + 60)
    current = verification(State.CODE_SENT).on(Event.CODE_SENT, NOW, codes=(first, second))
    assert current.live_codes(NOW + 599) == (second, first)
    assert current.live_codes(NOW + 600) == (second,)
    assert current.live_codes(NOW + 660) == ()


def test_attempts_remaining() -> None:
    current = verification(State.CODE_SENT)
    assert current.attempts_remaining == MAX_GUESSES
    assert current.on(Event.CODE_SENT, NOW, guesses=MAX_GUESSES).attempts_remaining == 0


def test_the_diagram_draws_the_table() -> None:
    lines = mermaid().splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert "    CODE_SENT --> ASSESSING: right code or network proof" in lines
    drawn = [line for line in lines[2:] if "[*]" not in line]
    assert len(drawn) == sum(len(row) for row in TRANSITIONS.values())
    assert sum(line.endswith("--> [*]") for line in lines) == len(FINAL)


class Machine(RuleBasedStateMachine):
    """Anything may happen at any time; what must hold always holds."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.current = verification()
        self.shown = False
        self.ended: Verification | None = None

    @rule(event=st.sampled_from(Event), pause=st.integers(0, LIFETIME // 4))
    def happens(self, event: Event, pause: int) -> None:
        self.now += pause
        before = self.current.at(self.now)
        try:
            self.current = before.on(event, self.now)
            self.shown = self.shown or event is Event.POSSESSION_SHOWN
        except Refusal:
            self.current = before

    @invariant()
    def an_end_is_an_end(self) -> None:
        if self.ended is not None:
            assert self.current is self.ended
        elif self.current.final:
            self.ended = self.current

    @invariant()
    def nothing_is_verified_that_was_not_shown(self) -> None:
        if self.current.state in {State.ASSESSING, State.VERIFIED, State.CONTESTED, State.STEP_UP_REQUIRED}:
            assert self.shown

    @invariant()
    def nothing_outlives_its_time(self) -> None:
        assert self.current.at(self.current.expire_time).final
        assert self.current.update_time <= max(self.now, self.current.expire_time)


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestMachine = Machine.TestCase
