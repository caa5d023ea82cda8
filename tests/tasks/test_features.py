"""The feature tree: both forms are read, drawn from, merged and made richer."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from iterpref.errors import InputError
from iterpref.tasks.features import Feature, categories, grow, load_tree, merge, nested, sample

WIDTHS = (5, 2, 1, 1)


def tree(tmp_path: Path, data: object) -> Feature:
    path = tmp_path / "tree.json"
    path.write_text(json.dumps(data))
    return load_tree(str(path))


def test_counts_add_up(tmp_path: Path) -> None:
    root = tree(tmp_path, {"a": {"x": 3, "y": {"z": 2, "w": 1}}})
    assert root.frequency == 6
    assert root.children["a"].children["y"].frequency == 3
    assert list(root.paths()) == [("a", "x"), ("a", "y", "z"), ("a", "y", "w")]


def test_both_forms_say_the_same(tmp_path: Path) -> None:
    names = {"a": 3, "a---x": 2, "a---y": 1, "a---y---z": 1}
    flat = tree(tmp_path, {name: {"frequency": count, "his_frequencies": []} for name, count in names.items()})
    assert flat == tree(tmp_path, {"a": {"x": 2, "y": {"z": 1}}})


def test_the_real_trees_load(data: Path) -> None:
    extracted = load_tree(str(data / "epicoder_features/extract_0-10_frequency.json"))
    evolved = load_tree(str(data / "epicoder_features/seed42-step0-10_merged_fea_ori_fre.json"))
    assert len(extracted.children) == len(evolved.children) == 17
    assert not {"programming language", "dependency relations"} & set(categories(evolved))
    assert evolved.children["workflow"].frequency == 61
    assert evolved.children["workflow"].children["data loading"].frequency == 3
    assert len(list(evolved.paths())) > len(list(extracted.paths()))
    drawn = sample(evolved, random.Random(0), WIDTHS, 10.0, "algorithm")
    assert len(drawn.children) == 5
    assert "algorithm" in drawn.children


def test_a_draw_has_the_widths_and_nothing_twice(tmp_path: Path) -> None:
    data = {f"c{i}": {f"f{j}": {f"g{k}": 1 + k for k in range(3)} for j in range(4)} for i in range(7)}
    drawn = sample(tree(tmp_path, data), random.Random(3), WIDTHS, 10.0)
    paths = list(drawn.paths())
    assert len(drawn.children) == 5
    assert len(paths) == len(set(paths)) == 10
    assert sample(tree(tmp_path, data), random.Random(3), WIDTHS, 10.0) == drawn


def test_the_temperature_flattens(tmp_path: Path) -> None:
    """With frequencies 1 and 1024, p = f^(1/T): 1 in 1025 at T = 1, one in three at T = 10."""
    root = tree(tmp_path, {"c": {"rare": 1, "common": 1024}})
    for temperature, share in ((1.0, 1 / 1025), (10.0, 1 / 3)):
        rng = random.Random(0)
        drawn = Counter(next(sample(root, rng, (1, 1), temperature).paths())[1] for _ in range(3000))
        assert drawn["rare"] / 3000 == pytest.approx(share, abs=0.03)


def test_a_merge_counts_what_stands_in_both_twice(tmp_path: Path) -> None:
    one, two = tree(tmp_path, {"a": {"x": 2, "y": 1}}), tree(tmp_path, {"a": {"x": 3}, "b": {"z": 1}})
    both = merge(one, two)
    assert both == tree(tmp_path, {"a": {"x": 5, "y": 1}, "b": {"z": 1}})
    assert merge(two, one) == both


def test_the_trees_of_a_folder_are_merged(tmp_path: Path) -> None:
    (tmp_path / "first.json").write_text('{"a": {"x": 2, "y": 1}}')
    (tmp_path / "second.json").write_text('{"a": {"frequency": 3}, "a---x": {"frequency": 3}}')
    (tmp_path / "notes.txt").write_text("no tree")

    both = load_tree(str(tmp_path))

    assert nested(both) == {"a": {"x": {}, "y": {}}}
    assert [both.children["a"].children[name].frequency for name in ("x", "y")] == [5, 1]


def test_a_folder_without_a_tree_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no feature tree"):
        load_tree(str(tmp_path))


def test_new_features_are_as_frequent_as_their_siblings(tmp_path: Path) -> None:
    root = tree(tmp_path, {"a": {"x": 2, "y": 4}})
    added = grow(
        root, {"a": {"x": {"deep": {}}, "y": {}, " new  one ": ["below", {"aside": {}}]}, "no such category": {}}
    )
    assert added == 4
    assert root.children["a"].children["new one"].frequency == 3.0
    assert root.children["a"].children["x"].children["deep"].frequency == 1.0
    assert nested(root) == {"a": {"x": {"deep": {}}, "y": {}, "new one": {"below": {}, "aside": {}}}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not JSON"),
        ("[]", "a JSON object of categories"),
        ('{"a": 3}', "no category of the feature tree has a feature"),
        ('{"programming language": {"python": 3}}', "no category of the feature tree has a feature"),
        ('{"a": {"x": null}}', "'a > x' is null; it must be a count"),
        ('{"a": {"frequency": "3"}}', "the frequency of 'a' is '3'"),
        ('{"a": {"x": Infinity}}', "'a > x' is Infinity; it must be a count"),
        ('{"a": {"x": 1e400}}', "'a > x' is Infinity; it must be a count"),
        ('{"a": {"x": NaN}}', "'a > x' is NaN; it must be a count"),
        ('{"a---x": {"frequency": 1e400}}', "the frequency of 'a---x' is inf"),
        ('{"a---b": {"frequency": 3}, "c---d": {"frequenc": 3}}', "'c---d' has no frequency"),
        ('{"a": {"b": ' + '{"x": ' * 200 + "1" + "}" * 202, "what is below 'a > b > x > .* is nested too deeply"),
        ('{"a": ' + '{"x": ' * 3000 + "1" + "}" * 3001, "tree.json: .* nested too deeply"),
        ('{"a": ' + '{"x": ' * 300_000 + "1" + "}" * 300_001, "tree.json: .* nested too deeply"),
        ('{"a' + "---x" * 3000 + '": {"frequency": 1}}', "what is below 'a > x > x .* is nested too deeply"),
    ],
)
def test_a_malformed_tree_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "tree.json"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        load_tree(str(path))
