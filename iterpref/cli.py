"""The command line: read a recipe, call one stage. ``iterpref --help`` is the place to start."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from iterpref import __version__, evaluating, outputs, pipeline
from iterpref.config import Recipe, SandboxConfig, load_recipe
from iterpref.doctor import EXTRAS
from iterpref.errors import InputError
from iterpref.evaluate.wanted import Wanted, read_options
from iterpref.models import load_tokenizer
from iterpref.progress import console, progress_bar
from iterpref.report.results import result_view
from iterpref.store import Run

__all__ = ["app", "main"]

app = typer.Typer(
    name="iterpref",
    help="Preference learning for code models that learns from debugging (IterPref / Target-DPO).\n\n"
    "Failing programs become passing ones, step by step; the passing version is preferred, and only the tokens that "
    "were wrong are penalised. Every verb reads a recipe (YAML) and can be stopped and run again: nothing is redone.",
    epilog="Try: iterpref doctor; iterpref run RECIPE; iterpref show RUN. Recipes are documented in docs/recipes.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
micro_app = typer.Typer(no_args_is_help=True, help="The micro-world: tasks, corpus and small model, made here.")
app.add_typer(micro_app, name="micro")
out = Console(highlight=False)

# Some versions of typer carry their own copy of click; its public class leads to the right one in both.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]

RecipeArgument = Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a shipped recipe.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to the recipe, such as train.beta=0.2.")
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")]
Round = Annotated[int, typer.Option(help="Which round of the run.")]
Unsafe = Annotated[
    bool, typer.Option("--allow-unsafe-exec", help="Run programs without isolation where this machine offers none.")
]


def main() -> None:
    """Entry point: one sentence and exit code 2 for bad input, 130 for Ctrl-C, a traceback for our own faults."""
    try:
        code = app(standalone_mode=False)
    except InputError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"iterpref: {error}", markup=False)
        code = 2
    except ModuleNotFoundError as error:
        extra = next((name for name, packages in EXTRAS.items() if error.name in packages), "")
        if not extra:
            raise
        sentence = f"iterpref: this needs the package {error.name}; pip install 'iterpref[{extra}]'"
        Console(stderr=True, highlight=False, soft_wrap=True).print(sentence, markup=False)
        code = 2
    except _UsageError as error:
        usage: Any = error
        usage.show()
        code = usage.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    if code == 130:  # some versions of typer make an exit code of Ctrl-C
        print("\nstopped; run the same command again to go on where it was", file=sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        out.print(__version__)
        raise typer.Exit


@app.command()
def collect(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    allow_unsafe_exec: Unsafe = False,
    estimate: Annotated[
        bool,
        typer.Option("--estimate", help="Say what the endpoint would be asked, and what that costs; send nothing."),
    ] = False,
) -> None:
    """Get trajectories: run recorded attempts again, or write tasks, draft and debug new programs."""
    read = _read(recipe, overrides, allow_unsafe_exec)
    if estimate:
        out.print(pipeline.estimate_stage(read), markup=False, soft_wrap=True)
        return
    with pipeline.open_run(read) as run:
        pipeline.collect_stage(run, read)
        _finish(run, read)


@app.command()
def pairs(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    export: Annotated[
        Literal["trl"] | None, typer.Option(help="Also write RUN/export/trl.jsonl and .parquet, for other trainers.")
    ] = None,
    allow_unsafe_exec: Unsafe = False,
) -> None:
    """Pair the final version with earlier failing ones, find the focus, filter; export to RUN/export."""
    read = _read(recipe, overrides, allow_unsafe_exec)
    with pipeline.open_run(read) as run:
        pipeline.pairs_stage(run, read)
        for path in outputs.export_trl(run) if export else ():
            out.print(f"wrote {path}", markup=False, soft_wrap=True)
        _finish(run, read)


@app.command()
def train(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    only: Annotated[list[str] | None, typer.Option(help="Train only this variant (may be given again).")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be trained: tokens, steps, memory, what is left out.")
    ] = False,
) -> None:
    """Train on the pairs of a run: every variant of the recipe, or those named. In several processes by torchrun."""
    read = _read(recipe, overrides)
    first = pipeline.is_first_process()
    console.quiet = not first
    with pipeline.open_run(read, together=True) as run:
        pipeline.train_stage(run, read, only=only or (), dry_run=dry_run)
        if first and not dry_run:
            _finish(run, read)


@app.command()
def run(recipe: RecipeArgument, overrides: Overrides = None, allow_unsafe_exec: Unsafe = False) -> None:
    """All of it: collect, pairs, train and, where the recipe says so, evaluate, for every round."""
    read = _read(recipe, overrides, allow_unsafe_exec)
    with pipeline.open_run(read) as opened:
        pipeline.run_recipe(opened, read)
        _finish(opened, read)


@app.command()
def show(
    run: RunArgument,
    pair: Annotated[str, typer.Argument(help="A pair's number, from 1, or its id.")] = "1",
    tokenizer: Annotated[str, typer.Option(help="Colour whole tokens of this tokenizer (name or folder).")] = "",
    round: Round = 1,
) -> None:
    """Print one pair in colour: penalised, unchanged, missing."""
    from iterpref.focus import token_weights
    from iterpref.report.terminal import render_pair

    with Run(run, read_only=True) as opened:
        found = outputs.find_pair(opened, pair, round)
    if tokenizer and found.rejected is not None:
        offsets = load_tokenizer(tokenizer).encode(found.rejected, add_special_tokens=False).offsets
        out.print(render_pair(found, offsets, token_weights(found.rejected, offsets, found.rejected_spans)))
    else:
        out.print(render_pair(found))


@app.command()
def quickstart(
    run: Annotated[str, typer.Option(help="The run folder (default: runs/quickstart).")] = "",
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove the run folder and start over.")] = False,
    all_methods: Annotated[
        bool, typer.Option("--all-methods", help="Every method at several learning rates, one round.")
    ] = False,
) -> None:
    """The whole idea on a laptop, in minutes: no key, no GPU, no download of weights."""
    from iterpref.quickstart import quickstart as whole_idea

    whole_idea(run, fresh=fresh, all_methods=all_methods)


@app.command()
def eval(
    benchmark: Annotated[
        str,
        typer.Option(
            help="humaneval[+], mbpp[+], bigcodebench, livecodebench, micro, jsonl, or your own: my.module:load"
        ),
    ],
    model: Annotated[
        str,
        typer.Option(help="A folder or name for transformers; what a server calls it; micro:base, the shipped one."),
    ] = "",
    path: Annotated[str, typer.Option(help="The benchmark's file, where it is not where its own harness looks.")] = "",
    option: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE of the benchmark, such as release=release_v5; repeatable.")
    ] = None,
    answers: Annotated[
        str, typer.Option(help="Judge these samples (samples.jsonl, *_eval_results.json, ...); no model is asked.")
    ] = "",
    samples: Annotated[int, typer.Option(help="Answers to each task; more of them later go on.")] = 1,
    temperature: Annotated[float, typer.Option(help="0: greedy.")] = 0.0,
    style: Annotated[
        str, typer.Option(help="complete (base model), instruct, or auto: by its chat template.")
    ] = "auto",
    base_url: Annotated[str, typer.Option(help="Ask an OpenAI-compatible server, such as http://host:port/v1.")] = "",
    limit: Annotated[int | None, typer.Option(help="The first N tasks only.")] = None,
    max_new_tokens: Annotated[int | None, typer.Option(help="Of an answer; otherwise the official limit.")] = None,
    seed: Annotated[int, typer.Option(help="Of sampling.")] = 0,
    run: Annotated[str, typer.Option(help="The run folder (default: runs/eval-MODEL).")] = "",
    workers: Annotated[int, typer.Option(help="Programs judged at once; 0: one a core.")] = 0,
    allow_unsafe_exec: Unsafe = False,
) -> None:
    """Score a model, or ready-made samples, on a benchmark; the result is RUN/eval/BENCHMARK.json."""
    wanted = Wanted(
        benchmark,
        model,
        path,
        read_options(option or ()),
        samples,
        temperature,
        style,
        base_url,
        limit,
        max_new_tokens,
        seed,
        answers,
    )
    with evaluating.told_as_options():
        prepared = evaluating.prepare(wanted)
        with Run(run or wanted.folder) as opened:
            sandbox = SandboxConfig(workers, allow_unsafe_exec)
            result, files = evaluating.evaluate_benchmark(opened, prepared, sandbox)
    out.print(result_view(result))
    for file in files:
        out.print(f"wrote {file}", markup=False, soft_wrap=True)
    if not result["complete"]:
        raise typer.Exit(1)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A result of `iterpref eval`, or a run folder with some.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The same of another model: what changes from A to B?")],
    page: Annotated[Path, typer.Option(help="Where the page is written.")] = Path("compare.html"),
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Compare two evaluations: scores, error types, tasks won and lost; as tables, and as a page with both programs."""
    from iterpref.evaluate.compare import compare as compare_evaluations
    from iterpref.report.comparison import comparison_view, write_comparison

    found = compare_evaluations(first, second)
    for each in found:
        out.print(comparison_view(each))
    write_comparison(page, found)
    out.print(f"wrote {page}", markup=False, soft_wrap=True)
    if show:
        typer.launch(page.resolve().as_uri())


