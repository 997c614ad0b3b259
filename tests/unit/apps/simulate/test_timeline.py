from itertools import pairwise

import pytest

from fakes.simulated_desk import NOW, MovedClock
from numseal.apps.simulate.dice import Dice
from numseal.apps.simulate.timeline import HOUR, TICK, Timeline, slot, tick


class Diary:
    """Writes down what happened when, and how many were at work."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.lines: list[tuple[int, str]] = []

    def story(self, name: str, *rests: int):  # type: ignore[no-untyped-def]
        async def told() -> None:
            self.lines.append((self.timeline.now() - NOW, f"{name} begins"))
            for rest in rests:
                await self.timeline.sleep_until(NOW + rest)
                self.lines.append((self.timeline.now() - NOW, name))

        return told


async def test_stories_run_in_the_order_of_their_times_and_the_clock_goes_on_to_the_end(clock: MovedClock) -> None:
    timeline = Timeline(clock, 2)
    diary = Diary(timeline)
    timeline.add(NOW + 500, diary.story("late"))
    timeline.add(NOW + 100, diary.story("early", 50, 700))
    seen: list[int] = []
    await timeline.play(NOW + 20 * HOUR, seen.append)
    assert diary.lines == [(100, "early begins"), (100, "early"), (500, "late begins"), (700, "early")]
    assert clock.now() == NOW + 20 * HOUR
    assert seen == sorted(seen)
    assert max(later - earlier for earlier, later in pairwise(seen)) <= 6 * HOUR


async def test_no_more_are_at_work_than_allowed_and_whoever_rests_is_not_at_work(clock: MovedClock) -> None:
    timeline = Timeline(clock, 1)
    diary = Diary(timeline)
    for name in "abc":
        timeline.add(NOW, diary.story(name, 60))
    await timeline.play(NOW)
    assert [time for time, _ in diary.lines] == [0, 0, 0, 60, 60, 60]


async def test_what_a_story_raises_ends_the_play(clock: MovedClock) -> None:
    timeline = Timeline(clock, 4)
    diary = Diary(timeline)

    async def broken() -> None:
        raise ValueError("broken")

    timeline.add(NOW, diary.story("resting", 1_000))
    timeline.add(NOW + 10, broken)
    with pytest.raises(ValueError, match="broken"):
        await timeline.play(NOW + HOUR)
    assert diary.lines == [(0, "resting begins")]


def test_times_are_planned_for_few_moments() -> None:
    assert (slot(2 * HOUR + 5.5), tick(2 * TICK + 5.5)) == (2 * HOUR, 2 * TICK)


def test_dice_fall_alike_for_the_same_names_and_apart_for_others() -> None:
    def draw(*names: object) -> list[object]:
        dice = Dice(1, *names)
        return [dice.chance(0.5), dice.between((1, 2)), dice.whole(1, 6), dice.one("abc"), dice.bits(64)]

    assert draw("a", 1) == draw("a", 1)
    assert draw("a", 1) != draw("a", 2)
    assert Dice(1).pick({"never": 0.0, "always": 1.0}) == "always"
