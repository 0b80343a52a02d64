"""Participants without a browser: a lean one that keeps a connection busy, and how each of them begins."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from study.identity import SIMULATED, simulated_token

TOKEN = re.compile(r'name="csrf[_-]token" (?:value|content)="([^"]+)"')
STEP = re.compile(r'name="step" value="([a-z]+)"')


@dataclass
class Begun:
    """A participant in front of the first trial: what must be sent along, and the state that the server told."""

    cookie: str
    token: str
    state: dict[str, Any]


def begin(client: httpx.Client, study: str, secret_key: str, number: int) -> Begun:
    """Walk to the open trial, or to the end, as the simulated participant of this number; from the link, if need be.

    Raises:
        TransportError: the connection broke, or the server is busy; the same call goes on where this one was.
    """
    address = f"/s/{study}"
    client.get(address, params={SIMULATED: simulated_token(secret_key, study), "participant": str(number)})
    while True:
        page = client.get(address)
        if page.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise httpx.TransportError("busy")
        token, step = TOKEN.search(page.text), STEP.search(page.text)
        if step is None:
            cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
            return Begun(cookie, token[1] if token else "", client.get(f"{address}/trial").json())
        if token is None:
            raise RuntimeError(f"a page without a token: {page.text}")
        form = {"csrf_token": token[1], "step": step[1], "action": "agree" if step[1] == "consent" else "next"}
        client.post(f"{address}/step", data=form)


@dataclass
class Connection:
    """One connection that is kept open; `latencies` in seconds, one a request."""

    port: int
    latencies: list[float] = field(default_factory=list)

    async def open(self) -> None:
        """Connect."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def post(self, path: str, headers: str, body: object) -> dict[str, Any]:
        """Send JSON and return the JSON that came back with a 200.

        Raises:
            RuntimeError: the answer was another one.
        """
        content = msgspec.json.encode(body)
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n{headers}"
        began = time.perf_counter()
        self.writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", answer)
        received = await self.reader.readexactly(int(length[1]) if length else 0)
        self.latencies.append(time.perf_counter() - began)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {answer.decode()}{received.decode()}")
        told: dict[str, Any] = msgspec.json.decode(received)
        return told

    def close(self) -> None:
        """Hang up."""
        self.writer.close()
