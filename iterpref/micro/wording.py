"""From a spec to the English instruction: a few comment lines that start with the function's signature."""

from __future__ import annotations

import random

from iterpref.micro.features import DEFAULTS
from iterpref.micro.programs import constants_of
from iterpref.micro.spec import SKIP, Spec

__all__ = ["instruction"]

_DIRECT = ("return {result}.", "compute {result}.", "give back {result}.")
_STEPWISE = (
    "keep {items}. Take {values}. Return {result}.",
    "select {items}. From these, form {values}. Return {result}.",
)
_STEPWISE_SHORT = ("keep {items}. Return {result}.", "select {items}. Return {result}.")
_NONE = ("If {param} is None, return {d}.", "Return {d} if {param} is None.", "For None, return {d}.")
_SKIP = ("Ignore items that are None.", "Items may be None: leave them out.")
_EMPTY = (
    "If there are no such items, return {d}.",
    "Return {d} if nothing is selected.",
    "With nothing to use, return {d}.",
)


def instruction(spec: Spec) -> str:
    """The prompt of a task: ``# name(params): ...``, one sentence a line at most. It ends without a newline.

    A program follows after one newline.
    """
    rng = random.Random(f"wording {spec.id}")
    items = rng.choice(spec.source_feature.said)
    condition = rng.choice(spec.filter_feature.said).format(**constants_of(spec.filter_constants))
    kept = f"{items} {condition}".rstrip()
    map_said = rng.choice(spec.map_feature.said)
    reduce_said = rng.choice(spec.reduce_feature.said)
    map_fields, reduce_fields = constants_of(spec.map_constants), constants_of(spec.reduce_constants)
    if rng.random() < 0.5:
        values = map_said.format(items=kept, **map_fields)
        sentence = rng.choice(_DIRECT).format(result=reduce_said.format(them=values, **reduce_fields))
    elif spec.map == "same":
        result = reduce_said.format(them="these", **reduce_fields)
        sentence = rng.choice(_STEPWISE_SHORT).format(items=kept, result=result)
    else:
        sentence = rng.choice(_STEPWISE).format(
            items=kept,
            values=map_said.format(items="these", **map_fields),
            result=reduce_said.format(them="the results", **reduce_fields),
        )
    lines = [f"{spec.entry_point}({spec.source_feature.params}): {sentence}"]
    if spec.none_rule == SKIP:
        lines.append(rng.choice(_SKIP))
    elif spec.none_rule:
        lines.append(rng.choice(_NONE).format(param=spec.source_feature.params, d=DEFAULTS[spec.none_rule]))
    if spec.empty_rule:
        lines.append(rng.choice(_EMPTY).format(d=DEFAULTS[spec.empty_rule]))
    return "\n".join(f"# {line}" for line in lines)
