"""What this room says when it cannot go on."""

import click


class Refusal(click.ClickException):
    """Bad input in one sentence: what, where and what to do. The command line prints it and exits with 1."""


def listing(names: list[str], most: int = 5) -> str:
    """Join names for a sentence: all of them, or the first `most` and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
