"""The command `repeat`: makes a report again from the same files and settings, and compares the two byte for byte."""

import contextlib
import hashlib
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click

from analysis.options import IN, as_json

MARK = "settings.json"
ELO = ("start", "k", "rounds", "replay", "summary")


@click.command()
@click.argument("report", type=IN)
@click.option("--votes", type=IN, help="The votes.csv that it was made from.  [default: in or beside REPORT]")
@click.option("--stimuli", type=IN, help="The stimuli.csv, where there was one.  [default: beside the votes or REPORT]")
@click.option("--sessions", type=IN, help="The sessions.csv, where there was one.  [default: the same]")
@as_json
@click.pass_context
def repeat(context: click.Context, /, report: Path, as_json: bool, **named: Path | None) -> None:
    """Make a report again and compare it byte for byte."""
    from analysis.report.record import versions

    made = _made(report)
    other = {name: (was, now) for name, (was, now) in _versions(made, versions()).items() if was != now}
    for name, (was, now) in other.items():
        click.echo(f"{name}: the report was made with {was or 'none'}, this is {now or 'none'}.", err=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _gathered(_Wanted(report, made, named), place)
        analysis = cast("click.Group", cast("click.Context", context.parent).command)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            analysis.commands["report"].main(_words(made, place), standalone_mode=False)
        differ = list(_differing(report, place / "report", made))
    if as_json:
        told = {"same": not differ, "files": len(made["files"]) + 1, "differ": differ}
        click.echo(json.dumps(told | {"versions": {name: list(pair) for name, pair in other.items()}}, indent=1))
    else:
        for name in differ:
            click.echo(f"{name} differs")
        same = f"all {len(made['files']) + 1} files are the same"
        click.echo(f"{report}: {f'{len(differ)} files differ' if differ else same}")
    context.exit(1 if differ else 0)


def _made(report: Path) -> dict[str, Any]:
    """Return the settings of a report, or refuse what is none."""
    from analysis.files import Refusal, read_bytes

    path = report / MARK
    try:
        made = json.loads(read_bytes(path))
    except ValueError:
        raise Refusal(f"{path} is not JSON; name the folder of a report as analysis report wrote it.") from None
    if not isinstance(made, dict) or made.get("made_by") != "analysis report" or not {"votes", "files"} <= set(made):
        raise Refusal(f"{path} is not of a report; name a folder that analysis report wrote.")
    return made


def _versions(made: Mapping[str, Any], now: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    was = made.get("versions", {})
    return {name: (was.get(name), now.get(name)) for name in dict.fromkeys((*was, *now))}


@dataclass(frozen=True)
class _Wanted:
    """The files that a report was made from: `named` holds those that the command line names."""

    report: Path
    made: Mapping[str, Any]
    named: Mapping[str, Path | None]

    def found(self, what: str, recorded: Mapping[str, str]) -> Path:
        """Return the file of this digest: the named one, or the one of its name in the report, beside it or the votes.

        Refuses where there is none.
        """
        from analysis.files import Refusal

        given, votes = self.named.get(what), self.named.get("votes")
        folders = [self.report, self.report.resolve().parent, *([votes.resolve().parent] if votes else [])]
        tried = [given] if given else [folder / recorded["file"] for folder in folders]
        there = [path for path in tried if path.is_file()]
        for path in there:
            if _digest(path) == recorded["sha256"]:
                return path.resolve()
        told = f"{there[0]} has another SHA-256 than" if there else f"{tried[-1]} does not exist, which should be"
        raise Refusal(f"{told} the {recorded['file']} of {self.report}; name the right file with --{what}.")


def _gathered(wanted: _Wanted, place: Path) -> None:
    """Put the files of a report into a folder of their own, so that nothing else lies beside the votes there."""
    from analysis.files import Refusal

    made, beside = wanted.made, wanted.made.get("beside", {})
    votes = wanted.found("votes", made["votes"])
    (place / made["votes"]["file"]).symlink_to(votes)
    for what in ("stimuli", "sessions"):
        if made.get(what):
            folder = place / what
            folder.mkdir()
            (folder / made[what]["file"]).symlink_to(wanted.found(what, made[what]))
    if beside.get("sessions") and not made.get("sessions"):
        recorded = {"file": "sessions.csv", "sha256": beside["sessions"]}
        (place / "sessions.csv").symlink_to(wanted.found("sessions", recorded))
    if beside.get("design") or beside.get("notes"):
        found = [path for path in (folder / "design.toml" for folder in _near(wanted, votes)) if path.is_file()]
        if not found:
            raise Refusal(f"{votes.parent} holds no design.toml, which {wanted.report} was made with; put it there.")
        for path in (found[0], found[0].with_name("history.csv")):
            if path.is_file():
                (place / path.name).symlink_to(path.resolve())


def _near(wanted: _Wanted, votes: Path) -> list[Path]:
    return [votes.parent, wanted.report, wanted.report.resolve().parent]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _words(made: Mapping[str, Any], place: Path) -> list[str]:
    """Return the command line of a report of the same settings, in a folder with its files."""
    settings = made["settings"]
    words = [str(place / made["votes"]["file"]), "--output", str(place / "report")]
    for what in ("stimuli", "sessions"):
        if made.get(what):
            words += [f"--{what}", str(place / what / made[what]["file"])]
    for name in ("resample", "ridge", "alpha", "seed"):
        words += [f"--{name}", str(settings[name])]
    for name in ELO:
        words += [f"--{name}", str(settings["elo"][name])]
    for pair in made["primary"]:
        words += ["--primary", ",".join(pair)]
    for option in ("lower", "higher"):
        words += [word for name in made[option] for word in (f"--{option}", name)]
    for option in ("screen", "only"):
        words += [word for name, value in made[option].items() for word in (f"--{option}", f"{name}={value}")]
    return words


def _differing(report: Path, again: Path, made: Mapping[str, Any]) -> Iterator[str]:
    """Give the names of the files that are not the same, those included that only one of the two has."""
    new = {path.relative_to(again).as_posix() for path in again.rglob("*") if path.is_file()}
    for name in sorted({*made["files"], MARK} | new):
        old = report / name
        if name not in new or not old.is_file() or old.read_bytes() != (again / name).read_bytes():
            yield name
