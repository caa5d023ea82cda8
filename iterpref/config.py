"""Recipes: one small frozen dataclass per stage, read from YAML, overridden by ``key=value``.

Anything wrong in a recipe is one sentence that names the file, the line, the key and, for a misspelt key, the nearest
known one. ``${NAME}`` in a value is replaced by that environment variable.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from iterpref.errors import InputError

__all__ = [
    "ChatConfig",
    "CollectConfig",
    "EvaluateConfig",
    "PairsConfig",
    "Recipe",
    "SandboxConfig",
    "TasksConfig",
    "TrainConfig",
    "load_recipe",
    "recipe_names",
    "variants",
]

_STRICT = ConfigDict(extra="forbid")
KeyPath = tuple[str, ...]
_Count = Annotated[int, Field(ge=0)]
_Some = Annotated[int, Field(ge=1)]
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_SHORTEST_SECRET = 4  # characters; fewer stand by chance in any text
_SURE_SECRET = 8  # characters that stand nowhere by chance; a shorter key is looked for as a whole word
_NO_SECRETS = {"dummy", "empty", "fake", "key", "lm-studio", "none", "not-needed", "null", "ollama", "test", "token"}
"""What servers of one's own are given for a key, as their manuals say."""
_NOT_OF_A_REQUEST = {  # fields of a request body that are set elsewhere, or that would change what an answer is
    "api_key": "set the environment variable OPENAI_API_KEY",
    "extra_headers": "set the environment variable OPENAI_API_KEY, and take other headers away",
    "messages": "use chat.system and chat.prompts",
    "model": "use chat.model",
    "n": "use collect.samples",
    "stream": "answers are read whole, so take it away",
}
_Form = Literal["scenario", "function", "contest"]


@dataclass(frozen=True)
class SandboxConfig:
    """How untrusted programs are run."""

    __pydantic_config__ = _STRICT
    workers: int = 0  # 0: one per core
    allow_unsafe_exec: bool = False  # run without isolation where the machine offers none


@dataclass(frozen=True)
class CollectConfig:
    """Where trajectories come from (paper, section 3.1)."""

    __pydantic_config__ = _STRICT
    source: str = ""  # sessions, pairs or tasks: JSONL(.gz), Parquet, a `datasets` name, micro:train, or features:FILE
    split: str = "train"  # for a `datasets` name
    limit: _Some | None = None  # first N rows; how many tasks to write from features
    drafter: str = "recorded"  # who writes version 0: recorded | local | chat | a dotted path
    repairer: str = "recorded"  # who repairs it: recorded | search | local | chat | a dotted path; or resample: the
    # drafter writes iterations + 1 independent versions instead (the baseline of the paper, after Code-Optimise)
    iterations: _Count = 5  # repairs at most (paper: 5)
    samples: _Some = 1  # drafts per task
    temperature: _NotNegative = 0.8  # of a drafter or repairer that samples
    max_new_tokens: _Some = 512
    model: str = ""  # of the local teacher; empty: the model that is to be trained
    baseline: str = ""  # another run folder, of the same tasks: summary, card and page set the two side by side


@dataclass(frozen=True)
class ChatConfig:
    """The OpenAI-compatible endpoint that drafts, repairs or writes tasks. Its key is read from OPENAI_API_KEY."""

    __pydantic_config__ = _STRICT
    model: str = ""  # paper: gpt-4o; DeepSeek-V3 in appendix C.9
    base_url: str = ""  # such as http://localhost:8000/v1; empty: OpenAI's own
    system: str = ""  # system prompt
    request: Mapping[str, Any] = field(
        default_factory=dict
    )  # further fields of every request body; null takes one away
    prompts: str = ""  # a folder of templates that take the place of the shipped ones of the same name
    concurrency: _Some = 32  # requests under way at most; fewer where the server asks for it
    deadline_seconds: _Positive = 120.0  # for one try
    budget_usd: _Positive | None = None  # what all answers of the run may cost together
    prices: str = ""  # YAML of your own: model -> {input, output}, USD per million tokens


