"""What an evaluation was asked for: what can be wrong with it, and all of it that decides an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from iterpref.errors import InputError
from iterpref.evaluate.benchmark import answers_of
from iterpref.models import check_model, model_folder
from iterpref.store import Run
from iterpref.suites.base import Style, Suite

__all__ = [
    "Wanted",
    "as_handed_in",
    "check_asked",
    "how_asked",
    "read_options",
    "same_settings",
    "settings_of",
    "weights_digest",
]

_WEIGHTS = ("*.safetensors", "*.bin", "adapter_config.json", "config.json")
_SAMPLED = 1 << 20  # bytes read at each end of a file of weights, to tell two of them apart


@dataclass(frozen=True)
class Wanted:
    """What is to be evaluated. ``answers`` is a file of ready-made samples; without it ``model`` is asked."""

    benchmark: str
    model: str = ""
    path: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    samples: int = 1
    temperature: float = 0.0
    style: str = "auto"  # auto | complete | instruct
    base_url: str = ""
    limit: int | None = None
    max_new_tokens: int | None = None  # None: the official limit
    seed: int = 0
    answers: str = ""

    @property
    def label(self) -> str:
        """The benchmark's name in the run folder."""
        own = f"jsonl-{Path(self.path).name.partition('.')[0]}" if self.benchmark == "jsonl" else self.benchmark
        parts = [own, *(f"{key}={value}" for key, value in sorted(self.options.items()))]
        return ",".join(parts).replace("/", "_").replace(":", "_")

    @property
    def folder(self) -> str:
        """The run folder where none was named."""
        name = Path(self.answers).stem if self.answers else self.model.rstrip("/").replace(":", "-").replace("/", "-")
        return f"runs/eval-{name.lstrip('.-')}" + (f"-t{self.temperature:g}" if self.temperature else "")


def read_options(given: Sequence[str]) -> dict[str, str]:
    """``key=value`` texts as a mapping.

    Raises:
        InputError: one is not of that form.
    """
    options = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            raise InputError(f"--option {text!r}: write it as KEY=VALUE, for example release=release_v5.")
        options[key] = value
    return options


def check_asked(wanted: Wanted) -> None:
    """Look for what cannot be asked of a model.

    Raises:
        InputError: numbers that make no sense together, no such model folder, a secret in the address.
    """
    if wanted.style not in ("auto", "complete", "instruct"):
        raise InputError(f"--style is {wanted.style!r}; choose auto, complete or instruct.")
    if wanted.samples < 1:
        raise InputError(f"--samples is {wanted.samples}; give a number from 1 up.")
    if not 0 <= wanted.temperature < float("inf"):
        raise InputError(f"--temperature is {wanted.temperature}; give a number from 0 up.")
    if wanted.samples > 1 and wanted.temperature == 0:
        raise InputError("several greedy answers are all the same; set --temperature, for example 0.8.")
    if wanted.max_new_tokens is not None and wanted.max_new_tokens < 1:
        raise InputError(f"--max-new-tokens is {wanted.max_new_tokens}; give a number from 1 up.")
    if not wanted.base_url:
        check_model(wanted.model, "--model")
        return
    if not wanted.model:
        raise InputError("no model was named; set --model to a name that the server knows.")
    if wanted.style == "complete":
        raise InputError("a server is asked by chat; for --style complete load the model here, without --base-url.")
    address = urlsplit(wanted.base_url)
    if address.username or address.password or address.query:
        raise InputError("--base-url holds a secret, which the run folder would keep; set OPENAI_API_KEY instead.")


def how_asked(wanted: Wanted, suite: Suite, style: Style) -> dict[str, Any]:
    """Everything that decides an answer, as it stands in the result."""
    stops = suite.stops if style == "complete" else suite.answer_stops
    return {
        **_benchmark_of(suite),
        "model": wanted.model,
        "weights": "" if wanted.base_url else weights_digest(model_folder(wanted.model)),
        "base_url": wanted.base_url,
        "answers": "",
        "style": style,
        "prefill": "" if style == "complete" else "not sent" if wanted.base_url else "continued",
        "stops": [] if wanted.base_url else list(stops),
        "temperature": wanted.temperature,
        "max_new_tokens": wanted.max_new_tokens or suite.max_new_tokens,
        "seed": wanted.seed,
    }


def as_handed_in(wanted: Wanted, suite: Suite) -> dict[str, Any]:
    """The same keys for ready-made samples, of which nothing is known but the file."""
    return {
        **_benchmark_of(suite),
        "model": wanted.model or Path(wanted.answers).name,
        "weights": "",
        "base_url": "",
        "answers": _answers_digest(Path(wanted.answers)),
        "style": "complete",
        "prefill": "",
        "stops": [],
        "temperature": wanted.temperature,
        "max_new_tokens": 0,
        "seed": wanted.seed,
    }


def _answers_digest(path: Path) -> str:
    """Of a file's bytes, or of a folder's programs with their names."""
    if not path.is_dir():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for file in sorted(path.glob("*/*.py")):
        digest.update(f"{file.relative_to(path)} {file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _benchmark_of(suite: Suite) -> dict[str, Any]:
    return {"benchmark_sha256": suite.sha256, "benchmark_options": dict(suite.options)}


def weights_digest(folder: str) -> str:
    """A digest that tells the weights in a folder from others; empty for a name on a hub.

    Of each file its name, size, and the first and last MiB are read: a model trained anew into the same folder differs.
    """
    path = Path(folder)
    if not path.is_dir():
        return ""
    digest = hashlib.sha256()
    for file in sorted({found for pattern in _WEIGHTS for found in path.glob(pattern)}):
        size = file.stat().st_size
        digest.update(f"{file.name} {size}\n".encode())
        with file.open("rb") as handle:
            digest.update(handle.read(_SAMPLED))
            handle.seek(max(0, size - _SAMPLED))
            digest.update(handle.read(_SAMPLED))
    return digest.hexdigest()[:16]


def settings_of(run: Run, evaluation: str, round: int) -> dict[str, Any]:
    """What the answers in a run folder were asked for with; empty where there is none, as nothing is bound then."""
    stored: dict[str, Any] = run.get("evaluation", evaluation, dict, round) or {}
    return stored if answers_of(run, evaluation, round) else {}


def same_settings(run: Run, evaluation: str, about: Mapping[str, Any], round: int) -> None:
    """See that the answers in a run folder were asked for in the same way.

    Raises:
        InputError: they were not.
    """
    stored = settings_of(run, evaluation, round)
    for key, now in about.items() if stored else ():
        if stored[key] != now:
            raise InputError(
                f"{run.path}: {evaluation} was evaluated with {key}={stored[key]!r}, now {now!r}; set it back, or name "
                "another run folder (--run)."
            )
