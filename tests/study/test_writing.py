"""Files that appear whole and together, or not at all."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TextIO

import pytest

from study.writing import together


def test_files_appear_together_with_what_was_written(tmp_path: Path) -> None:
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    lengths = together({path: lambda file: file.write("naïve\r\n") for path in paths})
    assert lengths == dict.fromkeys(paths, 7)
    assert [path.read_bytes() for path in paths] == ["naïve\r\n".encode()] * 2
    assert sorted(tmp_path.iterdir()) == paths


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    def fails(file: TextIO) -> int:
        file.write("half")
        raise OSError(28, "No space left on device")

    (tmp_path / "a.txt").write_text("before")
    with pytest.raises(OSError, match="No space left"):
        together({tmp_path / "a.txt": lambda file: file.write("after"), tmp_path / "b.txt": fails})
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "before")]


def test_several_at_once_do_not_meet(tmp_path: Path) -> None:
    path, at_once = tmp_path / "a.txt", Barrier(4)

    def write(letter: str) -> None:
        def written(file: TextIO) -> int:
            at_once.wait()
            return file.write(letter * 10_000)

        together({path: written})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, "abcd"))
    assert path.read_text() in {letter * 10_000 for letter in "abcd"}
    assert list(tmp_path.iterdir()) == [path]