@dataclass(frozen=True)
class TasksConfig:
    """How a teacher writes tasks from a feature tree (paper, section 3.1; EpiCoder, arXiv 2501.04694)."""

    __pydantic_config__ = _STRICT
    forms: Annotated[tuple[_Form, ...], Field(min_length=1)] = ("scenario", "function", "contest")  # in turn
    widths: Annotated[tuple[_Some, ...], Field(min_length=1)] = (5, 2, 1, 1)  # features drawn at each depth (EpiCoder)
    temperature: _Positive = 10.0  # features are drawn with p ~ frequency^(1/T) (EpiCoder: 10)
    evolve: _Count = 0  # requests that make the tree richer first
    max_new_tokens: _Some = 4096  # for instruction, solution and tests


@dataclass(frozen=True)
class PairsConfig:
    """Which versions are paired, what is focus, and what is filtered out (paper, sections 3.1 and 3.2)."""

    __pydantic_config__ = _STRICT
    source: Literal["debugging", "samples"] = "debugging"  # samples: independent drafts of a task (a baseline)
    negatives: Literal["each", "random", "first", "last", "hardest"] = "each"  # paper v1: each; v3: random (Table 20);
    # hardest: the one that passes most tests
    preferred: Literal["final", "minimal"] = "final"  # minimal: y- with only the changes it needs (focus: verified)
    focus: Literal["diff", "verified"] = "diff"  # all that differs (paper), or what running proves to matter
    differ: str = "lines"  # lines | lexemes | tree | ends, or a dotted path
    runs: Annotated[int, Field(ge=1)] = 200  # programs run in search of the focus of one pair (focus: verified)
    reruns: Annotated[int, Field(ge=0)] = 0  # y- and y+ run so many more times; a pair whose verdicts change is dropped
    deletions: Literal["drop", "keep", "junction"] = "junction"  # y- only lacks code: see docs/focus.md
    rewrites: Literal["drop", "keep", "weight"] = "keep"  # the focus is over `max_share` of y-: see docs/focus.md
    max_share: Annotated[float, Field(gt=0, le=1)] = 0.5  # of the characters of y- that are not blank
    style: str = "target"  # or a baseline: augmented-1, augmented-2, hybrid, focused-dpo, ...: see docs/recipes.md
    max_lines: Annotated[int, Field(ge=1)] = 20  # D- longer than this is dropped (paper: 20)
    max_tokens: Annotated[int, Field(ge=1)] = 2048  # longer y+ or y- are dropped (paper: 2,048); needs a tokenizer
    tokenizers: tuple[str, ...] = ()  # names or paths; the first one counts for max_tokens, all are summarised
    judge: str = ""  # a teacher that drops cosmetic pairs, as in the paper: chat | local | a dotted path
    anchors: bool = True  # keep programs that passed at once, for the NLL term


@dataclass(frozen=True)
class TrainConfig:
    """Target-DPO and its relatives (paper, section 3.2); keys as in TRL where TRL has them."""

    __pydantic_config__ = _STRICT
    model_name_or_path: str = ""
    init_config: Mapping[str, Any] = field(default_factory=dict)  # random weights of this transformers config; the name
    # above then gives the tokenizer only
    loss_type: Literal[
        "sft", "dpo", "rpo", "target-dpo", "target-rpo", "symmetric", "hybrid", "diff-aug", "ipo", "simpo"
    ] = "target-rpo"
    beta: _Positive = 0.1  # paper: 0.1 (Table 8)
    rpo_alpha: _NotNegative | None = None  # weight of NLL(y+); None: 1 for sft and *rpo (paper: 1), else 0
    contrast_weight: _NotNegative | None = None  # weight of the pair term; None: 0 for sft, else 1
    focus_lines: _Count = 1  # diff-aug: lines by which D- is widened on each side (paper: 1 and 2)
    simpo_gamma: float = 0.5  # simpo: margin, as in TRL
    use_anchors: bool = False  # programs that passed at once join the NLL term
    learning_rate: _NotNegative = 1e-5  # paper: 1e-5 at 7B
    num_train_epochs: _Positive = 3.0  # paper: 3
    max_steps: Annotated[int, Field(ge=-1)] = -1  # above 0: overrides the epochs
    per_device_train_batch_size: _Some = 8
    gradient_accumulation_steps: _Some = 1  # global batch = both x processes (paper: 128)
    tokens_per_row: _Some | None = None  # a micro-batch is computed in rows of at most so many tokens; None: in one row
    max_length: _Some = 2048  # prompt + completion + end token; longer examples are dropped and counted
    use_peft: bool = False
    lora_r: _Some = 16
    lora_alpha: _Some = 32
    training_arguments: Mapping[str, Any] = field(default_factory=dict)  # any other transformers.TrainingArguments


