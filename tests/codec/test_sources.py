"""Photographs are found, named and tagged; what a study could not carry is refused."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from codec.errors import Refusal
from codec.sources import Source, find_sources, source_name


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def test_names_are_paths_without_suffix_in_order(tmp_path: Path) -> None:
    touched(tmp_path, "b.png", "a/2.jpg", "a/10.v2.png", "Z", ".hidden.png", ".git/x.png", "README.md", "LICENCES.txt")
    found = find_sources(tmp_path)
    assert [source.name for source in found] == ["Z", "a/10.v2", "a/2", "b"]
    assert found[2] == Source("a/2", tmp_path / "a/2.jpg", "")
    assert source_name(tmp_path / "x/y.tar.gz", tmp_path) == "x/y.tar"


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    touched(tmp_path / "elsewhere", "p.png")
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/loop").symlink_to(tmp_path / "sources")
    assert [source.name for source in find_sources(tmp_path / "sources")] == ["linked/p"]


@pytest.mark.parametrize("name", ["a b.png", "-a.png", "ä.png", "=1+1.png", "x/ y.png", "a,b.png"])
def test_names_outside_the_contract_are_refused(name: str, tmp_path: Path) -> None:
    touched(tmp_path, name, "fine.png")
    with pytest.raises(Refusal, match=rf"rename '{re.escape(name[:-4])}'; a source's name is made of letters"):
        find_sources(tmp_path)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    touched(tmp_path, "a.png", "a.jpg")
    with pytest.raises(Refusal, match=r"a\.jpg and .*a\.png would both be the source 'a'; rename one"):
        find_sources(tmp_path)


def test_no_folder_and_no_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"nowhere is no folder"):
        find_sources(tmp_path / "nowhere")
    touched(tmp_path, "README.txt", "sub/.DS_Store")
    with pytest.raises(Refusal, match="holds no images"):
        find_sources(tmp_path)


@pytest.fixture
def tag(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    def read(table: str) -> dict[str, str]:
        folder = touched(tmp_path / "sources", "one.png", "two.v1.jpg", "sub/three.png")
        (tmp_path / "tags.csv").write_text(table)
        return {source.name: source.tag for source in find_sources(folder, tmp_path / "tags.csv")}

    return read


@pytest.mark.parametrize(
    "table",
    [
        "source,tag\none,text\nsub/three,face\n",
        "split,file,tag,w\ntest,one.png,text,3\ntrain,other.png,x y,4\n\nval,sub/three.png,face,5\n",
        "\ufefftag,source\ntext,one\nface,sub/three\n,two.v1\ntext,one\n",
        'source,tag\n"one",text\r\nsub/three,face\r\n',
    ],
)
def test_tags_by_source_or_by_file(table: str, tag: Callable[[str], dict[str, str]]) -> None:
    assert tag(table) == {"one": "text", "sub/three": "face", "two.v1": ""}


def test_a_source_whose_name_has_a_dot_is_found_by_source_and_by_file(tag: Callable[[str], dict[str, str]]) -> None:
    assert tag("source,tag\ntwo.v1,text\n")["two.v1"] == "text"
    assert tag("file,tag\ntwo.v1.jpg,text\n")["two.v1"] == "text"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("source\none\n", r"tags.csv, line 1: there is no column tag; add it"),
        ("name,tag\none,text\n", r"line 1: there is no column source or file; add it"),
        ("", r"line 1: there is no column source or file"),
        ("source,tag\none,=1\n", r"tags.csv, line 2, column tag: '=1' is no tag; a tag is made of"),
        ("source,tag\none,text\none,face\n", r"line 3, column tag: one is tagged both text and face; leave one"),
        ("source,tag\nelse,text\n", r"tags none of the photographs"),
        ('source,tag\n"one,text\n', r"cannot be read as a UTF-8 CSV"),
    ],
)
def test_bad_tags_are_refused(table: str, message: str, tag: Callable[[str], dict[str, str]]) -> None:
    with pytest.raises(Refusal, match=message):
        tag(table)


def test_tags_that_are_no_text_are_refused(tmp_path: Path) -> None:
    touched(tmp_path / "sources", "one.png")
    (tmp_path / "tags.csv").write_bytes(b"source,tag\none,\xff\n")
    for path in (tmp_path / "tags.csv", tmp_path / "missing.csv"):
        with pytest.raises(Refusal, match=rf"{path.name} cannot be read as a UTF-8 CSV table"):
            find_sources(tmp_path / "sources", path)
