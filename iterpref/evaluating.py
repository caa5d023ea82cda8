"""Evaluation on a benchmark: from its file and a model, or from ready-made samples, to a result in the run folder.

    RUN/eval/<benchmark>.json             the result: scores, how they came about, every verdict and program
    RUN/eval/<benchmark>.lm-eval.json     the scores as lm-evaluation-harness writes them

An evaluation can be stopped at any moment and run again, with more samples or more tasks too; nothing is asked twice.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from iterpref.collecting import endpoint
from iterpref.config import ChatConfig, Recipe, SandboxConfig
from iterpref.errors import InputError
from iterpref.evaluate.benchmark import answer_all, answers_of, judged_of, store_answers
from iterpref.evaluate.compare import compare_results
from iterpref.evaluate.exports import SUFFIXES, write_official
from iterpref.evaluate.harness import harness_json
from iterpref.evaluate.ready import ready_answers
from iterpref.evaluate.result import SCHEMA, result_of
from iterpref.evaluate.truth import environment, ground_truth
from iterpref.models import check_model, model_folder
from iterpref.progress import console, progress_bar
from iterpref.sandbox import Sandbox
from iterpref.sandbox.answers import Answers, Unanswered
from iterpref.sandbox.answers import answers as reference_answers
from iterpref.store import Run, versions
from iterpref.suites.base import Item, Style, Suite, load_suite
from iterpref.suites.truth import established
from iterpref.teachers.answers import ChatAnswers, LocalAnswers
from iterpref.teachers.base import Teacher
from iterpref.types import Attempt, Score, Tests

__all__ = [
    "Prepared",
    "Wanted",
    "compare",
    "evaluate_benchmark",
    "load_results",
    "prepare",
    "read_options",
    "report_scores",
    "told_as_options",
    "write_page",
]

_WEIGHTS = ("*.safetensors", "*.bin", "adapter_config.json", "config.json")
_OPTIONS = {
    "correct chat.model or chat.request": "correct --model",
    "lower chat.concurrency or wait": "wait",
    "chat.base_url": "--base-url",
    "chat.model": "--model",
    "collect.model": "--model",
    "lower max_new_tokens or drop the task": "lower --max-new-tokens",
}
_NOT_RESULTS = (".lm-eval.json", *SUFFIXES)
_DEADLINE_SECONDS = 600.0  # of one answer: many are asked at once, and some servers think long
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


@dataclass(frozen=True)
class Prepared:
    """A benchmark as it was read, and what is to be done with it: nothing can be wrong with either any more."""

    wanted: Wanted
    suite: Suite
    items: tuple[Item, ...]


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


@contextmanager
def told_as_options() -> Iterator[None]:
    """What is wrong is said in terms of a recipe's keys further down; here those are options of the command line."""
    try:
        yield
    except InputError as error:
        text = str(error)
        for key, option in _OPTIONS.items():
            text = text.replace(key, option)
        raise InputError(text) from None


def prepare(wanted: Wanted) -> Prepared:
    """Read the benchmark and look for all that can be wrong, before anything is spent.

    Raises:
        InputError: no such benchmark, option, file or model; or numbers that make no sense together.
    """
    if wanted.answers and wanted.base_url:
        raise InputError("ready-made answers (--answers) need no server; take --base-url away.")
    if not wanted.answers:
        _check_asked(wanted)
    suite = load_suite(wanted.benchmark, wanted.path, **wanted.options)
    if wanted.limit is not None and wanted.limit < 1:
        raise InputError(f"--limit is {wanted.limit}; give a number from 1 up.")
    items = suite.items[: wanted.limit]
    if not items:
        raise InputError(f"{wanted.benchmark} holds no task; check its file and options.")
    if not wanted.answers and wanted.style == "instruct" and not items[0].instruction:
        raise InputError(f"{wanted.benchmark} has no wording for instruct models; use --style complete.")
    return Prepared(wanted, suite, items)


def _check_asked(wanted: Wanted) -> None:
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


