"""Several runs of one simulation, each in a process of its own where there are cores for them."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

import uvloop

from numseal.apps.simulate.measure import Figures, measure
from numseal.apps.simulate.play import Order, play


def run_one(order: Order, progress: Callable[[float], None] = lambda _share: None) -> Figures:
    """Play an order to its figures."""
    played = uvloop.run(play(order, progress))
    return measure(played.label, played.lives, played.outcomes, played.seconds)


def run_all(orders: Sequence[Order], done: Callable[[Figures], None] = lambda _figures: None) -> list[Figures]:
    """Play orders side by side, as many as there are cores; returns the figures in the order of the orders."""
    context = multiprocessing.get_context("spawn")
    workers = min(len(orders), os.cpu_count() or 1)
    found: dict[str, Figures] = {}
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for future in as_completed([pool.submit(run_one, order) for order in orders]):
            figures = future.result()
            found[figures.label] = figures
            done(figures)
    return [found[order.label] for order in orders]
