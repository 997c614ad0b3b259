"""`numseal simulate`: options, progress and exit codes. What is played and counted is `apps.simulate`'s."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from numseal.apps.cli.style import bad
from numseal.apps.simulate.measure import Figures
from numseal.apps.simulate.mix import Mix, MixError, load_mix
from numseal.apps.simulate.play import Order
from numseal.apps.simulate.report import print_figures, to_json, write_files
from numseal.apps.simulate.run import run_all, run_one
from numseal.apps.simulate.signal_sets import SIGNAL_SETS

_USAGE, _MISSED = 2, 3


@click.command()
@click.option(
    "--subscribers", type=click.IntRange(1, 1_000_000), default=2_000, show_default=True, help="Ordinary people."
)
@click.option("--days", type=click.IntRange(1, 365), default=14, show_default=True, help="Days they verify within.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True, help="Same seed, same people.")
@click.option(
    "--mix", "mix_file", type=click.Path(path_type=Path), metavar="FILE", help="Another mix than the packaged one."
)
@click.option(
    "--signals",
    type=click.Choice([*SIGNAL_SETS, "compare"]),
    default="all",
    show_default=True,
    help="What operators tell: a code only, code and HLR, everything, or each in turn.",
)
@click.option(
    "--thresholds",
    "factors",
    type=click.FloatRange(0.1, 10),
    multiple=True,
    metavar="FACTOR",
    help="Also play everything with the policy's time thresholds times this; may be repeated.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write figures.json, CSV files and a plot (SVG) here.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--check", is_flag=True, help="Exit with 3 where a goal is missed with all signals.")
@click.option("--progress/--no-progress", default=None, help="Show progress.  [default: on a terminal]")
def simulate(
    *,
    subscribers: int,
    days: int,
    seed: int,
    mix_file: Path | None,
    signals: str,
    factors: tuple[float, ...],
    output: Path | None,
    as_json: bool,
    check: bool,
    progress: bool | None,
) -> None:
    """Play a population and its attackers through a real server, and measure what is found out.

    Exit code 0: played. 1: the run failed. 2: usage, the mix file, or the output directory. 3: with --check, a goal
    was missed.
    """
    try:
        mix = load_mix(mix_file)
    except MixError as error:
        click.echo(bad(str(error)), err=True)
        sys.exit(_USAGE)
    sets = SIGNAL_SETS if signals == "compare" else (signals,)
    orders = [Order(subscribers, days, seed, mix, name) for name in sets]
    orders += [Order(subscribers, days, seed, mix, "all", factor) for factor in dict.fromkeys(factors) if factor != 1]
    runs = _run(orders, progress)
    heading = _heading(mix, subscribers, days, seed)
    if output is not None:
        try:
            write_files(runs, heading, output)
        except OSError as error:
            click.echo(bad(f"{output}: {error.strerror}; --output names a directory that can be written"), err=True)
            sys.exit(_USAGE)
    if as_json:
        click.echo(to_json(runs, heading))
    else:
        print_figures(runs)
    missed = [goal for figures in runs if figures.label == "all" for goal in figures.goals if not goal.met]
    sys.exit(_MISSED if check and missed else 0)


def _run(orders: list[Order], progress: bool | None) -> list[Figures]:
    console = Console(stderr=True)
    shown = console.is_terminal if progress is None else progress
    with Progress(console=console, disable=not shown, transient=True) as bar:
        if len(orders) == 1:
            task = bar.add_task(orders[0].label, total=1.0)
            return [run_one(orders[0], lambda share: bar.update(task, completed=share))]
        task = bar.add_task("runs", total=len(orders))
        return run_all(orders, lambda _figures: bar.advance(task))


def _heading(mix: Mix, subscribers: int, days: int, seed: int) -> dict[str, object]:
    return {"mix": mix.name, "subscribers": subscribers, "days": days, "seed": seed}
