"""The files for a server and the page about them: their syntax, and that their settings and commands are there."""

import re
import shlex
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import click
import crossplane
import pytest
import yaml

from study import settings

HOUSE = Path(__file__).resolve().parent.parent
DEPLOY = HOUSE / "deploy"
UNITS = sorted(DEPLOY.glob("*.service")) + sorted(DEPLOY.glob("*.timer"))
PAGE = (HOUSE / "docs/deploying.md").read_text()


def command_of(words: list[str]) -> click.Command:
    """The command that `manage.py WORDS` runs, with its options parsed but nothing done."""
    from manage import cli

    group: click.Command = cli
    context = click.Context(cli)
    while isinstance(group, click.Group):
        name, command, words = group.resolve_command(context, words)
        assert command is not None, name
        group, context = command, click.Context(command, info_name=name, parent=context)
    group.parse_args(context, words)
    return group


def known() -> set[str]:
    """Every STUDY_ variable that the code reads."""
    return set(re.findall(r"environ\.get\(\"(STUDY_\w+)\"", (HOUSE / "study/settings.py").read_text()))


def test_every_setting_is_explained_and_no_other_is_spoken_of() -> None:
    assert known() >= {"STUDY_DATABASE_URL", "STUDY_MEDIA", "STUDY_SECRET_KEY", "STUDY_PROXIES", "STUDY_LIMITS_URL"}
    for path in (*DEPLOY.iterdir(), HOUSE / "docs/deploying.md", HOUSE / "docs/running-a-study.md"):
        if path.is_file():
            assert set(re.findall(r"STUDY_[A-Z_]+", path.read_text())) <= known(), path.name
    for page in (PAGE, (DEPLOY / "study.env").read_text()):
        assert set(re.findall(r"STUDY_[A-Z_]+", page)) == known()


def test_the_page_leads_to_every_file() -> None:
    for path in DEPLOY.iterdir():
        if path.is_file() and not path.name.endswith(".dockerignore"):
            assert f"](../deploy/{path.name})" in PAGE, path.name


def test_the_environment_file_is_read_as_settings() -> None:
    lines = (DEPLOY / "study.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for line in lines:  # what is commented out as well
        if found := re.fullmatch(r"# (STUDY_\w+)=(.+)", line):
            settings.read(given | {found[1]: found[2]})
    read = settings.read(given)
    assert (read.proxies, str(read.media)) == (1, "/var/lib/conha/media")


def nginx(tmp_path: Path) -> dict[str, list[dict[str, object]]]:
    """The directives of the site by their names, in the context that it is written for."""
    shutil.copy(DEPLOY / "nginx.conf", tmp_path / "study.conf")
    (tmp_path / "nginx.conf").write_text("events {}\nhttp { include study.conf; }\n")
    parsed = crossplane.parse(str(tmp_path / "nginx.conf"), strict=True)
    assert parsed["status"] == "ok", parsed["errors"]
    found: dict[str, list[dict[str, object]]] = {}

    def walk(block: list[dict[str, object]]) -> None:
        for directive in block:
            found.setdefault(str(directive["directive"]), []).append(directive)
            walk(directive.get("block", []))  # type: ignore[arg-type]

    walk(parsed["config"][1]["parsed"])
    return found


def test_nginx_hands_on_what_the_server_needs_and_logs_no_links(tmp_path: Path) -> None:
    found = nginx(tmp_path)
    headers = {tuple(directive["args"]) for directive in found["proxy_set_header"]}  # type: ignore[arg-type]
    assert {("Host", "$host"), ("X-Forwarded-For", "$proxy_add_x_forwarded_for")} <= headers
    assert ("X-Forwarded-Proto", "$scheme") in headers
    assert [directive["args"] for directive in found["access_log"]] == [["off"]] * len(found["server_name"])
    assert [directive["args"] for directive in found["proxy_cache_valid"]] == [["200", "30d"]]
    assert {directive["args"][0] for directive in found["location"]} == {"/", "/media/"}  # type: ignore[index]
    zones = re.findall(r"(?:keys_zone=|shared:)(\w+):", (DEPLOY / "nginx.conf").read_text())
    assert len(zones) == len(set(zones)) == 2
    from study.app import LARGEST_REQUEST

    assert found["client_max_body_size"][0]["args"] == [f"{LARGEST_REQUEST // 1024}k"]


@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx here")
def test_nginx_itself_takes_the_site(tmp_path: Path) -> None:
    text = re.sub(
        r"/etc/nginx/certificates|/var/cache/nginx|/var/log/nginx", str(tmp_path), (DEPLOY / "nginx.conf").read_text()
    )
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=study.example.org",
         "-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"], check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / "study.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{ include study.conf; }}\n")
    done = subprocess.run(
        ["nginx", "-t", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert "syntax is ok" in done.stderr, done.stderr


def unit(path: Path) -> RawConfigParser:
    parser = RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return parser


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_takes_the_units(path: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here")
    for other in UNITS:
        text = re.sub(r"^(User|Group)=.*\n", "", other.read_text(), flags=re.MULTILINE)
        (tmp_path / other.name).write_text(
            text.replace("/opt/conha/.venv/bin/python", "/bin/sh").replace("/opt/conha", "/")
        )
    done = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / path.name], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / path.name) not in done.stderr, done.stderr


def test_services_run_commands_that_are_there() -> None:
    ran = []
    for path in DEPLOY.glob("*.service"):
        for line in re.findall(r"^ExecStart(?:Pre)?=(.*)$", path.read_text(), re.MULTILINE):
            words = shlex.split(line)
            words = shlex.split(words[2]) if words[0] == "/bin/sh" else words
            at = words.index("manage.py")
            ran.append(command_of(words[at + 1 :]).name)
        assert unit(path)["Service"]["EnvironmentFile"] == "/etc/conha/study.env"
    assert sorted(map(str, ran)) == ["backup", "serve", "upgrade"]


def test_the_container_copies_what_is_there_and_serves() -> None:
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    allowed = "FROM RUN WORKDIR COPY USER VOLUME ENV EXPOSE HEALTHCHECK ENTRYPOINT CMD".split()
    assert {step for step, _ in steps} == set(allowed)
    assert [rest for step, rest in steps if step == "USER"] == ["conha"]
    copied = {source for step, rest in steps if step == "COPY" for source in rest.split()[:-1]}
    assert all((HOUSE / source).exists() for source in copied)
    let_in = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    assert {source.partition("/")[0] for source in copied} == let_in
    arguments = {step: yaml.safe_load(rest) for step, rest in steps if step in {"ENTRYPOINT", "CMD"}}
    assert arguments["ENTRYPOINT"] == ["python", "manage.py"]
    assert command_of(arguments["CMD"]).name == "serve"
    given = dict(word.split("=", 1) for step, rest in steps if step == "ENV" for word in rest.split())
    settings.read(given)


def test_compose_names_services_volumes_and_commands_that_are_there() -> None:
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = composed["services"]
    assert set(services) == {"postgres", "upgrade", "study", "nginx"}
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in composed["volumes"] or source == "./certificates" or (DEPLOY / source).exists(), volume
        if "build" in service:
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).exists()
        if "command" in service:
            assert command_of(service["command"])
    environment = services["study"]["environment"]
    read = settings.read({name: re.sub(r"\$\{\w+[^}]*\}", "x", said) for name, said in environment.items()})
    assert read.database_url == "postgresql+psycopg://conha:x@postgres/conha"
    assert set(environment) == {"STUDY_SECRET_KEY", "STUDY_DATABASE_URL", "STUDY_MEDIA", "STUDY_PROXIES"}
