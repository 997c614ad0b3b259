"""The ways on from STEP_UP_REQUIRED and out of CONTESTED: which there are, and from when.

Pure. Whether a way was really taken is a use case's to check.
"""

from collections.abc import Collection

from numseal.domain.evidence import Answer, Method
from numseal.domain.limits import DAY
from numseal.domain.verdict import Level
from numseal.domain.verification import Option

CODE_METHODS = (Method.SMS, Method.VOICE, Method.OPERATOR_CODE)

GRACE = DAY
"""Seconds that a way which opened after a waiting time may still be taken."""


def step_up_options(
    answers: Collection[Answer],
    *,
    methods: Collection[Method],
    shown: Collection[Method],
    wait_until: int,
    next_send_time: int,
    now: int,
) -> tuple[Option, ...]:
    """Return what more proof may be given: those of `answers` that this verification can give.

    `methods` are those that operator, agreement and app offer, `shown` those by which control was shown already. The
    waiting time ends at `wait_until`, the next code may be sent at `next_send_time`.
    """
    options = []
    if Answer.NETWORK in answers and Method.NETWORK in methods:
        options.append(Option(Answer.NETWORK, now, Method.NETWORK, Level.HIGH))
    if Answer.METHOD in answers:
        others = (method for method in CODE_METHODS if method in methods and method not in shown)
        options += [Option(Answer.METHOD, max(now, next_send_time), method) for method in others]
    if Answer.WAIT in answers:
        options.append(Option(Answer.WAIT, wait_until))
    return tuple(options)


def contest_options(
    ways: Collection[Answer], *, old_account_has_key: bool, wait_until: int, now: int
) -> tuple[Option, ...]:
    """Return the ways out of a contest that the policy allows; the old account's key only where it has one."""
    return tuple(
        Option(way, wait_until if way is Answer.WAIT else now)
        for way in Answer
        if way in ways and (way is not Answer.OLD_ACCOUNT_KEY or old_account_has_key)
    )


def last_moment(expire_time: int, options: tuple[Option, ...]) -> int:
    """Return when a verification with these options ends: later than it would only for a waiting time."""
    waits = [option.available_time + GRACE for option in options if option.answer is Answer.WAIT]
    return max(expire_time, *waits) if waits else expire_time
