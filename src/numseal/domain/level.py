"""The assurance levels, by themselves: evidence, policy and verdict all speak of them."""

from enum import IntEnum


class Level(IntEnum):
    """How sure we are that the account's holder controls the number's SIM; ordered."""

    NONE = 0
    LOW = 1
    SUBSTANTIAL = 2
    HIGH = 3
