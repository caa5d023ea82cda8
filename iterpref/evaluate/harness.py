"""A result in the form that EleutherAI's lm-evaluation-harness writes, for tools that read its results JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iterpref import __version__

__all__ = ["harness_json"]

_Z95 = 1.959964


def harness_json(result: Mapping[str, Any], date: float) -> dict[str, Any]:
    """``results``, ``versions``, ``configs``, ``n-shot``, ``n-samples``, ``higher_is_better`` and ``config`` as there.

    A metric is named ``pass@1,none`` (no filter pipeline of theirs was used), its error ``pass@1_stderr,none``: half
    the 95 % interval over 1.96. ``date`` is in seconds since 1970.
    """
    benchmark = result["benchmark"]
    names = list(result["scores"])
    return {
        "results": {name: _metrics(name, found) for name, found in result["scores"].items()},
        "group_subtasks": {name: [] for name in names},
        "configs": {name: _config(name, result) for name in names},
        "versions": dict.fromkeys(names, benchmark["version"] or benchmark["sha256"][:12]),
        "n-shot": dict.fromkeys(names, 0),
        "higher_is_better": {name: dict.fromkeys(_passes(found), True) for name, found in result["scores"].items()},
        "n-samples": {
            name: {"original": benchmark["tasks_in_file"], "effective": benchmark["tasks"]} for name in names
        },
        "config": {
            "model": _asked(result),
            "model_args": f"pretrained={result['model']}",
            "limit": benchmark["tasks"] if benchmark["tasks"] < benchmark["tasks_in_file"] else None,
            "gen_kwargs": _generation(result),
            "random_seed": result["seed"],
            "iterpref_version": __version__,
        },
        "date": date,
        "model_name": result["model"],
        "model_name_sanitized": str(result["model"]).replace("/", "__"),
        "chat_template": None,
    }


def _metrics(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    metrics: dict[str, Any] = {"alias": name}
    for key, value in _passes(found).items():
        metrics[f"{key},none"] = value["value"]
        metrics[f"{key}_stderr,none"] = (value["high"] - value["low"]) / (2 * _Z95)
    return metrics


def _passes(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key.startswith("pass@")}


def _config(name: str, result: Mapping[str, Any]) -> dict[str, Any]:
    benchmark = result["benchmark"]
    return {
        "task": name,
        "dataset_path": benchmark["path"],
        "output_type": "generate_until",
        "repeats": result["samples"],
        "num_fewshot": 0,
        "generation_kwargs": {"until": list(result["stops"]), **_generation(result)},
        "metadata": {"version": benchmark["version"], "sha256": benchmark["sha256"], **benchmark["options"]},
    }


def _asked(result: Mapping[str, Any]) -> str:
    """Their name for how a model is asked, and a name of ours where none was."""
    if result["answers"]:
        return "ready-made"
    return "local-chat-completions" if result["base_url"] else "hf"


def _generation(result: Mapping[str, Any]) -> dict[str, Any]:
    if result["answers"]:
        return {}  # nobody says how they came about
    return {
        "do_sample": result["temperature"] > 0,
        "temperature": result["temperature"],
        "max_gen_toks": result["max_new_tokens"],
    }
