"""The house: arrows between the rooms, documents against code, pins, and a few rules that no linter knows."""

import ast
import re
import shlex
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import click
import pytest

HOUSE = Path(__file__).resolve().parent.parent
ROOMS = ("study", "codec", "analysis")
SOURCES = sorted(path for room in ROOMS for path in (HOUSE / room).rglob("*.py"))
DOCUMENTS = sorted([*HOUSE.glob("*.md"), *(HOUSE / "docs").rglob("*.md")])


def documented_columns(title: str) -> list[str]:
    """Return the names in the first column of the table below `## title` in docs/formats.md, in their order."""
    section = (HOUSE / "docs/formats.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def demanded_columns(title: str) -> list[str]:
    section = (HOUSE / "docs/formats.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    return [name for row in rows if "required" in row[2] for name in re.findall(r"`([^`]+)`", row[1])]


def test_arrows_between_the_rooms() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=HOUSE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("title", "writer"),
    [
        ("stimuli.csv", "codec.stimuli:STIMULI_COLUMNS"),
        ("skipped.csv", "codec.stimuli:SKIPPED_COLUMNS"),
        ("votes.csv", "study.export:VOTES_COLUMNS"),
        ("sessions.csv", "study.export:SESSIONS_COLUMNS"),
        ("columns.csv", "study.export:COLUMNS_COLUMNS"),
        ("history.csv", "study.history:COLUMNS"),
        ("participants.csv", "study.participants:COLUMNS"),
        ("votes.csv", "analysis.votes:VOTES_COLUMNS"),
        ("labels.csv", "analysis.labels:LABELS_COLUMNS"),
        ("regions.csv", "analysis.labels:REGIONS_COLUMNS"),
        ("weights.csv", "codec.preference.weigh:COLUMNS"),
        ("evaluation.csv", "codec.preference.evaluation:COLUMNS"),
        ("ratings.csv", "analysis.rating:RATINGS_COLUMNS"),
        ("wins.csv", "analysis.rating:WINS_COLUMNS"),
        ("covariance.csv", "analysis.covariance:COVARIANCE_COLUMNS"),
        ("quality.csv", "analysis.quality:QUALITY_COLUMNS"),
        ("raters.csv", "analysis.quality:RATERS_COLUMNS"),
        ("rules.csv", "analysis.quality:RULES_COLUMNS"),
        ("screened.csv", "analysis.quality:SCREENED_COLUMNS"),
        ("agreement.csv", "analysis.quality:AGREEMENT_COLUMNS"),
        ("metrics.csv", "analysis.metric_tables:METRICS_COLUMNS"),
        ("yardsticks.csv", "analysis.metric_tables:YARDSTICKS_COLUMNS"),
        ("combination.csv", "analysis.metric_tables:COMBINATION_COLUMNS"),
        ("needed.csv", "analysis.needed:NEEDED_COLUMNS"),
        ("priorities.csv", "analysis.priorities:PRIORITIES_COLUMNS"),
        ("verdicts.csv", "analysis.verdict_tables:VERDICTS_COLUMNS"),
        ("ranks.csv", "analysis.verdict_tables:RANKS_COLUMNS"),
        ("parts.csv", "analysis.verdict_tables:PARTS_COLUMNS"),
        ("equal_preference.csv", "analysis.verdict_tables:EQUAL_COLUMNS"),
        ("fit.csv", "analysis.verdict_tables:FIT_COLUMNS"),
        ("residuals.csv", "analysis.verdict_tables:RESIDUALS_COLUMNS"),
        ("random_share.csv", "analysis.verdict_tables:SHARES_COLUMNS"),
        ("truth.csv", "study.truth:COLUMNS"),
    ],
)
def test_writers_know_the_documented_columns(title: str, writer: str) -> None:
    module, name = writer.split(":")
    columns = getattr(__import__(module, fromlist=[name]), name)
    assert list(columns) == documented_columns(title)


@pytest.mark.parametrize(
    ("title", "reader"),
    [
        ("stimuli.csv", "study.folder:STIMULI_COLUMNS"),
        ("stimuli.csv", "analysis.stimuli:STIMULI_REQUIRED"),
        ("votes.csv", "analysis.votes:REQUIRED"),
        ("labels.csv", "codec.preference.labels:REQUIRED"),
    ],
)
def test_readers_demand_the_columns_that_the_page_calls_required(title: str, reader: str) -> None:
    module, name = reader.split(":")
    assert list(getattr(__import__(module, fromlist=[name]), name)) == demanded_columns(title)


def walk_commands(group: click.Group, words: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    found = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found[(*words, name)] = command
        if isinstance(command, click.Group):
            found |= walk_commands(command, (*words, name))
    return found


def shown_commands() -> list[tuple[str, str]]:
    """Return every `manage.py ...` line that a document shows in a code block, with the document's name."""
    shown = []
    for path in DOCUMENTS:
        for block in re.findall(r"^```[a-z]*\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE):
            lines = block.replace("\\\n", " ").splitlines()
            called = (re.fullmatch(r"(?:\S*python\S* )?manage\.py (.*)", line) for line in lines)
            shown += [(path.name, match[1]) for match in called if match]
    return shown


