"""Files: refused with line and remedy, written whole or not at all."""

import csv
import io
from pathlib import Path

import pytest

from analysis.files import Refusal, check_folder, csv_text, number, read_table, write_file, write_folder

NAMES = ("page.html", "mark.json")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"a,b\n", "header but no rows"),
        (b"a\n1\n", "line 1: the column b is missing (found: a)"),
        (b"a,b,a\n1,2,3\n", "line 1: the column a stands twice"),
        (b"a,b\n1,2\n\n1\n", "line 4: 1 cells under 2 columns"),
        (b'a,b\n"1\n1",2\n1,2,3\n', "line 4: 3 cells under 2 columns"),
        (b"a,b\n1,\xff\n", "line 2: not UTF-8"),
        (b'a,b\n1,"2"x\n', "line 2: not a readable CSV row"),
        (b'a,b\n1,"2\n', "not a readable CSV row"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(Refusal) as refusal:
        read_table(path, ("a", "b"))
    assert says in refusal.value.message
    assert str(path) in refusal.value.message
    assert refusal.value.exit_code == 1


def test_a_table_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'\xef\xbb\xbfa,b\r\n1,"x\r\ny"\r\n2,\r\n')
    table = read_table(path, ("b",))
    assert table.columns == {"a": ["1", "2"], "b": ["x\r\ny", ""]}
    assert table.lines == [2, 4]


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refusal, match=r"missing\.csv does not exist|cannot be read"):
        read_table(tmp_path / name, ())


def test_csv_text_writes_booleans_and_empty_cells() -> None:
    rows = [{"a": True, "b": None}, {"a": 0.5, "b": 'say "x", y'}]
    assert csv_text(("a", "b"), rows) == 'a,b\n1,\n0.5,"say ""x"", y"\n'


def test_numbers_are_short() -> None:
    assert [number(value) for value in (None, 0.5, 0.30, 377.0, 1e-7)] == ["", "0.5", "0.3", "377", "1e-07"]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target, votes = tmp_path / "out.csv", tmp_path / "votes.csv"
    write_file(target, "a\n", votes)
    assert target.read_bytes() == b"a\n"
    for bad in (tmp_path, tmp_path / "no" / "out.csv"):
        with pytest.raises(Refusal, match="name a file"):
            write_file(bad, "a\n", votes)
    with pytest.raises(Refusal, match="is the input itself"):
        write_file(target, "b\n", tmp_path / "x" / ".." / "out.csv")
    assert target.read_bytes() == b"a\n"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_replaced_only_by_its_own_kind(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "report"
    write_folder(folder, dict.fromkeys(NAMES, "old"), "mark.json")
    write_folder(folder, dict.fromkeys(NAMES, "new"), "mark.json")
    assert {path.name: path.read_text() for path in folder.iterdir()} == dict.fromkeys(NAMES, "new")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(Refusal, match=r"holds notes\.txt"):
        write_folder(folder, dict.fromkeys(NAMES, "newer"), "mark.json")
    assert (folder / "page.html").read_text() == "new"
    assert list(folder.parent.iterdir()) == [folder]


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "page.html").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    for name in ("mine", "file", "link", ".."):
        with pytest.raises(Refusal):
            check_folder(tmp_path / name, NAMES, "mark.json")
    with pytest.raises(Refusal):
        check_folder(Path(), NAMES, "mark.json")
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty", dict.fromkeys(NAMES, "new"), "mark.json")
    assert (tmp_path / "empty" / "page.html").read_text() == "new"


def test_the_old_folder_comes_back_if_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "report"
    write_folder(folder, dict.fromkeys(NAMES, "old"), "mark.json")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(Refusal, match="No space left"):
        write_folder(folder, dict.fromkeys(NAMES, "new"), "mark.json")
    assert (folder / "page.html").read_text() == "old"
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("text", ["=1+1", "+49", "-5", "@me", "\tx", "\rx"])
def test_free_text_is_no_formula(text: str) -> None:
    """A number stays one in a column of numbers, and nothing that is quoted once is quoted twice."""
    for column in ("participant", "study", "session"):
        written = list(csv.reader(io.StringIO(csv_text((column,), [{column: text}]), newline="")))[1]
        assert written == [f"'{text}"]
        assert list(csv.reader(io.StringIO(csv_text((column,), [{column: written[0]}]), newline="")))[1] == written
    assert csv_text(("rating", "low"), [{"rating": "-12.345", "low": -1}]) == "rating,low\n-12.345,-1\n"
    assert csv_text(("left_x",), [{"left_x": "=cmd()"}]) == "left_x\n'=cmd()\n"
