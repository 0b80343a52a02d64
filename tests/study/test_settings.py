"""Where things are kept, read from the environment."""

import pytest

from study import settings
from study.db import connect
from study.errors import Refused


def test_the_defaults_lie_below_instance() -> None:
    kept = settings.read({})
    assert kept.database_url == f"sqlite:///{settings.INSTANCE / 'study.sqlite'}"
    assert kept.media == settings.INSTANCE / "media"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_goes_through_psycopg(scheme: str) -> None:
    kept = settings.read({"STUDY_DATABASE_URL": f"{scheme}://me:s%40crt@host:5433/studies?sslmode=require"})
    assert kept.database_url == "postgresql+psycopg://me:s%40crt@host:5433/studies?sslmode=require"


@pytest.mark.parametrize("url", ["mysql://host/db", "study.sqlite", "://", "sqlite+aiosqlite:///x"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(Refused, match="write `sqlite:///FILE` or `postgresql://"):
        settings.read({"STUDY_DATABASE_URL": url})


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "postgresql+psycopg://host:port/x"])
def test_an_address_that_names_no_place_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="STUDY_DATABASE_URL"):
        connect(url)


def test_there_is_no_default_secret() -> None:
    with pytest.raises(Refused, match=r"STUDY_SECRET_KEY is not set: make one with `export STUDY_SECRET_KEY=\$"):
        settings.secret_key({})
    with pytest.raises(Refused, match="has 5 characters, 32 are the least"):
        settings.secret_key({"STUDY_SECRET_KEY": "short"})
    assert settings.secret_key({"STUDY_SECRET_KEY": "x" * 32}) == "x" * 32


def test_requests_are_counted_in_memory_unless_the_environment_says_otherwise() -> None:
    assert settings.read({}).limits_url == "memory://"
    assert settings.read({"STUDY_LIMITS_URL": "redis://counts:6379"}).limits_url == "redis://counts:6379"
    assert settings.read({"STUDY_LIMITS_URL": "none"}).limits_url is None


@pytest.mark.parametrize("said", ["x", "-1", "1.5", "10", "²", " 1"])
def test_proxies_are_a_small_number(said: str) -> None:
    assert settings.read({}).proxies == 0
    assert settings.read({"STUDY_PROXIES": "2"}).proxies == 2
    with pytest.raises(Refused, match="STUDY_PROXIES is"):
        settings.read({"STUDY_PROXIES": said})
