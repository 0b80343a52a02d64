"""A drawn study folder, the real server as a process of its own, and a real Chromium."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.web.drawn import Server, running
from tests.web.people import Visitor


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("site")) as server:
        yield server


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """`visit(address)` is a new participant. No console error and no page error is overlooked."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def arrive(address: str, *, expects: str = "", record: bool = False, **options: Any) -> Visitor:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(10_000)
        contexts.append(context)

        def hear(message: Any) -> None:
            if message.type in {"error", "warning"} and not (expects and expects in message.text):
                complaints.append(message.text)

        context.on("console", hear)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        return Visitor(context, address, record=record)

    yield arrive
    for context in contexts:
        context.unroute_all(behavior="wait")
        context.close()
    assert complaints == []
