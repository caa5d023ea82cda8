"""Any OpenAI-compatible server drafts, search repairs, pairs come out; run it again and nothing is asked twice.

python examples/chat_endpoint.py http://localhost:8000/v1 MODEL     (key, where one is needed: OPENAI_API_KEY)
"""

import sys

from iterpref import outputs, pipeline
from iterpref.config import ChatConfig, CollectConfig, Recipe

if __name__ == "__main__":
    base_url, model = sys.argv[1:3]
    recipe = Recipe(
        run="runs/chat-endpoint",
        collect=CollectConfig(
            source="micro:train",  # or a JSONL of tasks, a data set's name, features:TREE.json
            limit=24,
            drafter="chat",
            repairer="search",  # or "chat", as in the paper
            max_new_tokens=160,
        ),
        chat=ChatConfig(model=model, base_url=base_url, concurrency=8),
    )
    print(pipeline.estimate_stage(recipe))
    with pipeline.open_run(recipe) as run:
        pipeline.collect_stage(run, recipe)
        pipeline.pairs_stage(run, recipe)
        for path in outputs.write_outputs(run, recipe):
            print("wrote", path)
        print(outputs.summarise(run, recipe))
