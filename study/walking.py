"""One simulated participant's way through a study, over HTTP, as a browser goes it; and the server it walks on."""

import hashlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import httpx

from study.errors import Refused
from study.settings import ROOT

START_S = 30.0
"""How long a server may take to answer for the first time."""
STOP_S = 10.0
TIMEOUT_S = 30.0
PATIENCE_S = 60.0
"""How long a busy server is asked again."""
ATTEMPTS = 3
"""How often one request may lose its connection: servers close idle ones just when they are used again."""
HELD = re.compile(r'name="csrf_token" value="([^"]+)"')
META = re.compile(r'name="csrf-token" content="([^"]+)"')
STEP = re.compile(r'name="step" value="([a-z_]+)"')
"""What a page holds for programs and not for people, so that it may be in any language."""
LATER = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""From a trial, as the page gets it, to the choice and its circumstances."""


class Full(Refused):
    """The study takes nobody else."""


class Images:
    """The images that were fetched and whose bytes are as planned; each is asked for once."""

    def __init__(self) -> None:
        self._verified: set[str] = set()
        self._lock = threading.Lock()

    def verify(self, client: httpx.Client, image: Mapping[str, Any]) -> None:
        """Fetch the image where nobody has, and hold its bytes against their hash.

        Raises:
            Refused: the server gives other bytes than the trial names.
        """
        with self._lock:
            if image["sha256"] in self._verified:
                return
            content = _ask(client, "GET", image["url"]).content
            if hashlib.sha256(content).hexdigest() != image["sha256"]:
                raise Refused(f"{image['url']} has other bytes than its name says: restore the media folder.")
            self._verified.add(image["sha256"])


class Walker:
    """One participant: a browser with cookies of its own, over connections that all share.

    Args:
        server: the server's address.
        study: the study's name.
        transport: the connections.
        images: what was fetched already, by whomever.
    """

    def __init__(self, server: str, study: str, transport: httpx.BaseTransport, images: Images) -> None:
        self.client = httpx.Client(base_url=server, transport=transport, trust_env=False, timeout=TIMEOUT_S)
        self.address = f"/s/{study}"
        self.images = images

    def begin(self, query: Mapping[str, str]) -> None:
        """Follow the participants' link and agree; where this participant began before, its session goes on.

        Raises:
            Full: the study has no place for another participant.
            Refused: the server answered what no participant should meet.
        """
        _ask(self.client, "GET", self.address, params=query)
        page = self._page()
        if _step(page) == "consent":
            self._go(page, "agree")

    def finish(self, answer: Answer) -> int:
        """Walk from the open step to a page that asks for nothing; the number of votes that were cast on the way.

        Questions, plates and the like are left without an answer, as every participant may.

        Raises:
            Refused: the server answered what no participant should meet, or a step leads back to itself.
        """
        votes = 0
        shown: list[str] = []
        while True:
            page = self._page()
            token, step = META.search(page), _step(page)
            if not (token or step):
                return votes
            shown = [*shown, step or "trial"][-ATTEMPTS:]
            if token:
                cast = self._trials(token[1], answer)
                votes, shown = votes + cast, [] if cast else shown
            else:
                self._go(page, "next")
            if len(shown) == ATTEMPTS and len(set(shown)) == 1:
                raise Refused(f"The step `{shown[0]}` of {self.address} does not end: see the server's log.")

    def _trials(self, token: str, answer: Answer) -> int:
        """Vote until another step is open."""
        votes = 0
        state = _ask(self.client, "GET", f"{self.address}/trial").json()
        while state["step"] == "trial":
            trial = state["trial"]
            for side in ("left", "right", "reference"):
                if trial[side]:
                    self.images.verify(self.client, trial[side])
            ballot = {"trial": trial["id"], "key": trial["key"], "bytes_verified": True, **answer(trial)}
            headers = {"X-CSRFToken": token}
            state = _ask(self.client, "POST", f"{self.address}/vote", json=ballot, headers=headers).json()
            votes += 1
        return votes

    def _go(self, page: str, action: str) -> None:
        held, step = HELD.search(page), _step(page)
        form = {"csrf_token": held[1] if held else "", "step": step or "", "action": action}
        _ask(self.client, "POST", f"{self.address}/step", data=form)

    def _page(self) -> str:
        return _ask(self.client, "GET", self.address).text


@contextmanager
def server(environ: Mapping[str, str], *, workers: int = 2) -> Iterator[str]:
    """A study server of its own on a free port of this machine; its address. It is always stopped.

    Args:
        environ: the server's environment, with `STUDY_DATABASE_URL`, `STUDY_MEDIA` and `STUDY_SECRET_KEY`.
        workers: its processes.

    Raises:
        Refused: it did not answer in time; with what it printed.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryFile("w+") as output:
        port = listener.getsockname()[1]
        # The socket is handed over open, so that nobody else can take the port in between.
        command = [
            *(sys.executable, "-m", "gunicorn", "--pythonpath", str(ROOT), "--bind", f"fd://{listener.fileno()}"),
            *("--workers", str(workers), "--threads", "4", "--worker-class", "gthread", "--no-control-socket"),
            *("--keep-alive", "30"),  # seconds: a participant's connection waits while others begin
            "study.app:create_app()",
        ]
        process = subprocess.Popen(
            command,
            env=dict(environ),
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[listener.fileno()],
        )
        listener.close()  # now it is the server's alone: when the server goes, connections are refused at once
        try:
            _wait(f"http://127.0.0.1:{port}", process, output)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(address: str, process: "subprocess.Popen[bytes]", output: IO[str]) -> None:
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/health", timeout=1, trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    output.seek(0)
    raise Refused(f"The study's server did not start within {START_S:g} seconds; it said:\n{output.read().strip()}")


def _ask(client: httpx.Client, method: str, url: str, **content: Any) -> httpx.Response:
    """One request, asked again while the server is busy and where a connection broke, as a browser does.

    Every request of the walk may be sent twice: a stale step and a vote's second copy change nothing.

    Raises:
        Full: the study takes no answers any more, or nobody else.
        Refused: any other answer than success or a redirect, or none.
    """
    deadline, broken = time.monotonic() + PATIENCE_S, 0
    while True:
        try:
            response = client.request(method, url, **content)
        except httpx.TransportError as error:
            broken += 1
            if broken < ATTEMPTS and not isinstance(error, httpx.ConnectError):
                continue
            raise Refused(
                f"The study's server went away during {method} {url} ({error}): run the same again."
            ) from error
        if response.status_code not in LATER or time.monotonic() > deadline:
            break
        time.sleep(min(float(response.headers.get("Retry-After", "1")), 5.0))
    if response.status_code >= httpx.codes.BAD_REQUEST:
        said = " ".join(re.sub(r"<[^>]+>", " ", response.text).split())
        refusal = Full if response.status_code == httpx.codes.GONE else Refused
        raise refusal(f"{method} {url} was answered with {response.status_code}: {said[:300]}")
    return response


def _step(page: str) -> str | None:
    found = STEP.search(page)
    return found[1] if found else None
