"""Agent logs to a trained model: recorded sessions, run again, paired, and a few steps of Target-RPO on a laptop."""

import json
import tempfile
from pathlib import Path

from iterpref import outputs, pipeline
from iterpref.config import CollectConfig, Recipe, TrainConfig

SESSIONS = [
    {
        "task_id": "increment",
        "prompt": "# f(x): x plus one",
        "tests": ["assert f(1) == 2", "assert f(-1) == 0"],
        "attempts": ["def f(x):\n    return x\n", "def f(x):\n    return x + 2\n", "def f(x):\n    return x + 1\n"],
    },
    {
        "task_id": "last",
        "prompt": "# last(xs): the last item, None if there is none",
        "tests": ["assert last([1, 2]) == 2", "assert last([]) is None"],
        "attempts": [
            "def last(xs):\n    return xs[-1]\n",
            "def last(xs):\n    if not xs:\n        return None\n    return xs[-1]\n",
        ],
    },
]

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder) / "logs.jsonl"
        logs.write_text("".join(json.dumps(row) + "\n" for row in SESSIONS))
        recipe = Recipe(
            run=f"{folder}/run",
            collect=CollectConfig(source=str(logs)),
            train=TrainConfig(model_name_or_path="micro:base", learning_rate=1e-4, max_steps=5, max_length=256),
        )
        with pipeline.open_run(recipe) as run:
            pipeline.run_recipe(run, recipe)
            print(outputs.summarise(run, recipe))