def test_documents_show_only_commands_and_options_that_exist() -> None:
    from manage import cli

    commands = walk_commands(cli)
    shown = shown_commands()
    assert len(shown) > 5
    for document, line in shown:
        words = shlex.split(line, comments=True)
        name = max((key for key in commands if list(key) == words[: len(key)]), key=len, default=None)
        assert name is not None, f"{document} shows an unknown command: {line}"
        known = {option for parameter in commands[name].params for option in parameter.opts} | {"--help"}
        used = {word.split("=")[0] for word in words[len(name) :] if re.match(r"--?[a-z]", word)}
        assert used <= known, f"{document} shows unknown options {used - known}: {line}"


def test_every_command_says_in_one_line_what_it_does() -> None:
    from manage import cli

    for words, command in walk_commands(cli).items():
        assert command.help, f"manage.py {' '.join(words)} has no help"
        first = command.help.strip().splitlines()[0]
        assert len(first) <= 120, f"manage.py {' '.join(words)}: the first line of its help is long"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_claims_page_has_every_claim_once_with_a_known_status() -> None:
    rows = [line.split("|") for line in (HOUSE / "docs/claims.md").read_text().splitlines() if line.startswith("| ")]
    claims = [row for row in rows if re.fullmatch(r"[A-Z]\d[a-z]?", row[1].strip())]
    identifiers = [row[1].strip() for row in claims]
    assert len(identifiers) == len(set(identifiers)) == 26
    for row in claims:
        assert re.match(r"tested|needs people|not built yet|out of scope: ", row[5].strip()), row


def test_every_requirement_is_pinned_and_agrees_with_the_constraints() -> None:
    constraints = dict(
        line.lower().replace("_", "-").split("==") for line in (HOUSE / "constraints.txt").read_text().split()
    )
    files = [*HOUSE.glob("requirements*.txt"), *(HOUSE / room / "requirements.txt" for room in ROOMS)]
    for path in files:
        for line in path.read_text().splitlines():
            if line and not line.startswith(("#", "-r")):
                name, version = re.sub(r"\[.*?\]", "", line).lower().replace("_", "-").split("==")
                assert constraints[name] == version, f"{path.name}: {line}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_its_own_requirements_name(room: str) -> None:
    """So a host that only serves participants installs study/requirements.txt alone."""
    lines = (HOUSE / room / "requirements.txt").read_text().splitlines()
    named = {re.split(r"[\[=]", line)[0].lower() for line in lines if line and not line.startswith("#")}
    homes = packages_distributions()
    for path in [*(HOUSE / room).rglob("*.py"), *((HOUSE / "migrations").rglob("*.py") if room == "study" else [])]:
        for module in third_party(ast.parse(path.read_text())):
            assert named & {home.lower() for home in homes[module]}, f"{path.relative_to(HOUSE)} imports {module}"


def third_party(tree: ast.Module) -> set[str]:
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names) - set(ROOMS)


def test_modules_have_honest_names_and_a_readable_length() -> None:
    for path in SOURCES:
        assert path.stem not in {"utils", "util", "helpers", "common", "misc", "core", "base"}, path
        assert path.read_text().count("\n") <= 400, f"{path.relative_to(HOUSE)} holds more than one thing"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                assert node.end_lineno - node.lineno < 60, f"{path.relative_to(HOUSE)}: {node.name} is long"


def test_nothing_committed_names_one_machine() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=HOUSE, capture_output=True, text=True, check=True).stdout.split()
    for name in tracked:
        path = HOUSE / name
        if path.suffix in {".py", ".js", ".html", ".css", ".toml", ".md", ".txt", ".csv"} and path.exists():
            assert not re.search(r"(?<![\w.])/(work|root|home/\w+)/", path.read_text()), name


def test_help_opens_no_heavy_library() -> None:
    """A room's list of commands appears at once: numpy, pandas, torch and SQLAlchemy load only where they are used."""
    for room in ROOMS:
        probe = (
            f"import sys, {room}.cli; "
            "print(*sorted(sys.modules.keys() & {'numpy', 'pandas', 'torch', 'scipy', 'sqlalchemy', 'PIL'}))"
        )
        done = subprocess.run([sys.executable, "-c", probe], cwd=HOUSE, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "", f"{room}.cli loads {done.stdout}"
