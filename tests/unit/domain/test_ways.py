"""Which ways a verification lists, from when, and how long it then lives."""

from numseal.domain import ways
from numseal.domain.evidence import Answer, Method
from numseal.domain.verdict import Level
from numseal.domain.verification import Option

NOW = 1_750_000_000
ALL = tuple(Answer)


def test_only_what_the_operator_offers_and_was_not_shown_yet_is_an_option() -> None:
    options = ways.step_up_options(
        ALL,
        methods=(Method.SMS, Method.VOICE, Method.NETWORK),
        shown=(Method.SMS,),
        wait_until=NOW + 9,
        next_send_time=NOW + 5,
        now=NOW,
    )
    assert options == (
        Option(Answer.NETWORK, NOW, Method.NETWORK, Level.HIGH),
        Option(Answer.METHOD, NOW + 5, Method.VOICE),
        Option(Answer.WAIT, NOW + 9),
    )


def test_what_answers_nothing_is_no_option() -> None:
    found = ways.step_up_options(
        (Answer.SAME_KEY, Answer.REGISTRATION_LOCK),
        methods=tuple(Method),
        shown=(),
        wait_until=NOW,
        next_send_time=0,
        now=NOW,
    )
    assert found == ()


def test_an_operator_of_which_nothing_is_known_leaves_waiting() -> None:
    found = ways.step_up_options(ALL, methods=(), shown=(), wait_until=NOW + 9, next_send_time=0, now=NOW)
    assert found == (Option(Answer.WAIT, NOW + 9),)


def test_the_old_accounts_key_is_a_way_only_where_it_has_one() -> None:
    def of(*, key: bool) -> list[Answer]:
        options = ways.contest_options(ALL, old_account_has_key=key, wait_until=NOW + 9, now=NOW)
        assert all(option.available_time == (NOW + 9 if option.answer is Answer.WAIT else NOW) for option in options)
        return [option.answer for option in options]

    assert Answer.OLD_ACCOUNT_KEY in of(key=True)
    assert Answer.OLD_ACCOUNT_KEY not in of(key=False)


def test_a_verification_lives_on_only_for_a_waiting_time() -> None:
    wait = Option(Answer.WAIT, NOW + 1_000)
    assert ways.last_moment(NOW + 60, ()) == NOW + 60
    assert ways.last_moment(NOW + 60, (Option(Answer.NETWORK, NOW, Method.NETWORK),)) == NOW + 60
    assert ways.last_moment(NOW + 60, (wait,)) == NOW + 1_000 + ways.GRACE
    assert ways.last_moment(NOW + 10**9, (wait,)) == NOW + 10**9
