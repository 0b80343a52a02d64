#!/usr/bin/env python3
"""The porch: opens a room by name, only when asked; `demo` walks the ring once."""

import importlib
import json
import os
import secrets
import shlex
import subprocess
import sys
from pathlib import Path

import click

HERE = Path(__file__).resolve().parent
# Rates that every codec reaches on every photograph of the demo.
DEMO_STIMULI = "--codecs jpeg,webp,avif,jxl --rates 0.25,0.50 --crops 2 --crop-size 256 --seed 1".split()

ROOMS = {
    "study": ("study.cli", "People: load a study, serve it, take its votes out."),
    "codec": ("codec.cli", "Images: codecs, bitstreams, stimuli for a study."),
    "analysis": ("analysis.cli", "Tables: ratings, reports and labels from votes."),
}


class Porch(click.Group):
    """A group whose rooms are imported when they are opened, so that no command pays for another room's libraries."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the rooms and of the demo."""
        return [*ROOMS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the room and return its command group."""
        if cmd_name not in ROOMS:
            return super().get_command(ctx, cmd_name)
        room: click.Command = importlib.import_module(ROOMS[cmd_name][0]).cli
        return room

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 click's signature
        """List the rooms with one line each, without opening them."""
        with formatter.section("Rooms"):
            formatter.write_dl(
                [*((name, line) for name, (_, line) in ROOMS.items()), ("demo", demo.get_short_help_str(90))]
            )


@click.command(cls=Porch)
def cli() -> None:
    """Ask people which compressed image they prefer; rate codecs; learn what may be invented."""


@cli.command()
@click.option("--port", default=8000, show_default=True, help="Where the study's page is served.")
@click.option(
    "--simulate",
    metavar="N",
    type=click.IntRange(min=1),
    help="Let N simulated participants vote in a copy, and report.",
)
@click.option("--no-serve", is_flag=True, help="Stop before the page is served.")
@click.option(
    "--folder", default="demo", show_default=True, type=click.Path(path_type=Path), help="Where everything is kept."
)
def demo(port: int, simulate: int | None, no_serve: bool, folder: Path) -> None:
    """Walk the ring once: photographs, codecs, a study and its page; simulated votes and their report."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = demo_environment(folder)
    photographs, stimuli = folder / "photographs", folder / "study"

    def step(*words: object, quiet: bool = False) -> subprocess.CompletedProcess[str]:
        return run_step([str(word) for word in words], environment, quiet=quiet)

    step("codec", "photographs", "-o", photographs)
    step("codec", "stimuli", "--sources", photographs, *DEMO_STIMULI, "-o", stimuli)
    state = demo_state(step("study", "status", "demo", "--json", quiet=True))
    if state is None:
        step("study", "load", stimuli, "--name", "demo")
    if state in (None, "draft"):
        step("study", "open", "demo")
    if simulate:
        copy = f"demo-simulated-{simulate}"  # a simulation keeps its settings, so each number has a copy of its own
        simulated = folder / copy
        step("study", "simulate", "demo", "--participants", simulate, "--seed", 1, "--into", copy)
        step("study", "votes", copy, "-o", simulated / "votes.csv")
        step(
            "analysis",
            "report",
            simulated / "votes.csv",
            "--stimuli",
            stimuli / "stimuli.csv",
            "-o",
            simulated / "report",
        )
        click.echo(f"\nThe simulated report, open it in a browser: {simulated / 'report' / 'report.html'}")
    tell_what_next(folder, port)
    if not no_serve:
        try:
            step("study", "serve", "--port", port)
        except KeyboardInterrupt:  # Ctrl-C has stopped the server too
            click.echo("Stopped. The votes are kept; the same command goes on.")


def demo_environment(folder: Path) -> dict[str, str]:
    """Return the environment of the demo's commands: its own database, images and secret, inside the folder."""
    secret = folder / "secret"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(32))
    return os.environ | {
        "STUDY_DATABASE_URL": f"sqlite:///{folder.resolve() / 'study.db'}",
        "STUDY_MEDIA": str(folder.resolve() / "media"),
        "STUDY_SECRET_KEY": secret.read_text(),
    }


def run_step(words: list[str], environment: dict[str, str], *, quiet: bool) -> subprocess.CompletedProcess[str]:
    """Run one command as a user would type it, showing it first; one that fails has said why and ends the demo."""
    if not quiet:
        click.secho(f"$ manage.py {shlex.join(words)}", bold=True)
    command = [sys.executable, str(HERE / "manage.py"), *words]
    done = subprocess.run(command, env=environment, capture_output=quiet, text=True, check=False)
    if done.returncode and not quiet:
        raise SystemExit(done.returncode)
    return done


def demo_state(status: subprocess.CompletedProcess[str]) -> str | None:
    """Return the state of the demo's study (`draft`, `open`, ...), or None where it is not loaded yet."""
    if status.returncode:
        return None
    state: str = json.loads(status.stdout)["state"]
    return state


def tell_what_next(folder: Path, port: int) -> None:
    """Print the study's address, and the commands that fetch its votes and make its report."""
    manage = shlex.join([sys.executable, str(HERE / "manage.py")])
    database = shlex.quote(f"sqlite:///{folder.resolve() / 'study.db'}")
    votes, stimuli, report = (
        shlex.quote(str(folder.resolve() / name)) for name in ("votes.csv", "study/stimuli.csv", "report")
    )
    click.echo(f"""
The study's page:     http://127.0.0.1:{port}/s/demo
Its votes, any time:  STUDY_DATABASE_URL={database} {manage} study votes demo -o {votes}
Their report:         {manage} analysis report {votes} --stimuli {stimuli} -o {report}
""")


if __name__ == "__main__":
    cli()
