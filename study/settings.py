"""Where the study keeps things: read from the environment, `STUDY_*`, once and in one place."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from study.errors import Refused

ROOT = Path(__file__).resolve().parents[1]
INSTANCE = ROOT / "instance"
SECRET_LENGTH = 32
MAKE_SECRET = "export STUDY_SECRET_KEY=$(python3 -c 'import secrets; print(secrets.token_hex(32))')"  # noqa: S105 - a command


@dataclass(frozen=True)
class Settings:
    """Where votes and images are kept, the latter in a folder or at a store's address; where requests are counted, if
    they are; and how many proxies stand before.
    """

    database_url: str
    media: Path | str
    limits_url: str | None = None
    proxies: int = 0

    @property
    def simulated(self) -> Path:
        """Where simulations say what they were made with: beside the images, where those are in a folder."""
        media = INSTANCE / "media" if "://" in str(self.media) else Path(self.media)
        return media.parent / "simulated"


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings, with defaults below `instance/`.

    Raises:
        Refused: STUDY_DATABASE_URL names neither SQLite nor PostgreSQL, or STUDY_PROXIES is no number.
    """
    url = environ.get("STUDY_DATABASE_URL") or f"sqlite:///{INSTANCE / 'study.sqlite'}"
    limits_url = environ.get("STUDY_LIMITS_URL") or "memory://"
    return Settings(
        database_url=known(url),
        media=_media(environ.get("STUDY_MEDIA")),
        limits_url=None if limits_url == "none" else limits_url,
        proxies=_proxies(environ.get("STUDY_PROXIES") or "0"),
    )


def known(url: str, what: str = "STUDY_DATABASE_URL") -> str:
    """A database's address as SQLAlchemy spells it.

    Raises:
        Refused: it names neither SQLite nor PostgreSQL.
    """
    scheme, colon, rest = url.partition(":")
    if colon and scheme == "sqlite":
        return url
    if colon and scheme in {"postgres", "postgresql", "postgresql+psycopg"}:
        return f"postgresql+psycopg:{rest}"
    raise Refused(
        f"{what} begins with `{scheme}`: write `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/DATABASE`."
    )


def secret_key(environ: Mapping[str, str] = os.environ) -> str:
    """The key that signs cookies and makes pseudonyms; there is no default, for a known key is no key.

    Raises:
        Refused: STUDY_SECRET_KEY is not set, or is too short to be a key.
    """
    key = environ.get("STUDY_SECRET_KEY", "")
    if not key:
        raise Refused(
            f"STUDY_SECRET_KEY is not set: make one with `{MAKE_SECRET}` and keep it as long as the study runs."
        )
    if len(key) < SECRET_LENGTH:
        raise Refused(
            f"STUDY_SECRET_KEY has {len(key)} characters, {SECRET_LENGTH} are the least: make one with `{MAKE_SECRET}`."
        )
    return key


def _proxies(said: str) -> int:
    if said.isascii() and said.isdigit() and len(said) == 1:
        return int(said)
    raise Refused(f"STUDY_PROXIES is {said!r}: write how many proxies stand before this server, 0 to 9.")


def _media(said: str | None) -> Path | str:
    """A folder, or an address of a store."""
    return said if said and "://" in said else Path(said or INSTANCE / "media")