@dataclass(frozen=True)
class EvaluateConfig:
    """Greedy or sampled answers to held-out tasks, judged like everything else."""

    __pydantic_config__ = _STRICT
    validation: str = ""  # where variants are chosen: micro:validation, a JSONL of tasks, or a benchmark: its name, or
    # its name and file, such as mbpp+ or jsonl:tasks.jsonl (docs/evaluation.md)
    validation_limit: int | None = None
    test: str = ""  # the same; touched once, for what is reported
    test_limit: int | None = None
    max_new_tokens: _Some | None = None  # None: a benchmark's official limit, else 512
    options: Mapping[str, str] = field(default_factory=dict)  # of the benchmarks, such as release: release_v5


@dataclass(frozen=True)
class Recipe:
    """A whole run. Stages that a recipe leaves out are not run by ``iterpref run``."""

    __pydantic_config__ = _STRICT
    run: str  # the run folder
    seed: int = 0
    rounds: int = 1  # from round 2 on, the best model of the round before drafts anew
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    collect: CollectConfig = field(default_factory=CollectConfig)
    chat: ChatConfig = field(default_factory=ChatConfig)
    tasks: TasksConfig = field(default_factory=TasksConfig)
    pairs: PairsConfig = field(default_factory=PairsConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # name -> changes to `train`
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)


def variants(recipe: Recipe) -> dict[str, TrainConfig]:
    """The training runs a recipe asks for: its variants, else ``train`` itself under its loss's name."""
    if not recipe.variants:
        return {recipe.train.loss_type: recipe.train}
    adapter = TypeAdapter(TrainConfig)
    return {
        name: adapter.validate_python({**asdict(recipe.train), **dict(change)})
        for name, change in recipe.variants.items()
    }