def evaluate_benchmark(
    run: Run, prepared: Prepared, sandbox: SandboxConfig, *, name: str = "", round: int = 1
) -> tuple[dict[str, Any], list[Path]]:
    """Answer, judge and write ``eval/[<name>/]<benchmark>.json``; returns that result, and what was written.

    Without every verdict the result says so and has no score: run again.

    Raises:
        InputError: the run folder holds this benchmark under other settings, the endpoint cannot be asked, or this
            machine cannot isolate programs.
    """
    wanted = prepared.wanted
    evaluation = f"{name}/{wanted.label}" if name else wanted.label
    teacher: Callable[[], Teacher]
    with ExitStack() as stack:
        box = stack.enter_context(Sandbox(workers=sandbox.workers or None, allow_unsafe_exec=sandbox.allow_unsafe_exec))
        where = environment(box.isolation.mode)
        suite, left_out = _established(prepared, box)
        items = suite.items
        samples = {item.task.id: wanted.samples for item in items}
        if wanted.answers:
            ready = ready_answers(wanted.answers, prepared.suite, items)
            for answer in ready:
                samples[answer.task_id] = max(samples[answer.task_id], answer.sample + 1)
            about = _as_handed_in(wanted, suite)
            _same_settings(run, evaluation, about, round)
            store_answers(run, evaluation, ready, round)
            teacher = _nobody
        else:
            stored: dict[str, Any] | None = run.get("evaluation", evaluation, dict, round)
            asked = _Asked(stack, run, wanted, suite)
            style = stored["style"] if stored and wanted.style == "auto" else asked.style()
            about = _how_asked(wanted, suite, style)
            _same_settings(run, evaluation, about, round)
            teacher = asked.teacher
            suite.program(items[0], "", style)  # some cannot be asked in this style: found out before they are
        run.put("evaluation", evaluation, about, round)
        with progress_bar(evaluation) as update:
            reasons = answer_all(
                run,
                evaluation,
                where,
                suite,
                items,
                samples,
                about["style"],
                teacher,
                box.judge,
                box.workers,
                round=round,
                progress=update,
            )
        with progress_bar("reference solutions") as update:
            truth = ground_truth(suite, items, box.judge, box.workers, where, update)
        facts = {
            **about,
            "samples": wanted.samples,
            "sandbox": {"mode": box.isolation.mode, "protections": list(box.protections), "workers": box.workers},
            "environment": where,
            "inputs_left_out": left_out,
            "open": reasons,
            "versions": versions(),
        }
    answers, judged = answers_of(run, evaluation, round), judged_of(run, evaluation, where, round)
    result = result_of(suite, len(prepared.suite.items), samples, answers, judged, facts, truth)
    written = write_result(run, evaluation, result, round)
    if result["complete"]:
        known = [judged[id, n] for n in range(max(samples.values())) for id in samples if n < samples[id]]
        stem = written[0].with_suffix("")
        written += write_official(
            stem, prepared.suite, items, known, answers, result["scores"], str(about["model"]), truth
        )
    return result, written


def _established(prepared: Prepared, box: Sandbox) -> tuple[Suite, str]:
    """The wanted items with the values that are expected of them, and which inputs had to be left out.

    Raises:
        InputError: a reference solution fails here.
    """
    wanted, suite = prepared.wanted, prepared.suite

    def run_references(jobs: Sequence[tuple[str, Tests]]) -> list[Answers]:
        console.print(f"{wanted.label}: running {len(jobs)} reference solutions once, for the values that are expected")
        return reference_answers(box, jobs)

    try:
        found = established(replace(suite, items=prepared.items), run_references)
    except Unanswered as error:
        raise InputError(
            f"{suite.path}: a reference solution fails on this machine ({error}); check the file, the installed "
            "libraries and the machine's memory."
        ) from None
    return replace(found, options=suite.options), found.options.get("inputs_left_out", "")


def report_scores(
    run: Run, prepared: Prepared, result: Mapping[str, Any], name: str, split: str, round: int = 1
) -> dict[str, bool]:
    """Put the first sample's verdicts where the run's report looks for them; whether each task passed every part.

    Raises:
        InputError: the evaluation is unfinished.
    """
    evaluation = f"{name}/{prepared.wanted.label}"
    answers, judged = answers_of(run, evaluation, round), judged_of(run, evaluation, result["environment"], round)
    passed = {}
    for item in prepared.items:
        key = (item.task.id, 0)
        if key not in judged:
            raise InputError(
                f"{run.path}: {evaluation} could not be finished, task {item.task.id!r} has no verdict; run the same "
                "command again."
            )
        found, answer = judged[key], answers[key]
        attempt = Attempt(0, found.program, found.verdict, answer.message, answer.usage)
        run.put(
            "score", f"{name}/{split}/{item.task.id}", Score(split, item.task.id, 0, attempt, item.task.features), round
        )
        passed[item.task.id] = found.verdict.passed
    return passed


def load_results(where: str) -> dict[str, dict[str, Any]]:
    """Results by benchmark: of one file, or of all that lie in a run folder.

    Raises:
        InputError: there is none, or a file is no result of this version.
    """
    path = Path(where)
    if path.is_file():
        return {path.stem: _load_result(path)}
    folder = path / "eval" if (path / "eval").is_dir() else path
    files = [file for file in sorted(folder.glob("*.json")) if not file.name.endswith(_NOT_RESULTS)]
    if not files:
        below = sorted({str(file.parent) for file in folder.glob("*/**/*.json")})
        hint = f"choose one of {', '.join(below)}" if below else "run `iterpref eval` first"
        raise InputError(f"{where}: there is no result of an evaluation here; {hint}.")
    return {file.stem: _load_result(file) for file in files}


