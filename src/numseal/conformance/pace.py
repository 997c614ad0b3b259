"""How long the kit waits for things, in seconds. What the contract fixes is fixed here too, with its clause."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """The kit's patience. The defaults are the contract's and the command's; tests of the kit itself are in a hurry.

    `heartbeat` is the longest silence of a stream (event.proto, HeartbeatEvent); `before` and `after` how long a lookup
    may take (operator.proto, LookupPhase). `answer` bounds every other call, `check` a whole check. `arrival` is how
    long a message, `event` how long an event may take to come; `opening` how long a stream that says nothing is given
    to begin; `quiet` how long the kit listens where nothing may come; `code_life` is the life of the code that is left
    to expire, and `late` how long after its end it is offered; `throttled` is the longest that the kit waits where it
    is told to.
    """

    heartbeat: float = 20.0
    before: float = 1.5
    after: float = 3.0
    answer: float = 10.0
    check: float = 180.0
    arrival: float = 20.0
    event: float = 30.0
    opening: float = 2.0
    quiet: float = 3.0
    code_life: float = 3.0
    late: int = 1
    throttled: float = 65.0
