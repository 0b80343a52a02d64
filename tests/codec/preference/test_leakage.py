"""Pictures are known again by content and by looks, never by name."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from codec.errors import Refusal
from codec.preference import leakage
from codec.preference.leakage import Fingerprint, fingerprint, leaking, refuse_leaks

Photo = Callable[..., np.ndarray]


def recompressed(pixels: np.ndarray, quality: int = 40) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def resized(pixels: np.ndarray) -> np.ndarray:
    height, width, _ = pixels.shape
    return np.array(Image.fromarray(pixels).resize((width * 3 // 5, height * 3 // 5), Image.Resampling.BICUBIC))


CHANGES = {
    "same": lambda pixels: pixels.copy(),
    "recompressed": recompressed,
    "resized": resized,
    "mirrored": lambda pixels: pixels[:, ::-1].copy(),
    "mirrored and recompressed": lambda pixels: recompressed(pixels[:, ::-1].copy()),
    "brighter": lambda pixels: np.clip(pixels * 1.1 + 5, 0, 255).astype(np.uint8),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_copy_is_known_again(photo: Photo, change: Callable[[np.ndarray], np.ndarray]) -> None:
    trained = [fingerprint(photo(256, 192, seed)) for seed in range(20)]
    copies = [fingerprint(change(photo(256, 192, seed))) for seed in range(0, 20, 2)]
    assert leaking(copies, trained) == [True] * len(copies)
    near = leakage.alike(copies, trained)
    assert [list(np.nonzero(row)[0]) for row in near] == [[seed] for seed in range(0, 20, 2)]


def test_other_pictures_are_not(photo: Photo) -> None:
    prints = [fingerprint(photo(256, 192, seed)) for seed in range(60)]
    assert leaking(prints[:30], prints[30:]) == [False] * 30
    assert leakage.groups(prints) == list(range(60))


def test_blank_pictures_look_like_nothing_but_are_known_by_their_pixels() -> None:
    white, grey = (fingerprint(np.full((64, 64, 3), level, np.uint8)) for level in (255, 128))
    assert leaking([white], [grey]) == [False]
    assert leaking([white], [white]) == [True]


def test_groups_join_through_others(photo: Photo) -> None:
    """One that looks like two that do not look alike joins them."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(fingerprint(photo(256, 192, 1)).looks), np.uint8))
    chain = []
    for step in range(3):
        changed = bits.copy()
        changed[: 20 * step] ^= 1
        chain.append(Fingerprint(str(step), np.packbits(changed).tobytes().hex()))
    assert not leakage.alike(chain[:1], chain[2:])[0, 0]
    assert leakage.groups(chain) == [0, 0, 0]


def test_leaks_are_refused_by_name_unless_allowed() -> None:
    with pytest.raises(Refusal, match=r"m\.model or its w learned from b, so .* leak = 1"):
        refuse_leaks(["a", "b"], [False, True], "m.model", allowed=False)
    refuse_leaks(["a", "b"], [False, True], "m.model", allowed=True)
    refuse_leaks(["a", "b"], [False, False], "m.model", allowed=False)
