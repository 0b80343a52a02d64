"""Where images are kept: a folder or a store behind fsspec, by content, and never a way out of it."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations

from study import loading, storage
from study.app import create_app
from study.db import Database
from study.errors import Refused
from study.folder import read, sha256
from study.settings import Settings
from study.spec import renamed

SECRET = "a secret of forty characters for the tests"  # noqa: S105 - of no server
CONTENT = b"the bytes of an image"
DIGEST = sha256(CONTENT)


@pytest.fixture
def memory() -> Iterator[str]:
    """The address of a store in memory, as every fsspec file system is asked."""
    yield "memory://bucket/images"
    MemoryFileSystem.store.clear()


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> storage.Store:
    address = request.getfixturevalue("memory") if request.param == "memory" else tmp_path / "media"
    return storage.at(address)


def test_an_image_comes_back_as_it_was_kept(store: storage.Store) -> None:
    assert store.read(DIGEST) is None
    store.put(DIGEST, CONTENT)
    store.put(DIGEST, CONTENT)
    assert store.read(DIGEST) == CONTENT


@pytest.mark.parametrize("name", ["../secret", "a" * 63, "A" * 64, f"{DIGEST}/../x", f"{DIGEST}\n", "", "%2e%2e"])
def test_a_name_that_is_no_digest_leads_nowhere(store: storage.Store, name: str) -> None:
    with pytest.raises(ValueError, match="is no SHA-256"):
        store.read(name)
    with pytest.raises(ValueError, match="is no SHA-256"):
        store.put(name, CONTENT)


def test_a_file_address_is_a_folder(tmp_path: Path) -> None:
    storage.at(f"file://{tmp_path}/media").put(DIGEST, CONTENT)
    assert (tmp_path / "media" / f"{DIGEST}.png").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("address", "says"),
    [("gopher://x/y", "nothing knows `gopher://`"), ("absent://bucket/x", "requirements-s3.txt")],
)
def test_what_nothing_can_talk_to_is_refused_at_once(address: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(known_implementations, "absent", {"class": "nothing.here", "err": "install it"})
    with pytest.raises(Refused) as caught:
        storage.at(address)
    assert says in caught.value.message


class Trouble:
    """Holds up or breaks what the store in memory is asked."""

    def __init__(self) -> None:
        self.released, self.asked, self.error = threading.Event(), 0, None

    def cat_file(self, *_args: Any, **_kwargs: Any) -> bytes:
        self.asked += 1
        if self.error:
            raise self.error
        self.released.wait(20)
        return CONTENT


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trouble]:
    made = Trouble()
    monkeypatch.setattr(MemoryFileSystem, "cat_file", made.cat_file)
    yield made
    made.released.set()


Ask = Callable[[str], Any]


@pytest.fixture
def ask(sqlite_url: str, memory: str, maker: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Ask a server whose images are in the store for an address; a study is loaded there."""
    monkeypatch.setattr(storage, "PATIENCE_S", 0.2)
    database = Database(sqlite_url)
    found = read(maker.fill().write())
    loading.load(database, found, renamed(found.spec, "tiny"), memory)
    database.dispose()
    app = create_app(Settings(sqlite_url, memory), SECRET)
    client: FlaskClient = app.test_client()

    def asked(path: str, **headers: str) -> Any:
        return client.get(path, headers=headers)

    return asked


def shown() -> str:
    """The address of some image that is kept."""
    return f"/media/{Path(min(MemoryFileSystem.store)).name}"


def test_a_study_is_loaded_into_a_store_and_served_from_it(ask: Any, maker: Any) -> None:
    assert len(MemoryFileSystem.store) == len(list((maker.path / "images").iterdir()))
    for kept in MemoryFileSystem.store:
        response = ask(f"/media/{Path(kept).name}")
        assert sha256(response.data) == Path(kept).stem == response.get_etag()[0]
        assert response.mimetype == "image/png"
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Last-Modified" not in response.headers


def test_conditions_and_ranges_are_answered_as_from_a_folder(ask: Any) -> None:
    whole = ask(shown()).data
    tag = Path(shown()).stem
    known = ask(shown(), **{"If-None-Match": f'"{tag}"'})
    assert (known.status_code, known.data) == (304, b"")
    part = ask(shown(), Range="bytes=4-9")
    assert (part.status_code, part.data) == (206, whole[4:10])
    assert part.headers["Content-Range"] == f"bytes 4-9/{len(whole)}"


def test_an_image_that_is_gone_is_not_found_and_the_refusal_is_never_kept(ask: Any) -> None:
    path = shown()
    content = MemoryFileSystem.store.pop(min(MemoryFileSystem.store))
    gone = ask(path)
    assert (gone.status_code, gone.headers["Cache-Control"]) == (404, "no-store")
    MemoryFileSystem().pipe_file(f"/bucket/images/{Path(path).name}", content.getvalue())
    assert ask(path).status_code == 200


def test_a_store_that_hangs_is_left_in_peace_for_a_moment(
    ask: Any, trouble: Trouble, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path, began = shown(), time.monotonic()
    for _ in range(5):
        response = ask(path)
        assert (response.status_code, response.headers["Cache-Control"]) == (503, "no-store")
        assert int(response.headers["Retry-After"]) > 0
    assert time.monotonic() - began < 2
    assert trouble.asked == 1
    assert "memory://bucket/images: no answer within 0.2 seconds" in caplog.text
    trouble.released.set()
    monkeypatch.setattr(storage, "RESPITE_S", 0.0)
    time.sleep(0.01)
    ask("/health")  # while images hang everything else is answered
    assert ask("/health").status_code == 200


def test_a_store_that_breaks_is_busy_and_comes_back(
    ask: Any, trouble: Trouble, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(storage, "RESPITE_S", 0.0)
    trouble.error = RuntimeError("credentials\nhave expired")
    assert ask(shown()).status_code == 503
    assert "memory://bucket/images: RuntimeError: credentials" in caplog.text
    trouble.error = None
    trouble.released.set()
    assert ask(shown()).data == CONTENT


def test_commands_say_in_one_sentence_that_a_store_is_away(memory: str, trouble: Trouble) -> None:
    trouble.error = ConnectionError("no route")
    with pytest.raises(storage.StoreAway) as caught:
        storage.at(memory).read(DIGEST)
    assert caught.value.filename == memory
    assert "ConnectionError: no route" in str(caught.value)
