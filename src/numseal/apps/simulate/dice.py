"""Chance, from a seed: the only place of the simulation that draws. Nothing drawn here is a secret."""

from collections.abc import Mapping, Sequence
from random import Random  # noqa: TID251 - a simulation that can be repeated needs a generator with a seed
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A stream of chance of its own for each name, so that one more draw for one person changes nobody else."""

    def __init__(self, seed: int, *names: object) -> None:
        """Begin the stream of these names under the seed."""
        self._random = Random("/".join(map(str, (seed, *names))))  # noqa: S311

    def chance(self, share: float) -> bool:
        """Return True in that share of draws, 0 to 1."""
        return self._random.random() < share

    def between(self, span: tuple[float, float]) -> float:
        """Return a number of the span, all alike."""
        return self._random.uniform(*span)

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return self._random.randint(low, high)

    def one(self, choices: Sequence[T]) -> T:
        """Return one of the choices, all alike."""
        return choices[self._random.randrange(len(choices))]

    def pick(self, weights: Mapping[str, float]) -> str:
        """Return a key, as often as its weight has it."""
        return self._random.choices(tuple(weights), tuple(weights.values()))[0]

    def bits(self, count: int) -> int:
        """Return that many bits as a number."""
        return self._random.getrandbits(count)