@micro_app.command()
def pretrain(
    folder: Annotated[Path, typer.Argument(help="Where the model is written.")],
    seed: Annotated[int, typer.Option(help="Decides corpus and weights.")] = 0,
) -> None:
    """Train the micro-world's small model from nothing: tokenizer, corpus, weights; minutes on two cores."""
    from iterpref import micro

    with progress_bar("pretraining") as update:
        loss = micro.pretrain(folder, seed=seed, progress=lambda done, total, loss: update(done, total))
    out.print(f"wrote {folder} (loss {loss:.3f} nats a token at the end)", markup=False, soft_wrap=True)


@app.command()
def report(
    run: RunArgument,
    tokenizer: Annotated[str, typer.Option(help="Show the tokens of this tokenizer (name or folder).")] = "",
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Write RUN/report.html: one self-contained page of what happened."""
    with Run(run, read_only=True) as opened:
        path = outputs.write_report(opened, tokenizer)
    out.print(f"wrote {path}", markup=False, soft_wrap=True)
    if show:
        typer.launch(path.resolve().as_uri())


@app.command()
def doctor() -> None:
    """Say what this machine can isolate, which extras are installed, and what it would train on."""
    from iterpref.doctor import examine

    for line in examine():
        out.print(line, markup=False)


def _read(recipe: str, overrides: list[str] | None, allow_unsafe_exec: bool = False) -> Recipe:
    extra = ["sandbox.allow_unsafe_exec=true"] if allow_unsafe_exec else []
    return load_recipe(recipe, [*(overrides or ()), *extra])


def _finish(run: Run, recipe: Recipe) -> None:
    """Write what a person looks at next, and say where it is."""
    for path in outputs.write_outputs(run, recipe):
        out.print(f"wrote {path}", markup=False, soft_wrap=True)
