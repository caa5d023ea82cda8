"""How much faster one step on prefix trees is than the same step elsewhere, and in how much memory.

    python benchmarks/training.py [--versions 1 2 4] [--vocabulary 32000 151936] [--repeats 3]
    python benchmarks/training.py --real --steps 8
    python benchmarks/training.py --device cuda     every shape and number of versions, on one GPU
    python benchmarks/training.py --smoke           the same in small, on a processor: does it run?

Needs this repository, installed or not, and what it imports: torch, transformers, accelerate, peft, pydantic,
rapidfuzz, rich. Where ``trl`` (with ``datasets``) is absent, its sides are left out and this is said. Nothing is
downloaded.

Sides, all on the same pairs, with the reference values given (cached):

``iterpref``  one prefix tree a trajectory.
``trl``       TRL's DPOTrainer as it is (tested with 1.16), its completion_mask zeroed outside D-.
``trl-head``  the same with its LM head on completion tokens only, as it does by itself on GPUs: the fairer peer.
``released``  the method as its authors released it, re-implemented here: both halves padded to the longest, logits at
              every position, log-softmax over the whole vocabulary. Its search for D- by encoding the text again and
              again, in every forward, is left out, which favours it.

Every measurement is a process of its own with one thread: a warm-up step, then steps (forward and backward) for at
least a second, timed as process CPU time (on CUDA: wall time, synchronised). Sides take turns; a ratio is the median
over the turns of peer / iterpref. The attention that iterpref uses is printed: with padded sequences it has no trees.
"MiB" is what the step needed on top of model and gradients, "peak" is of the process (on CUDA: of torch's memory), and
"ratio" is iterpref's MiB / the side's. The loss of every side is shown too. MFU is of an H100's 989 TFLOP/s, for what
the side computes, padding included; the products of attention scores are not counted.

Synthetic trajectories: prompts of about 350 tokens, y+ of about 200, each failing version differs from the one after it
by an edit of 1 to 6 lines (``--edits independent``: each from y+).
``--real`` reads trajectories/llm_debugging.jsonl.gz and the tokenizer qwen2 of the folder that ITERPREF_TEST_DATA
names, and takes all pairs of trajectories drawn at random. Results: benchmarks/results/training.txt.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import multiprocessing
import os
import platform
import random
import resource
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SIDES = ("iterpref", "trl", "trl-head", "released")
SHAPES: dict[str, dict[str, Any]] = {
    "small": {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 4, "num_attention_heads": 4,
              "num_key_value_heads": 2},
    "qwen2.5-coder-0.5b": {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
                           "num_attention_heads": 14, "num_key_value_heads": 2},
    "qwen2.5-coder-1.5b": {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
                           "num_attention_heads": 12, "num_key_value_heads": 2},
    "qwen2.5-coder-7b-lora": {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
                              "num_attention_heads": 28, "num_key_value_heads": 4, "tie_word_embeddings": False},
}  # fmt: skip
BETA, ALPHA = 0.1, 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--versions", type=int, nargs="+", default=[1, 2, 4], help="failing versions a trajectory")
    parser.add_argument("--edits", choices=("independent", "chained"), default="chained")
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--vocabulary", type=int, nargs="+")
    parser.add_argument("--shape", choices=SHAPES, nargs="+")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--sides", nargs="+", choices=SIDES)
    parser.add_argument("--pairs", type=int, help="pairs of a step")
    parser.add_argument("--steps", type=int, default=1, help="different steps")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.device == "cuda":
        import torch

        if not torch.cuda.is_available():
            parser.error("--device cuda: torch finds no GPU here; --smoke runs the same on a processor.")
    if options.real and "ITERPREF_TEST_DATA" not in os.environ:
        parser.error("--real: ITERPREF_TEST_DATA is not set; it names the folder of the recorded trajectories.")
    accelerated = options.device == "cuda" or options.smoke
    options.pairs = options.pairs or (8 if options.device == "cuda" else 4)
    options.repeats = 1 if options.smoke else options.repeats
    # on a GPU TRL limits the LM head by itself
    options.sides = options.sides or (["iterpref", "trl", "released"] if options.device == "cuda" else list(SIDES))
    if importlib.util.find_spec("trl") is None:
        print("trl is not installed: its sides are left out")
        options.sides = [side for side in options.sides if not side.startswith("trl")]
    shapes = options.shape or (list(SHAPES)[1:] if accelerated else ["small"])
    vocabularies = options.vocabulary or ([1000] if options.smoke else [151936] if accelerated else [32000, 151936])
    packages = [f"{name} {version(name)}" for name in ("iterpref", "torch", "transformers", "trl", "peft")]
    print(f"{machine(options.device)}, {', '.join(packages)}")
    print(f"{options.steps} step(s) of {options.pairs} pairs, {options.repeats} turns, {options.device}")
    for shape in shapes:
        for vocabulary in vocabularies:
            for versions in [0] if options.real else options.versions:
                compare(options, shape, vocabulary, versions)


def machine(device: str) -> str:
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    return f"{platform.machine()} {platform.processor() or ''} {os.cpu_count()} CPUs"


def in_a_process(cell: argparse.Namespace, side: str) -> dict[str, Any]:
    """The measurement in a process of its own.

    On a processor it is forked from one that has only imported what they all need. CUDA must not have been looked at
    before a fork, which no import promises: there the process is new.
    """
    context: Any = multiprocessing.get_context("spawn" if cell.device == "cuda" else "forkserver")
    if cell.device == "cpu":
        os.environ["OMP_NUM_THREADS"] = "1"
        context.set_forkserver_preload(
            ["transformers.models.qwen2.modeling_qwen2", "peft", "trl.trainer.dpo_trainer", "iterpref.train.trainer"]
        )
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(measure, cell, side).result()
        except RuntimeError as error:  # torch's own class for it cannot be known before torch is imported
            if "out of memory" in str(error) or "can't allocate memory" in str(error):
                raise MemoryError(side) from error
            raise


def version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def compare(options: argparse.Namespace, shape: str, vocabulary: int, versions: int) -> None:
    results: dict[str, list[dict[str, Any]]] = {side: [] for side in options.sides}
    cell = argparse.Namespace(**{**vars(options), "shape": shape, "vocabulary": vocabulary, "versions": versions})
    for turn in range(options.repeats):
        for side in list(results) if turn % 2 == 0 else list(reversed(results)):
            try:
                results[side].append(in_a_process(cell, side))
            except (MemoryError, BrokenProcessPool) as error:
                print(f"{side}: needs more memory than there is ({type(error).__name__})")
                del results[side]
    data = "real trajectories" if options.real else f"{versions} failing version(s), {options.edits} edits"
    print(f"\nshape {shape}; vocabulary {vocabulary:,}; {data}")
    print("side       seconds  speed-up  (lowest-highest)    MiB  ratio   peak  pairs/s  tokens/s    MFU       loss")
    if not results:
        return
    ours = results.get("iterpref") or next(iter(results.values()))
    attention = ", ".join(sorted({run["attention"] for run in results.get("iterpref", [])}))
    for side, found in results.items():
        ratios = [peer["seconds"] / own["seconds"] for peer, own in zip(found, ours, strict=True)]
        memory = statistics.median(run["mib"] for run in found)
        share = statistics.median(own["mib"] / peer["mib"] for peer, own in zip(found, ours, strict=True))
        first = found[0]
        seconds = statistics.median(run["seconds"] for run in found)
        mfu = f"{first['flops'] / seconds / 989e12:6.1%}" if options.device == "cuda" else "     -"
        print(
            f"{side:9} {seconds:8.2f} {statistics.median(ratios):8.2f}x  ({min(ratios):5.2f}-{max(ratios):5.2f})"
            f"   {memory:8.0f}  {share:5.2f} {first['peak']:6.0f} {first['pairs'] / seconds:8.2f} "
            f"{first['tokens'] / seconds:9.0f} {mfu} {first['loss']:10.6f}",
            flush=True,
        )
    if attention:
        print(f"attention of iterpref: {attention}", flush=True)


# -- one measurement, in a process of its own ------------------------------------------------------------------------


def measure(options: argparse.Namespace, side: str) -> dict[str, Any]:
    warnings.simplefilter("ignore")
    import torch

    torch.set_num_threads(1)
    device = torch.device(options.device)
    examples = real(options) if options.real else synthetic(options)
    model = make_model(options, device)
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight) if weight.requires_grad else None
    with tempfile.TemporaryDirectory() as folder:
        step = {"iterpref": iterpref, "trl": trl, "trl-head": trl_head, "released": released}[side]
        loss_of, collate = step(model, Path(folder), device)
        parts = [examples[begin : begin + options.pairs] for begin in range(0, len(examples), options.pairs)]
        batches = [on(collate(part), device) for part in parts]
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()  # what making the model took is none of the step's
        before = resident(device)
        for batch in batches if device.type == "cuda" else batches[:1]:  # kernels are compiled for new lengths
            run(model, loss_of, batch)
        rounds, begin = 0, clock(device)
        while rounds == 0 or clock(device) - begin < (0 if options.smoke else 1):
            losses = [run(model, loss_of, batch) for batch in batches]
            rounds += 1
        seconds = (clock(device) - begin) / rounds
    tokens = sum(len(one.prompt_ids) * 2 + len(one.chosen.ids) + len(one.rejected.ids) for one in examples)
    peak = highest(device)
    flops = sum(work(options, side, model, batch) for batch in batches)
    from iterpref.train.forward import attention_name

    return {"seconds": seconds, "mib": peak - before, "peak": peak, "loss": sum(losses) / len(losses),
            "tokens": tokens, "pairs": len(examples), "flops": flops,
            "attention": attention_name(model)}  # fmt: skip


def work(options: argparse.Namespace, side: str, model: Any, batch: Any) -> int:
    """Floating point operations of the products with weights; under LoRA most weights have no gradient."""
    body = sum(
        weight.numel()
        for name, weight in model.named_parameters()
        if not name.endswith(("head.weight", "embed_tokens.weight"))
    )
    head = options.vocabulary * model.config.hidden_size
    positions = batch["input_ids"].numel()
    scored = {"iterpref": lambda: len(batch["kept"]), "trl-head": lambda: int(batch["completion_mask"].sum())}
    limited = "trl-head" if side == "trl" and options.device == "cuda" else side
    heads = scored[limited]() if limited in scored else positions
    return (4 if options.shape.endswith("lora") else 6) * (body * positions + head * heads)


def run(model: Any, loss_of: Callable[..., Any], batch: Any) -> float:
    loss = loss_of(model, batch)
    loss.backward()
    return float(loss.detach())


def clock(device: Any) -> float:
    if device.type == "cpu":
        return time.process_time()
    import torch

    torch.cuda.synchronize()
    return time.perf_counter()


def resident(device: Any) -> float:
    """MiB in use now."""
    if device.type == "cpu":
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    import torch

    return float(torch.cuda.memory_allocated() / 2**20)


def highest(device: Any) -> float:
    if device.type == "cpu":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    import torch

    return float(torch.cuda.max_memory_allocated() / 2**20)


def make_model(options: argparse.Namespace, device: Any) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config

    torch.manual_seed(0)
    settings = {"tie_word_embeddings": True, **SHAPES[options.shape]}
    if options.smoke:
        settings |= {"num_hidden_layers": 2, "intermediate_size": 64}
    config = Qwen2Config(vocab_size=options.vocabulary, max_position_embeddings=4096, **settings)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    with device:
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    if options.shape.endswith("lora"):
        from peft import LoraConfig, get_peft_model

        model = get_peft_model(model, LoraConfig(r=16, target_modules="all-linear", task_type="CAUSAL_LM"))
    return model.train()


def synthetic(options: argparse.Namespace) -> list[Any]:
    """``--pairs`` times ``--steps`` pairs, ``--versions`` of each trajectory, of random tokens in lines of 4 to 14."""
    versions, draw = options.versions, random.Random(0)

    def line() -> list[int]:
        return [draw.randrange(10, options.vocabulary) for _ in range(draw.randint(4, 14))]

    found: list[Any] = []
    while len(found) < options.pairs * options.steps:
        prompt = [draw.randrange(10, options.vocabulary) for _ in range(draw.randint(300, 400))]
        chosen = [line() for _ in range(draw.randint(18, 26))]
        before, edited = chosen, [False] * len(chosen)
        for _ in range(versions):  # from the last failing version to the first
            lines, focus = (before, edited) if options.edits == "chained" else (chosen, [False] * len(chosen))
            count = draw.randint(1, 6)
            at = draw.randrange(len(lines) - count + 1)
            before = [*lines[:at], *(line() for _ in range(count)), *lines[at + count :]]
            edited = [*focus[:at], *[True] * count, *focus[at + count :]]
            weights = [float(flag) for flag, part in zip(edited, before, strict=True) for _ in part]
            found.append(make_example(prompt, flat(chosen), flat(before), weights))
    return found[: options.pairs * options.steps]


def flat(lines: list[list[int]]) -> list[int]:
    return [token for line in lines for token in line]


def make_example(prompt: list[int], chosen: list[int], rejected: list[int], weights: list[float]) -> Any:
    """An example whose reference values follow from the tokens, so that they are the same on every side."""
    import numpy as np

    from iterpref.train.data import Completion, Example

    def completion(ids: list[int], weights: list[float]) -> Completion:
        every = np.array([*ids, 2], np.int32)
        return Completion(every, np.array([*weights, 0 if weights is not ones else 1], np.float32), -10 - every % 7 / 7)

    ones = [1.0] * len(chosen)
    return Example(np.array(prompt, np.int32), completion(chosen, ones), completion(rejected, weights), False)


def real(options: argparse.Namespace) -> list[Any]:
    """As many pairs: trajectories drawn from the recorded ones, all pairs of each, until there are enough."""
    from transformers import AutoTokenizer

    from iterpref.config import PairsConfig
    from iterpref.pairs import build_pairs
    from iterpref.tasks.recorded import read_recorded
    from iterpref.train.data import Encoder
    from iterpref.train.losses import Objective
    from iterpref.types import Pair

    folder = Path(os.environ["ITERPREF_TEST_DATA"])
    recorded = list(read_recorded(str(folder / "trajectories" / "llm_debugging.jsonl.gz")))
    pairs = [pair for _, pair in build_pairs(recorded, PairsConfig(anchors=False)) if isinstance(pair, Pair)]
    groups: dict[Any, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair.provenance["trajectory"], []).append(pair)
    order = random.Random(0).sample(list(groups.values()), len(groups))
    chosen = [pair for group in order for pair in group][: options.pairs * options.steps]
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizers" / "qwen2")
    encoder = Encoder(tokenizer, Objective(1.0, ALPHA, BETA, mask="focus"), max_length=2048, use_anchors=False)
    examples, _ = encoder.encode(chosen)
    cut = options.vocabulary
    return [
        make_example(
            (one.prompt_ids % cut).tolist(),
            (one.chosen.ids[:-1] % cut).tolist(),
            (one.rejected.ids[:-1] % cut).tolist(),
            one.rejected.weights[:-1].tolist(),
        )
        for one in examples
    ]


# -- the sides: each returns a function of (model, batch) that gives the loss, and its collator -----------------------


def iterpref(model: Any, folder: Path, device: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    from transformers import TrainingArguments

    from iterpref.train.losses import Objective
    from iterpref.train.trainer import FocalTrainer

    arguments = TrainingArguments(
        output_dir=str(folder), remove_unused_columns=False, report_to="none", use_cpu=device.type == "cpu"
    )
    from iterpref.train.data import Collator

    objective = Objective(1.0, ALPHA, BETA, mask="focus")
    trainer = FocalTrainer(model=model, args=arguments, objective=objective, data_collator=Collator(0))
    trainer.use_trees()
    return trainer.compute_loss, trainer.data_collator


def trl(model: Any, folder: Path, device: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    import numpy as np
    import torch
    from datasets import Dataset, disable_progress_bars
    from tokenizers import Tokenizer, models
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen2Config
    from trl import DPOConfig, DPOTrainer
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    disable_progress_bars()
    words = {word: number for number, word in enumerate(["<pad>", "<s>", "</s>", "a"])}
    core = Tokenizer(models.WordLevel(words, unk_token="a"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="</s>", pad_token="<pad>")
    arguments = DPOConfig(
        output_dir=str(folder), beta=BETA, loss_type=["sigmoid", "sft"], loss_weights=[1.0, ALPHA], max_length=None,
        bf16=device.type == "cuda", gradient_checkpointing=False, report_to="none", use_cpu=device.type == "cpu",
    )  # fmt: skip
    stand_in = AutoModelForCausalLM.from_config(
        Qwen2Config(vocab_size=4, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    )
    unused = Dataset.from_dict({"prompt": ["a"], "chosen": ["a"], "rejected": ["a"]})
    trainer = DPOTrainer(
        model=model, ref_model=stand_in, args=arguments, train_dataset=unused, processing_class=tokenizer
    )
    trainer.ref_model, trainer.precompute_ref_logps = None, True

    def collate(examples: list[Any]) -> Any:
        rows = [
            {"prompt_ids": one.prompt_ids.tolist(), "chosen_ids": one.chosen.ids.tolist(),
             "rejected_ids": one.rejected.ids.tolist(), "ref_chosen_logps": float(one.chosen.reference.sum()),
             "ref_rejected_logps": float((one.rejected.reference * one.rejected.weights).sum())}
            for one in examples
        ]  # fmt: skip
        batch = DataCollatorForPreference(pad_token_id=0)(rows)
        for mask, one in zip(batch["completion_mask"][len(rows) :], examples, strict=True):
            begin = len(one.prompt_ids)
            mask[begin : begin + len(one.rejected.ids)] = torch.from_numpy((one.rejected.weights > 0).astype(np.int64))
        return batch

    return trainer.compute_loss, collate


def trl_head(model: Any, folder: Path, device: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    import trl.trainer.utils as utils

    utils._use_triton = lambda device: True  # in this module it only decides whether the other positions are left out
    return trl(model, folder, device)


def released(model: Any, folder: Path, device: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    from torch.nn.functional import logsigmoid

    from iterpref.train.data import Collator

    def loss_of(model: Any, batch: Any) -> Any:
        ids, rows = batch["input_ids"], len(batch["contrasted"])
        logits = model(input_ids=ids, attention_mask=batch["attention_mask"]).logits
        every = logits[:, :-1].log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
        logps = every[:, -batch["weights"].shape[1] :]
        k = ((logps - batch["reference"]) * batch["weights"]).sum(-1)
        scored = batch["completion_mask"][:rows]
        nll = -(logps[:rows] * scored).sum() / scored.sum()
        return -logsigmoid(BETA * (k[:rows] - k[rows:])).mean() + ALPHA * nll

    return loss_of, Collator(0)


def on(batch: dict[str, Any], device: Any) -> dict[str, Any]:
    return {name: tensor.to(device) for name, tensor in batch.items()}


if __name__ == "__main__":
    main()
