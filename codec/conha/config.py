"""A training run's settings: strict TOML into frozen structs, every constant with its source.

HiFiC's numbers are those of its released code (tensorflow/compression, models/hific), in units where the perceptual
loss has the weight 1: there `lmbda`, `C` and others multiply one another, here each factor stands alone.
"""

import difflib
import hashlib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from codec.errors import Refusal

CONFIGS = Path(__file__).with_name("configs")

# lpips_random is untrained and for tests: its name stands in every result.
Perceptual = Literal["lpips_alex", "lpips_vgg", "lpips_squeeze", "dists", "lpips_random", "none"]
Term = Literal["perceptual", "gan"]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Width = Annotated[int, msgspec.Meta(ge=1, le=4096)]
Count = Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Widths and depths; the defaults are HiFiC's, 181.5 million parameters."""

    base: Width = 60  # channels at full resolution; each halving of the sides doubles them, four times
    latent: Width = 220  # channels of the latent
    hyper: Width = 320  # channels of the hyper-networks and the hyper-latent
    blocks: Annotated[int, msgspec.Meta(ge=0, le=64)] = 9  # residual blocks of the generator


class Discriminator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Widths; the defaults are HiFiC's, 2.8 million parameters."""

    base: Width = 64  # channels of the first layer, doubled three times
    context: Width = 12  # channels that the latent is brought to beside the pixels


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The controller: the weight of a bit per pixel switches where the coded rate crosses the target."""

    target: Positive = 0.14  # bits per pixel; HiFiC's three models aim at 0.14, 0.30 and 0.45
    weight_above: NotNegative = 2.0  # while above it: 2, 1, 0.5 for those three (paper, table 5)
    weight_below: NotNegative = 0.0625  # while below it: 2^-4 in the paper's table (the released code gives 2^-6)
    warmup_steps: Count = 50_000  # during which a higher rate is aimed at, and a bit costs less
    warmup_target: Positive = 0.20 / 0.14  # times the target
    warmup_weight: NotNegative = 0.5  # times the weights


class Loss(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """rate weight x bpp + mse x MSE of values in 0..255 + w x (perceptual_weight x LPIPS + gan_weight x GAN)."""

    mse: NotNegative = 0.075 * 2**-5
    perceptual: Perceptual = "lpips_alex"
    perceptual_weight: NotNegative = 1.0
    gan_weight: NotNegative = 0.15
    # What w multiplies; the review of the paper gives beta w (LPIPS - log D), one constant for both, HiFiC has two.
    w_terms: tuple[Term, ...] = ("perceptual", "gan")
    # Rate and MSE are made up for where w takes weight away, so that every image has the same distortion weight.
    constant_total: bool = False


class Preference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where w comes from, once for each training crop, in the second stage only unless `joint`."""

    # one: HiFiC. constant: `value`. model: a fitted preference model at `path`. weights: a weights.csv at `path`.
    # mean: the mean of `model` or `weights` over the data set, measured once before training (ConHa-fixed).
    w: Literal["one", "constant", "model", "weights", "mean"] = "one"
    value: Share = 1.0
    path: str = ""
    map: Literal["identity", "threshold", "power", "table"] = "identity"
    threshold: Share = 0.5  # of `threshold`: 0 below, 1 from there on
    power: Positive = 1.0  # of `power`: w ** power
    table: tuple[tuple[Share, Share], ...] = ()  # of `table`: points (w, mapped), linear between them
    # What a reviewer asks for, done to w before `map`. shuffled: another crop's of the batch. inverted: 1 - w.
    # noise: inverted for a random share of crops, as if so many labels were wrong.
    control: Literal["none", "shuffled", "inverted", "noise"] = "none"
    noise: Share = 0.2  # the share of `noise`


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Training images: a folder of any pictures that `codec` reads, with subfolders."""

    train: str = ""
    val: str = ""
    list: str = ""  # a CSV with `file` and `split`: only the files of split `train` (and `val`) are used
    crop: Annotated[int, msgspec.Meta(ge=16, le=4096)] = 256  # pixels a side, a multiple of 16
    scale_low: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.75  # random rescaling, which removes JPEG's traces,
    scale_high: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.95  # but never below the crop's size
    flip: bool = True
    workers: Annotated[int, msgspec.Meta(ge=0, le=64)] = 2  # processes that load images, beside each one that trains
    cache: Count = 512  # MiB of decoded images that each of them keeps


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the two stages; each begins with fresh optimisers."""

    steps: Count = 1_000_000
    learning_rate: Positive = 1e-4
    decay_at: Count = 500_000  # step from which the learning rate is a tenth; 0: never
    warmup: Count = 0  # steps over which the learning rate rises from zero


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it is trained: HiFiC's schedule, and what makes it quick and safe."""

    seed: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 1
    batch: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 8  # crops a step, over all processes together
    stage1: Stage = Stage()
    stage2: Stage = Stage()
    start: str = ""  # a run whose stage 1 is started from: stage 2 alone is trained
    joint: bool = False  # both stages' losses from the first step of stage 1; stage 2 is left out
    gan: bool = True  # whether stage 2 has a discriminator
    freeze_encoder: bool = False  # in stage 2: encoder and entropy model stay, so all variants share the bitstream
    discriminator_learning_rate: Positive = 1e-4
    auxiliary_learning_rate: Positive = 1e-3  # of the quantiles of the hyper-latent
    clip: NotNegative = 0.0  # gradient norm; 0 is none, as in HiFiC
    ema: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0  # of the generator, for evaluation; 0 is none
    bf16: bool = False  # autocast in encoder, generator, discriminator and perceptual loss; nowhere else
    compile: bool = False
    deterministic: bool = False
    checkpoint_every: Annotated[int, msgspec.Meta(ge=1)] = 5000  # steps
    pictures_every: Annotated[int, msgspec.Meta(ge=1)] = 1000
    log_every: Annotated[int, msgspec.Meta(ge=1)] = 50
    keep: Annotated[int, msgspec.Meta(ge=1)] = 3  # checkpoints, beside those at a stage's end


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole file."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)] = "conha"
    model: Model = Model()
    discriminator: Discriminator = Discriminator()
    rate: Rate = Rate()
    loss: Loss = Loss()
    preference: Preference = Preference()
    data: Data = Data()
    training: Training = Training()


