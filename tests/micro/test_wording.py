"""Instructions: form, and that they say everything the tests ask for."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from iterpref.micro.features import DEFAULTS
from iterpref.micro.spec import SKIP, Spec, draw
from iterpref.micro.wording import instruction


def test_an_instruction_is_comment_lines_that_start_with_the_signature() -> None:
    for spec in islice(draw("train", "0"), 300):
        first, *others = instruction(spec).split("\n")
        assert first.startswith(f"# {spec.entry_point}({spec.source_feature.params}): ")
        assert all(line.startswith("# ") for line in others)


def test_guard_rules_and_constants_are_said() -> None:
    for spec in islice(draw("train", "0"), 300):
        words = instruction(spec).replace(",", " ").replace(".", " ").split()
        rules = [DEFAULTS[rule] for rule in (spec.none_rule, spec.empty_rule) if rule not in ("", SKIP)]
        constants = [*spec.filter_constants, *spec.map_constants, *spec.reduce_constants]
        assert not [text for text in rules + constants if text not in words], instruction(spec)
        lines = instruction(spec).split("\n")
        assert (spec.none_rule == SKIP) == any(line.startswith(("# Ignore items", "# Items may")) for line in lines)


def test_one_task_has_several_wordings() -> None:
    spec = Spec("numbers", "above", "square", "sum", ("3",), none_rule="zero")
    wordings = {instruction(replace(spec, wording=wording)) for wording in range(200)}
    assert len(wordings) > 50


def test_no_template_is_left_open() -> None:
    assert not [spec.id for spec in islice(draw("train", "1"), 500) if set("{}") & set(instruction(spec))]
