"""Colour where a terminal is attached; click strips it elsewhere."""

import click

WIDTH = 9


def good(text: str) -> str:
    """Mark what went well."""
    return click.style(text, fg="green", bold=True)


def bad(text: str) -> str:
    """Mark what went wrong."""
    return click.style(text, fg="red")


def note(text: str) -> str:
    """Mark what stands beside the matter."""
    return click.style(text, dim=True)


def label(text: str) -> str:
    """Return a label of a fixed width."""
    return click.style(text.ljust(WIDTH), fg="cyan")
