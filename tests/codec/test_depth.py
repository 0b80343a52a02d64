"""Deep AVIF and JPEG XL, which Pillow's decoders cut to 8 bits without a word, are refused; 8-bit ones are read.

The files are of 8 x 8 pixels of one colour, written by imagecodecs 2026.3.6 (libavif 1.4.0, libjxl 0.11.2):
`avif_encode(pixels, bitspersample=10)`, `jpegxl_encode(pixels, lossless=True)` and so on. They stand here because
Pillow can read such files but not write them.
"""

import base64
from pathlib import Path

import pytest

from codec.avif_header import avif_depth
from codec.errors import Refusal
from codec.pixels import read_pixels

DEEP = {
    "avif, 10 bits": (
        "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUEAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAA"
        "AAAAAAAOcGl0bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAIgAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEA"
        "AGF2MDFDb2xvcgAAAABqaXBycAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAACAAAAAgAAAAQcGl4aQAAAAADCgoKAAAADGF2MUOBIEAA"
        "AAAAE2NvbHJuY2x4AAIAAgAAgAAAABdpcG1hAAAAAAAAAAEAAQQBAoMEAAAAKm1kYXQSAAoIOAi/YwICAJAyFBAAAAAP+j5ZG6Me"
        "o5X8fKhFhKlA"
    ),
    "avif, 12 bits": (
        "AAAAHGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZgAAAOttZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA"
        "AA5waXRtAAAAAAABAAAAHmlsb2MAAAAARAAAAQABAAAAAQAAAQ8AAAAkAAAAKGlpbmYAAAAAAAEAAAAaaW5mZQIAAAAAAQAAYXYw"
        "MUNvbG9yAAAAAGppcHJwAAAAS2lwY28AAAAUaXNwZQAAAAAAAAAIAAAACAAAABBwaXhpAAAAAAMMDAwAAAAMYXYxQ4FAYAAAAAAT"
        "Y29scm5jbHgAAgACAACAAAAAF2lwbWEAAAAAAAAAAQABBAECgwQAAAAsbWRhdBIACghYCL9jQICAIjIWEAAAAA/6PbgtLox6jFxC"
        "x8qEVCAwUA=="
    ),
    "avif, 10 bits and alpha": (
        "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUEAAAGGbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAA"
        "AAAAAAAOcGl0bQAAAAAAAQAAACxpbG9jAAAAAEQAAAIAAQAAAAEAAAHBAAAAIgACAAAAAQAAAa4AAAATAAAAQmlpbmYAAAAAAAIA"
        "AAAaaW5mZQIAAAAAAQAAYXYwMUNvbG9yAAAAABppbmZlAgAAAAACAABhdjAxQWxwaGEAAAAAGmlyZWYAAAAAAAAADmF1eGwAAgAB"
        "AAEAAADDaXBycAAAAJ1pcGNvAAAAFGlzcGUAAAAAAAAACAAAAAgAAAAQcGl4aQAAAAADCgoKAAAADGF2MUOBIEAAAAAAE2NvbHJu"
        "Y2x4AAIAAgAAgAAAAA5waXhpAAAAAAEKAAAADGF2MUOBAFwAAAAAOGF1eEMAAAAAdXJuOm1wZWc6bXBlZ0I6Y2ljcDpzeXN0ZW1z"
        "OmF1eGlsaWFyeTphbHBoYQAAAAAeaXBtYQAAAAAAAAACAAEEAQKDBAACBAEFhgcAAAA9bWRhdBIACgUYCL9jUDIIEAAAGOFA4LQS"
        "AAoIOAi/YwICAJAyFBAAAAAP+j5ZG6Meo5X8fKhFhKlA"
    ),
    "jxl, 16 bits": (
        "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAAAmanhsY/8KQfADULQICAQBAEAASxiLFYBlqP8BMEQ3NfH/Bw=="
    ),
    "jxl, 16 bits and alpha": (
        "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAAAsanhsY/8KQfAj+AGgaBEIEBAAUABLGIsVgGWA/wEw"
        "xBYBAArx//f/Bw=="
    ),
    "jxl, 10 bits, no container": ("/wpBUEDRIggEAQA8AEsYixWA3dT/ABhWqZr4Dw=="),
    "jxl, 12 bits and alpha, no container": ("/wpB4EAAihYBCBAQAEwASxiLFYBdwf8AIFqLAABY+L//Aw=="),
    "jxl, half floats": (
        "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAAAlanhsY/8KQRgBFC0CCAQBADwASxiLFYDd1f8AGF6dmgDg"
    ),
    "jxl, floats and alpha": (
        "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAJanhsbAoAAAA9anhsY/8KQcgJOQCKFgEIEBAAlABLOGiYwoP3FRTE"
        "FPdk4J8g/wGAgRUAAOADAAAfjBEAAPgAAMAH"
    ),
}
EIGHT_BITS = {
    "avif": (
        "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUEAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAA"
        "AAAAAAAOcGl0bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAIAAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEA"
        "AGF2MDFDb2xvcgAAAABqaXBycAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAACAAAAAgAAAAQcGl4aQAAAAADCAgIAAAADGF2MUOBIAAA"
        "AAAAE2NvbHJuY2x4AAIAAgAAgAAAABdpcG1hAAAAAAAAAAEAAQQBAoMEAAAAKG1kYXQSAAoIOAi/YQICAJAyEhAAAAAP+kBhmrHq"
        "UwqEqEZcTA=="
    ),
    "jxl": ("AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAianhsY/8KQUAkCAQBADwASxiLFYBd1P8AGJKumvgD"),
    "jxl, no container": ("/wpBQCQIBAEAPABLGIsVgF3U/wAYkq6a+AM="),
    "jxl and alpha": ("AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAlanhsY/8KQcBKCBAQAEgASxiLFYBdwP8AKFKLAIBy+/sD"),
}
MOVING = "/wpBBE0AICYIBAEAOABLGIsVgA31PwAGcbEmAAgEBQA8AEsYixWAHdT/ABjQr5oYAQ=="