def read(name: str, settings: tuple[str, ...] = ()) -> Config:
    """The config of a file, or of a shipped one by name, with `TABLE.KEY=VALUE` settings put over it.

    Raises:
        Refusal: there is no such file, it is no TOML, or a key, a value or a setting is not in the contract.
    """
    path = CONFIGS / f"{name}.toml" if re.fullmatch(r"[a-z_0-9]+", name) else Path(name)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        shipped = ", ".join(sorted(file.stem for file in CONFIGS.glob("*.toml")))
        raise Refusal(f"{name} is neither a file nor a shipped config; those are {shipped}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"{path} is not TOML: {error}.") from error
    for setting in settings:
        _put(tables, setting)
    return _converted(tables, str(path))


def parse(text: str, where: str) -> Config:
    """The config that a checkpoint or a test spells.

    Raises:
        Refusal: as `read`.
    """
    try:
        return _converted(tomllib.loads(text), where)
    except tomllib.TOMLDecodeError as error:
        raise Refusal(f"{where} is not TOML: {error}.") from error


def to_json(config: Config) -> str:
    """Every key with its value, in the order of the contract: what a checkpoint keeps."""
    return msgspec.json.encode(config).decode()


def from_json(text: str, where: str) -> Config:
    """The config that `to_json` wrote.

    Raises:
        Refusal: it is not one.
    """
    try:
        return msgspec.json.decode(text, type=Config)
    except msgspec.MsgspecError as error:
        raise Refusal(f"{where}: {_explained(str(error))}") from error


def digest(config: Config) -> str:
    """SHA-256 of all settings."""
    return hashlib.sha256(to_json(config).encode()).hexdigest()


def _put(tables: dict[str, Any], setting: str) -> None:
    dotted, equals, value = setting.partition("=")
    *path, key = dotted.split(".")
    if not equals or not all([*path, key]):
        raise Refusal(f"'{setting}' is not TABLE.KEY=VALUE, such as training.batch=8.")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value  # a word without its quotation marks
    for name in path:
        tables = tables.setdefault(name, {})
        if not isinstance(tables, dict):
            raise Refusal(f"'{setting}': `{name}` is no table of a config.")
    tables[key] = parsed


def _converted(tables: dict[str, Any], where: str) -> Config:
    try:
        config = msgspec.convert(tables, Config)
    except msgspec.ValidationError as error:
        raise Refusal(f"{where}: {_explained(str(error))}") from error
    for complaint in _complaints(config):
        raise Refusal(f"{where}: {complaint}")
    return config


def _complaints(config: Config) -> list[str]:
    """What types cannot say."""
    return [*_complaints_of_data(config), *_complaints_of_preference(config), *_complaints_of_stages(config)]


def _complaints_of_data(config: Config) -> list[str]:
    data, found = config.data, []
    if data.crop % 16:
        found.append(f"`data.crop` is {data.crop}: write a multiple of 16, the codec's stride.")
    if data.scale_low > data.scale_high:
        found.append("`data.scale_low` is above `data.scale_high`: swap them.")
    return found


def _complaints_of_preference(config: Config) -> list[str]:
    loss, preference, training, found = config.loss, config.preference, config.training, []
    if preference.w in {"model", "weights", "mean"} and not preference.path:
        found.append(f'`preference.w` is "{preference.w}": name the file that it comes from as `preference.path`.')
    if preference.map == "table" and not _rises(preference.table):
        found.append("`preference.table` needs two points (w, mapped) or more, with rising w from 0 to 1.")
    if not loss.w_terms and preference.w != "one":
        found.append("`loss.w_terms` is empty, so no `preference.w` has an effect: name a term, or write w as one.")
    if loss.perceptual == "none" and loss.perceptual_weight and "perceptual" in loss.w_terms and not training.gan:
        found.append("`loss.perceptual` is none and there is no discriminator: nothing is left that w could scale.")
    if preference.control == "shuffled" and training.batch == 1:
        found.append("`preference.control` is shuffled, which needs other crops: set `training.batch` to 2 or more.")
    if preference.control != "none" and preference.w == "mean":
        found.append("`preference.control` changes single crops, and `preference.w` is their mean: leave one out.")
    return found


def _complaints_of_stages(config: Config) -> list[str]:
    training, found = config.training, []
    if training.start and training.joint:
        found.append("`training.start` brings stage 1 along, and `training.joint` trains nothing else: leave one out.")
    if training.freeze_encoder and training.joint:
        found.append("`training.freeze_encoder` is for stage 2, which `training.joint` leaves out: leave one out.")
    if not (training.stage1.steps and not training.start) and (training.joint or not training.stage2.steps):
        found.append("`training.stage1.steps` and `training.stage2.steps` leave no step to train: set one above 0.")
    return found


def _rises(table: tuple[tuple[float, float], ...]) -> bool:
    at = [point[0] for point in table]
    return len(at) > 1 and at == sorted(set(at)) and at[0] == 0 and at[-1] == 1


def _explained(message: str) -> str:
    """msgspec's message as a sentence with the dotted name first."""
    said, _, where = message.partition(" - at `$")
    dotted = where.rstrip("`").lstrip(".")
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", said, re.DOTALL)
    if not unknown:
        return f"`{dotted}`: {said[0].lower()}{said[1:]}."
    known = [field.name for field in msgspec.structs.fields(_struct(dotted))]
    near = difflib.get_close_matches(unknown[1], known, n=1)
    remedy = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(f'`{key}`' for key in known)}."
    return f"`{dotted}{'.' if dotted else ''}{unknown[1]}` is no key of a config; {remedy}"


def _struct(dotted: str) -> Any:
    struct: Any = Config
    for name in filter(None, dotted.split(".")):
        struct = {field.name: field.type for field in msgspec.structs.fields(struct)}[name]
    return struct
