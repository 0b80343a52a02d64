"""Where models are: those of $CONHA_MODELS, then those that come with this program, each NAME.safetensors."""

import os
from dataclasses import dataclass
from pathlib import Path

from codec.conha.bitstream import AnotherModel
from codec.conha.checkpoint import Metadata, read_metadata
from codec.errors import Refusal, listing

SHIPPED = Path(__file__).with_name("weights")
VARIABLE = "CONHA_MODELS"
SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Installed:
    """A file, and what it says of itself; or why it cannot be read."""

    path: Path
    metadata: Metadata | None
    fault: str = ""

    @property
    def name(self) -> str:
        """By which commands know it."""
        return self.path.name.removesuffix(SUFFIX)


def installed() -> list[Installed]:
    """Every model, in the order in which one is looked for; of several with a name the first counts."""
    found: dict[str, Installed] = {}
    for folder in _folders():
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            model = _described(path)
            found.setdefault(model.name, model)
    return list(found.values())


def find(name_or_path: str) -> Path:
    """The file of a model by its name, or by a path.

    Raises:
        Refusal: there is none.
    """
    path = Path(name_or_path)
    if path.suffix == SUFFIX or os.sep in name_or_path:
        return path
    names = [model.name for model in installed()]
    for folder in _folders():
        if name_or_path in names and (folder / f"{name_or_path}{SUFFIX}").is_file():
            return folder / f"{name_or_path}{SUFFIX}"
    known = f"those are {listing(names)}" if names else "there are none"
    raise Refusal(f"No model '{name_or_path}' is installed ({known}); put its file into the folder ${VARIABLE} names.")


def find_by_mark(mark: bytes) -> Path:
    """The file of the model that a coded file names.

    Raises:
        AnotherModel: it is not installed.
    """
    for model in installed():
        if model.metadata and model.metadata.mark == mark:
            return model.path
    what = f"It was coded with the model {mark.hex()}, which is not installed"
    raise AnotherModel(f"{what}; name its file by --model, or put it into the folder ${VARIABLE} names.")


def _folders() -> list[Path]:
    named = os.environ.get(VARIABLE)
    return [*([Path(named)] if named else []), SHIPPED]


def _described(path: Path) -> Installed:
    try:
        return Installed(path, read_metadata(path))
    except Refusal as refusal:
        return Installed(path, None, refusal.message)