def recipe_names() -> list[str]:
    """Names of the recipes that ship with the package."""
    folder = resources.files("iterpref.recipes")
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_recipe(source: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe by path, or by the name of one that ships with the package, and apply ``key=value`` overrides.

    Raises:
        InputError: missing file, YAML that does not parse, unknown key, value of a wrong type or out of bounds, unset
            variable, a value that holds the key of the endpoint.
    """
    name, text = _read(source)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "the file"
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise InputError(
            f"{name}: {where} is not valid YAML ({problem}); check indentation, colons and quotes."
        ) from None
    if not isinstance(data, dict):
        raise InputError(f"{name}: a recipe is a mapping of keys such as `run:` and `collect:`, not a {_kind(data)}.")
    lines = _key_lines(root)
    origin = {path: f"{name}, line {line}" for path, line in lines.items()}
    for override in overrides:
        path = _override(data, override)
        origin[path] = f"override {override!r}"
    data = _expand(data, (), origin, name)
    _refuse_secrets(data, (), origin, name)
    _check_keys(data, Recipe, (), origin, name)
    recipe: Recipe = _validate(TypeAdapter(Recipe), data, (), origin, name)
    for key, remedy in _NOT_OF_A_REQUEST.items():
        if key in recipe.chat.request:
            here = ("chat", "request", key)
            raise InputError(f"{_where(origin, here, name)}: `{'.'.join(here)}` cannot be set; {remedy}.")
    for key in ("max_tokens", "max_completion_tokens"):
        limit = recipe.chat.request.get(key)
        if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
            here = ("chat", "request", key)
            raise InputError(
                f"{_where(origin, here, name)}: `{'.'.join(here)}` is {limit!r}; a limit is a whole number from 1 on."
            )
    for variant, change in recipe.variants.items():
        at = ("variants", variant)
        _check_keys(change, TrainConfig, at, origin, name)
        _validate(TypeAdapter(TrainConfig), {**asdict(recipe.train), **dict(change)}, at, origin, name)
    return recipe


def _read(source: str) -> tuple[str, str]:
    path = Path(source)
    if path.is_file():
        try:
            return str(path), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{path}: the recipe is not UTF-8 text; save it as UTF-8 YAML.") from None
    known = recipe_names()
    if source in known:
        return f"{source}.yaml", (resources.files("iterpref.recipes") / f"{source}.yaml").read_text(encoding="utf-8")
    raise InputError(f"{source}: no such recipe file; give a path to a YAML file, or one of {', '.join(known)}.")


def _key_lines(node: Any, path: KeyPath = ()) -> dict[KeyPath, int]:
    """Line number (from 1) of every key in the YAML document."""
    found: dict[KeyPath, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            found[here] = key.start_mark.line + 1
            found.update(_key_lines(value, here))
    return found


def _override(data: dict[str, Any], override: str) -> KeyPath:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise InputError(f"override {override!r}: write it as key=value, for example train.beta=0.2.")
    try:
        value = yaml.safe_load(text) if text else ""
    except yaml.YAMLError:
        raise InputError(f"override {override!r}: the value is not valid YAML; put quotes around it.") from None
    path = tuple(key.split("."))
    place = data
    for part in path[:-1]:
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise InputError(f"override {override!r}: {part!r} is a single value, it has no keys below it.")
    place[path[-1]] = value
    return path


def _expand(value: Any, path: KeyPath, origin: dict[KeyPath, str], name: str) -> Any:
    if isinstance(value, dict):
        return {str(key): _expand(item, (*path, str(key)), origin, name) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, path, origin, name) for item in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            where = origin.get(path, name)
            raise InputError(f"{where}: ${{{match[1]}}} is not set; set the environment variable {match[1]}.")
        return os.environ[match[1]]

    return re.sub(r"\$\{(\w+)\}", replace, value)


def _refuse_secrets(value: Any, path: KeyPath, origin: dict[KeyPath, str], name: str) -> None:
    """The run folder keeps the recipe, so the endpoint's key must not be in it."""
    secret = os.environ.get("OPENAI_API_KEY", "").strip()
    if len(secret) < _SHORTEST_SECRET or secret.lower() in _NO_SECRETS:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            _refuse_secrets(item, (*path, key), origin, name)
    elif isinstance(value, list):
        for item in value:
            _refuse_secrets(item, path, origin, name)
    elif _holds(str(value), secret):
        where = _where(origin, path, name).replace(secret, "***")
        raise InputError(
            f"{where}: `{'.'.join(path)}` holds the content of OPENAI_API_KEY, which the run folder would keep; take "
            "it away, the key is read from the environment."
        )


def _holds(text: str, secret: str) -> bool:
    if len(secret) >= _SURE_SECRET:
        return secret in text
    return re.search(rf"(?<![\w-]){re.escape(secret)}(?![\w-])", text) is not None


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _check_keys(data: Any, cls: type, path: KeyPath, origin: dict[KeyPath, str], name: str) -> None:
    """Refuse unknown keys, naming the nearest known one (of this section, else of any)."""
    if not isinstance(data, Mapping):
        raise InputError(
            f"{origin.get(path, name)}: `{'.'.join(path)}` is a section with keys of its own, not a {_kind(data)}."
        )
    known = {item.name for item in fields(cls)}
    for key, value in data.items():
        here = (*path, key)
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            remedy = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(sorted(known))}."
            raise InputError(f"{_where(origin, here, name)}: unknown key `{'.'.join(here)}`; {remedy}")
        section = _hints(cls)[key]
        if is_dataclass(section) and isinstance(section, type):
            _check_keys(value, section, here, origin, name)


def _validate(adapter: TypeAdapter[Any], data: Any, path: KeyPath, origin: dict[KeyPath, str], name: str) -> Any:
    try:
        return adapter.validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        here = (*path, *(str(part) for part in first["loc"]))
        if first["type"] == "missing":
            raise InputError(f"{name}: the key `{'.'.join(here)}` is missing; add it.") from None
        message = first["msg"][0].lower() + first["msg"][1:]
        field_path = ".".join(part for part in here if not part.isdigit())
        raise InputError(
            f"{_where(origin, here, name)}: `{field_path}` is {first['input']!r}, but {message}."
        ) from None


def _where(origin: dict[KeyPath, str], path: KeyPath, name: str) -> str:
    while path:
        if path in origin:
            return origin[path]
        path = path[:-1]
    return name


def _kind(value: Any) -> str:
    return {"NoneType": "blank", "str": "text", "int": "number", "float": "number"}.get(
        type(value).__name__, type(value).__name__
    )
