"""A few of the hundred thousand: no mutated file crashes, hangs or decodes to a wrong picture without a word."""

from collections import Counter

import pytest

from codec.conha import coding
from tests.benchmarks import mutations


def test_mutated_files_are_refused_by_name_or_decode_to_what_they_hold() -> None:
    judge, seen = mutations.Judge(), Counter[str]()
    for number in range(10**6, 10**6 + 1500):  # none of those that the command runs
        kind, outcome = judge.outcome(number)
        seen[kind] += 1
        seen[outcome] += 1
    assert all(seen[kind] for kind in mutations.MUTATIONS)
    refusals = ("NotOurs", "CutOff", "Damaged", "AnotherVersion", "AnotherModel", "TooLarge")
    assert all(seen[refusal] for refusal in refusals)
    assert seen["valid, another picture"] < seen["payload, the symbols' CRC too"]


class Whatever(int):
    """A checksum that is never wrong."""

    def __ne__(self, other: object) -> bool:
        return False


def test_a_decoder_that_does_not_look_at_the_symbols_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    judge, wrong = mutations.Judge(), 0
    monkeypatch.setattr(coding.Symbols, "crc", lambda *_: Whatever())
    for number in range(10**6, 10**6 + 200):
        try:
            judge.outcome(number)
        except AssertionError:
            wrong += 1
    assert wrong > 20
