"""Servers to measure and to kill: gunicorn as the study runs it, in a process group of its own."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
WORKERS, THREADS = 2, 4
START_S = 30


class Server:
    """gunicorn on a port that stays the same when it is killed and started again; `app` as gunicorn takes it."""

    def __init__(self, environment: dict[str, str], app: str = "study.app:create_app()") -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.app = app
        self.environment = os.environ | environment | {"PYTHONPATH": str(ROOT)}
        self.process: subprocess.Popen[bytes] | None = None
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the server

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [
            *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}", "--workers", str(WORKERS)),
            *("--threads", str(THREADS), "--worker-class", "gthread", "--keep-alive", "30", "--no-control-socket"),
            *("--log-level", "warning", self.app),
        ]
        self.process = subprocess.Popen(
            command, env=self.environment, stdout=self.said, stderr=self.said, start_new_session=True
        )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(f"{self.address}/health", timeout=5, trust_env=False).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
        self.said.seek(0)
        raise RuntimeError(f"the server did not start; it said:\n{self.said.read().decode()}")

    def workers(self) -> list[int]:
        """The processes that answer."""
        if self.process is None:
            return []
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return [int(child) for child in children.split()]

    def kill(self) -> None:
        """Kill the master and its workers at once, without a word."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def close(self) -> None:
        """Kill it for good."""
        self.kill()
        self.said.close()

    def stop(self) -> None:
        """Let it finish what it does and end for good."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
        self.said.close()