@pytest.mark.parametrize("kind", DEEP)
def test_deep_samples_are_refused(kind: str, tmp_path: Path) -> None:
    (tmp_path / "deep").write_bytes(base64.b64decode(DEEP[kind]))
    with pytest.raises(
        Refusal, match=r"deep has samples of over 8 bits that .* exactly; save it as 8-bit RGB first\.$"
    ):
        read_pixels(tmp_path / "deep")


@pytest.mark.parametrize("kind", EIGHT_BITS)
def test_eight_bits_are_read(kind: str, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(base64.b64decode(EIGHT_BITS[kind]))
    assert read_pixels(tmp_path / "plain").shape == (8, 8, 3)


@pytest.mark.parametrize(("kind", "bits"), [("avif, 10 bits", 10), ("avif, 12 bits", 12)])
def test_an_avifs_depth_is_found_behind_its_pixels_too(kind: str, bits: int, tmp_path: Path) -> None:
    data = base64.b64decode(DEEP[kind])
    start, pixels = data.index(b"meta") - 4, data.index(b"mdat") - 4
    sized = (1).to_bytes(4, "big") + b"mdat" + (len(data) - pixels + 8).to_bytes(8, "big") + data[pixels + 8 :]
    for moved in (data, data[:start] + data[pixels:] + data[start:pixels], data[:start] + sized + data[start:pixels]):
        (tmp_path / "file").write_bytes(moved)
        assert avif_depth(tmp_path / "file") == bits


def test_a_moving_jpeg_xl_is_refused(tmp_path: Path) -> None:
    (tmp_path / "moving").write_bytes(base64.b64decode(MOVING))
    with pytest.raises(Refusal, match=r"moving is an animation; save the frame that is meant as a picture of its own"):
        read_pixels(tmp_path / "moving")
