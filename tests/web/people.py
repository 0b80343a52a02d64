"""A participant at a real browser."""

from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Request, Route, expect


@dataclass(frozen=True)
class Answer:
    """What the server said to one request."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes


class Visitor:
    """A participant at a browser of their own: a page, and what it asked for. With `record` every answer is kept."""

    def __init__(self, context: BrowserContext, address: str, *, record: bool) -> None:
        self.context = context
        self.address = address
        self.page = context.new_page()
        self.asked: list[str] = []
        self.answers: list[Answer] = []
        context.on("request", self._ask)
        if record:
            context.route("**/*", self._record)
        self.page.goto(address)

    def _ask(self, request: Request) -> None:
        self.asked.append(request.url)

    def _record(self, route: Route) -> None:
        answer = route.fetch(max_redirects=0)
        kept = Answer(route.request.url, answer.status, answer.headers, answer.body())
        self.answers.append(kept)
        route.fulfill(status=kept.status, headers=kept.headers, body=kept.body)

    def arrive(self) -> "Visitor":
        """Agree, read the instructions, and see the first pair."""
        self.page.get_by_role("button", name="I agree, begin").click()
        expect(self.page.get_by_role("heading")).to_have_text("How it works")
        self.page.get_by_role("button", name="Go on").click()
        expect(self.page.locator("#count")).not_to_be_empty()
        return self

    def begin(self) -> "Visitor":
        """The same, and wait until a choice counts."""
        return self.arrive().ready()

    def ready(self) -> "Visitor":
        """Wait until a choice counts."""
        expect(self.page.locator("#choose-left")).to_have_attribute("aria-disabled", "false")
        return self

    def vote(self, key: str = "ArrowLeft", *, practice: bool = False) -> None:
        """Answer the open trial by key, and wait for the server."""
        self.ready()
        with self.page.expect_response("**/vote"):
            self.page.keyboard.press(key)
        if practice:
            self.page.get_by_role("button", name="Go on").click()

    def delivered(self) -> None:
        """Wait until the server has acknowledged every vote."""
        for _ in range(200):
            if not self.page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('vote:')).length"):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("a vote did not arrive within ten seconds")

    def votes_sent(self) -> int:
        return sum(url.endswith("/vote") for url in self.asked)
