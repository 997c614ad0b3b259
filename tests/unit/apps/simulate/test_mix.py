from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from numseal.apps.simulate.mix import ATTACKS, SEGMENTS, MixError, load_mix

PACKAGED = resources.files("numseal.apps").joinpath("data", "mix.toml").read_text(encoding="utf-8")


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[str], str]:
    """Return the sentence with which a mix is refused."""

    def read(text: str) -> str:
        path = tmp_path / "mix.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(MixError) as caught:
            load_mix(path)
        assert str(caught.value).startswith(f"{path}: ")
        return str(caught.value).removeprefix(f"{path}: ")

    return read


def test_the_packaged_mix_has_every_segment_and_attack() -> None:
    mix = load_mix(None)
    assert mix.name == "default"
    assert set(mix.segments) == set(SEGMENTS)
    assert set(mix.attacks) == set(ATTACKS)
    assert sum(section.share("share") for section in mix.segments.values()) == pytest.approx(1)


def test_attempts_grow_with_the_population_and_never_fall_below_the_least() -> None:
    mix = load_mix(None)
    assert mix.attempts("relayed_code", 20_000) == 120
    assert mix.attempts("voicemail", 20_000) == 50
    assert mix.attempts("voicemail", 100) == 2
    assert mix.attempts("not_in_the_mix", 20_000) == 0


def test_an_attack_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "mix.toml"
    path.write_text(
        PACKAGED.replace("[attacks.replayed_expired]", "[attacks.replayed_altered_]".replace("_]", "]")).replace(
            "[attacks.replayed_altered]          #", "# "
        ),
        encoding="utf-8",
    )
    mix = load_mix(path)
    assert mix.attempts("replayed_expired", 20_000) == 0


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('name = "default"', "name = 1", "name: found 1, expected a text"),
        ('name = "default"', "", "name: found nothing, expected a value"),
        ("share = 0.42", "share = 0.52", "segments: found shares that add up to 1.1, expected shares that add up to 1"),
        ("share = 0.42", "share = 1.42", "segments.stayed_home.share: found 1.42, expected a share of 0 to 1"),
        ("share = 0.42", "share = true", "segments.stayed_home.share: found True, expected a share of 0 to 1"),
        (
            "history_days = [2, 25]",
            "history_days = [25, 2]",
            "time.history_days: found [25, 2], expected two ascending",
        ),
        ("history_days = [2, 25]", "history_days = 3", "time.history_days: found 3, expected two ascending numbers"),
        (
            "history_days = [2, 25]",
            "days = [2, 25]",
            "time.days: found [2, 25], expected one of history_days, after_days",
        ),
        ("[segments.ported]", "[segments.moved]", "segments.moved: found a table, expected one of stayed_home"),
        ("[messengers.beta]", "[messengers.gamma]", "messengers.gamma: found"),
        ("fixed_abroad = 0.1", "fixed_abroad = 0.2", "attackers.client: found shares that add up to 1.1"),
        (
            "fixed_abroad = 0.1",
            "abroad = 0.1",
            "attackers.client.abroad: found 0.1, expected one of mobile, fixed_home",
        ),
        ("[methods]", "[[methods]]", "methods: found ["),
        (
            "guesses = 40",
            "guesses = -1",
            "attacks.brute_force_parallel.guesses: found -1, expected a number of 0 or more",
        ),
    ],
)
def test_a_bad_value_is_named(refused: Callable[[str], str], old: str, new: str, sentence: str) -> None:
    assert old in PACKAGED
    assert refused(PACKAGED.replace(old, new, 1)).startswith(sentence)


def test_what_is_no_toml_is_refused(refused: Callable[[str], str]) -> None:
    assert refused("= 1").startswith("not TOML: ")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MixError, match="No such file or directory; expected a mix file"):
        load_mix(tmp_path / "none.toml")
