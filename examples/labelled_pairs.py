"""Labelled pairs (prompt, chosen, rejected) to focal pairs, with nothing executed: from Python instead of a recipe."""

import tempfile
from pathlib import Path

from iterpref import outputs, pipeline
from iterpref.config import CollectConfig, Recipe
from iterpref.types import Pair

ROW = (
    '{"prompt": "Return the larger of a and b.",'
    ' "chosen": "def larger(a, b):\\n    return a if a > b else b\\n",'
    ' "rejected": "def larger(a, b):\\n    return a if a < b else b\\n"}\n'
)

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "pairs.jsonl"
        source.write_text(ROW)
        recipe = Recipe(run=f"{folder}/run", collect=CollectConfig(source=str(source)))
        with pipeline.open_run(recipe) as run:
            pipeline.collect_stage(run, recipe)
            pipeline.pairs_stage(run, recipe)
            for _, pair in run.items("pair", Pair):
                assert pair.rejected is not None
                for span in pair.rejected_spans:
                    print(f"penalised: {pair.rejected[span.start : span.end]!r}")
            for path in outputs.export(run):
                print(f"exported: {path.name}")
