"""The feature tree that tasks are made from, after EpiCoder (arXiv 2501.04694): what programs are about, and how often.

The first level are categories (workflow, data processing, algorithm, ...). Two forms of JSON are read: nested objects
with counts at the leaves (as extracted from seed programs), and a flat object of paths joined by ``---`` with a
``frequency`` each (as evolved). Sampling goes down the tree, with probability proportional to frequency ** (1 / T).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from statistics import fmean
from typing import Any

from iterpref.errors import InputError

__all__ = ["Feature", "categories", "grow", "load_tree", "merge", "nested", "sample"]

_JOINT = "---"
_DEEPEST = 100
_MOST = 1e15  # of a count: sums of such stay exact
# Categories of extracted trees: every task here is one for Python and its standard library.
_LEFT_OUT = ("programming language", "dependency relations")


@dataclass
class Feature:
    """A node: how often it was seen, and what it is divided into."""

    frequency: float = 0.0
    children: dict[str, Feature] = field(default_factory=dict)

    def paths(self, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        """Paths to the leaves below this node."""
        for name, child in self.children.items():
            if child.children:
                yield from child.paths((*above, name))
            else:
                yield (*above, name)


def load_tree(path: str) -> Feature:
    """Read a tree; its root has no name. All ``*.json`` of a folder are merged: extraction leaves one a batch.

    Raises:
        InputError: no such file, not JSON, nested too deeply, or an entry that is neither a count nor an object; the
            sentence names it.
    """
    if not Path(path).is_dir():
        return _load(path)
    files = sorted(Path(path).glob("*.json"))
    if not files:
        raise InputError(f"{path}: there is no feature tree (*.json) in that folder; correct the path.")
    return reduce(merge, (_load(str(file)) for file in files))


def _load(path: str) -> Feature:
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: the feature tree cannot be read ({error.strerror}); correct the path.") from None
    except ValueError as error:
        raise InputError(f"{path}: the feature tree is not JSON ({error}); mend the file.") from None
    except RecursionError:
        raise InputError(f"{path}: the feature tree is nested too deeply; {_DEEPEST} levels are read.") from None
    if not isinstance(data, dict) or not data:
        raise InputError(f"{path}: a feature tree is a JSON object of categories; this one is empty or something else.")
    flat = any(_JOINT in name for name in data) or all(
        isinstance(value, dict) and "frequency" in value for value in data.values()
    )
    root = _flat(data, path) if flat else _nested(data, path, ())
    if not categories(root):
        raise InputError(f"{path}: no category of the feature tree has a feature in it; add some.")
    return root


def _nested(data: Mapping[str, Any], path: str, above: tuple[str, ...]) -> Feature:
    node = Feature()
    _check_depth(above, path)
    for name, value in data.items():
        if isinstance(value, dict):
            child = _nested(value, path, (*above, name))
        elif _is_count(value):
            child = Feature(float(value))
        else:
            where = " > ".join((*above, name))
            raise InputError(f"{path}: {where!r} is {json.dumps(value)[:40]}; it must be a count or an object.")
        node.children[name] = child
    node.frequency = sum(child.frequency for child in node.children.values())
    return node


def _flat(data: Mapping[str, Any], path: str) -> Feature:
    root = Feature()
    for joined, value in data.items():
        if not isinstance(value, dict) or "frequency" not in value:
            raise InputError(f'{path}: {joined!r} has no frequency; write it as {{"frequency": 3}}.')
        if not _is_count(value["frequency"]):
            raise InputError(f"{path}: the frequency of {joined!r} is {value['frequency']!r}; it must be a count.")
        node, names = root, joined.split(_JOINT)
        _check_depth(names, path)
        for name in names:
            node = node.children.setdefault(name, Feature())
        node.frequency = float(value["frequency"])
    root.frequency = sum(child.frequency for child in root.children.values())
    return root


def _is_count(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST


def _check_depth(names: Sequence[str], path: str) -> None:
    if len(names) > _DEEPEST:
        where = " > ".join(names)[:80]
        raise InputError(f"{path}: what is below {where!r} is nested too deeply; {_DEEPEST} levels are read.")


def merge(tree: Feature, other: Feature) -> Feature:
    """Both trees in one; what stands in both is counted in both."""
    names = dict.fromkeys([*tree.children, *other.children])
    children = {name: merge(tree.children.get(name, Feature()), other.children.get(name, Feature())) for name in names}
    return Feature(tree.frequency + other.frequency, children)


def categories(tree: Feature) -> list[str]:
    """The first level, as far as tasks are made of it."""
    return [name for name, child in tree.children.items() if name not in _LEFT_OUT and child.children]


def sample(tree: Feature, rng: random.Random, widths: Sequence[int], temperature: float, first: str = "") -> Feature:
    """A part of the tree: ``widths[d]`` children of each node at depth d, drawn without replacement.

    A high temperature draws rare features nearly as often as common ones. ``first`` is a category that is in it.
    """

    def draw(node: Feature, names: list[str], count: int, taken: list[str]) -> list[str]:
        while names and len(taken) < count:
            weights = [max(node.children[name].frequency, 1e-9) ** (1 / temperature) for name in names]
            taken.append(names.pop(rng.choices(range(len(names)), weights)[0]))
        return taken

    def below(node: Feature, depth: int) -> Feature:
        if depth == len(widths):
            return Feature(node.frequency)
        names = categories(node) if depth == 0 else list(node.children)
        taken = [first] if depth == 0 and first else []
        names = [name for name in names if name not in taken]
        chosen = draw(node, names, widths[depth], taken)
        return Feature(node.frequency, {name: below(node.children[name], depth + 1) for name in chosen})

    return below(tree, 0)


def nested(tree: Feature) -> dict[str, Any]:
    """Names alone, as nested JSON: an object for what is divided further, an empty one for a leaf."""
    return {name: nested(child) for name, child in tree.children.items()}


def grow(tree: Feature, names: Any) -> int:
    """Add the names of a nested object or list that the tree lacks. Returns how many were added.

    A new feature's frequency is the mean of its siblings' (1 where it has none). New categories are not taken.
    """
    return sum(_grow(tree.children[name], below) for name, below in _pairs(names) if name in tree.children)


def _grow(node: Feature, names: Any) -> int:
    added = 0
    siblings = [child.frequency for child in node.children.values()]
    for name, below in _pairs(names):
        if name not in node.children:
            node.children[name] = Feature(fmean(siblings) if siblings else 1.0)
            added += 1
        added += _grow(node.children[name], below)
    return added


def _pairs(names: Any) -> list[tuple[str, Any]]:
    if isinstance(names, dict):
        return [(" ".join(str(name).split()), below) for name, below in names.items()]
    if isinstance(names, list):
        return [pair for name in names for pair in (_pairs(name) if isinstance(name, dict) else [(str(name), {})])]
    return [(names, {})] if isinstance(names, str) and names else []
