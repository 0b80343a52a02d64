"""The photographs for a first try are copied whole, and nothing of anybody's is overwritten."""

from pathlib import Path

import pytest

from codec.photographs import PHOTOGRAPHS, copy_photographs


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_an_interrupted_copy_left_is_replaced(tmp_path: Path) -> None:
    copy_photographs(tmp_path)
    whole = contents(tmp_path)
    assert set(whole) == {*PHOTOGRAPHS, "LICENCES.txt"}
    (tmp_path / "coffee.png").write_bytes(whole["coffee.png"][:1000])
    (tmp_path / "rocket.jpg").write_bytes(b"")
    (tmp_path / "LICENCES.txt").write_bytes(whole["LICENCES.txt"][:50])
    copy_photographs(tmp_path)
    assert contents(tmp_path) == whole


def test_another_file_of_that_name_stays(tmp_path: Path) -> None:
    (tmp_path / "coffee.png").write_bytes(b"mine")
    copy_photographs(tmp_path)
    assert (tmp_path / "coffee.png").read_bytes() == b"mine"


def test_a_copy_that_is_interrupted_leaves_no_half_of_a_photograph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.write_bytes

    def full_disk(path: Path, data: bytes) -> int:
        real(path, data[:500])
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
        copy_photographs(tmp_path)
    assert not set(PHOTOGRAPHS) & set(contents(tmp_path))