def _load_result(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA or "tasks" not in found:
        raise InputError(f"{path}: not a result of `iterpref eval` of this version; evaluate again.")
    return found


def compare(first: str, second: str) -> list[dict[str, Any]]:
    """Compare every benchmark that both hold.

    Raises:
        InputError: they have none in common, or one of them cannot be compared.
    """
    before, after = load_results(first), load_results(second)
    if len(before) == len(after) == 1:  # two files, however they are called
        ((label, one),), (other,) = before.items(), after.values()
        return [compare_results(label, one, other)]
    common = [label for label in before if label in after]
    if not common:
        raise InputError(
            f"{first} holds {', '.join(before)} and {second} holds {', '.join(after)}: no benchmark is in both."
        )
    return [compare_results(label, before[label], after[label]) for label in common]


def write_page(path: Path, text: str) -> None:
    """Write a file as a whole.

    Raises:
        InputError: it cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place (--page).") from None


class _Asked:
    """Who is asked; a model is loaded, and a server looked for, only when it is needed."""

    def __init__(self, stack: ExitStack, run: Run, wanted: Wanted, suite: Suite) -> None:
        self._stack, self._run, self._wanted, self._suite = stack, run, wanted, suite
        self._made: LocalAnswers | ChatAnswers | None = None

    def style(self) -> Style:
        """As it was wanted; ``auto`` is for the model's tokenizer to say."""
        if self._wanted.style != "auto":
            return cast(Style, self._wanted.style)
        return "instruct" if self._wanted.base_url else self.teacher().style

    def teacher(self) -> LocalAnswers | ChatAnswers:
        self._made = self._made or self._make()
        return self._made

    def _make(self) -> LocalAnswers | ChatAnswers:
        wanted, suite = self._wanted, self._suite
        tokens = wanted.max_new_tokens or suite.max_new_tokens
        if wanted.base_url:
            chat = ChatConfig(model=wanted.model, base_url=wanted.base_url, deadline_seconds=_DEADLINE_SECONDS)
            client = self._stack.enter_context(endpoint(self._run, Recipe(run=str(self._run.path), chat=chat)))
            return ChatAnswers(client, temperature=wanted.temperature, max_new_tokens=tokens, seed=wanted.seed)
        return LocalAnswers(
            model_folder(wanted.model),
            style=None if wanted.style == "auto" else cast(Style, wanted.style),
            stops=suite.stops,
            answer_stops=suite.answer_stops,
            temperature=wanted.temperature,
            max_new_tokens=tokens,
            seed=wanted.seed,
        )


def _nobody() -> Teacher:
    raise AssertionError("every sample was handed in")


def _how_asked(wanted: Wanted, suite: Suite, style: Style) -> dict[str, Any]:
    """Everything that decides an answer."""
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


def _as_handed_in(wanted: Wanted, suite: Suite) -> dict[str, Any]:
    """The same keys for ready-made samples, of which nothing is known but the file."""
    return {
        **_benchmark_of(suite),
        "model": wanted.model or Path(wanted.answers).name,
        "weights": "",
        "base_url": "",
        "answers": hashlib.sha256(Path(wanted.answers).read_bytes()).hexdigest(),
        "style": "complete",
        "prefill": "",
        "stops": [],
        "temperature": wanted.temperature,
        "max_new_tokens": 0,
        "seed": wanted.seed,
    }


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


def _same_settings(run: Run, evaluation: str, about: Mapping[str, Any], round: int) -> None:
    stored: dict[str, Any] | None = run.get("evaluation", evaluation, dict, round)
    for key, now in about.items() if stored else ():
        if stored is not None and stored[key] != now:
            raise InputError(
                f"{run.path}: {evaluation} was evaluated with {key}={stored[key]!r}, now {now!r}; set it back, or name "
                "another run folder (--run)."
            )


def write_result(run: Run, evaluation: str, result: Mapping[str, Any], round: int = 1) -> list[Path]:
    """The result and what other tools read. Files of a later round than the first stand in a folder of their own."""
    stem = f"eval/{evaluation}" if round == 1 else f"eval/round-{round}/{evaluation}"
    written = [run.write_text(f"{stem}.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")]
    if result["complete"]:
        text = json.dumps(harness_json(result, time.time()), indent=2, ensure_ascii=False) + "\n"
        written.append(run.write_text(f"{stem}.lm-eval.json", text))
    return written
