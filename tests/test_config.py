"""A recipe that is wrong is answered with one sentence; one that is right is resolved."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from iterpref.config import PairsConfig, Recipe, load_recipe, recipe_names, variants
from iterpref.errors import InputError

GOOD = """\
run: runs/x
seed: 3
collect:
  source: a.jsonl
train:
  beta: 0.2
  learning_rate: 1e-4
"""


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    return str(path)


def test_values_defaults_and_overrides(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, GOOD), ["train.beta=0.5", "pairs.negatives=random", "collect.limit=4"])
    assert (recipe.seed, recipe.train.beta, recipe.pairs.negatives, recipe.collect.limit) == (3, 0.5, "random", 4)
    assert recipe.train.learning_rate == 1e-4  # YAML 1.1 reads 1e-4 as text
    assert recipe.pairs.max_lines == 20


def test_every_shipped_recipe_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ITERPREF_TEST_DATA", "/data")
    for name in recipe_names():
        assert isinstance(load_recipe(name), Recipe)


def test_every_key_of_pairs_is_documented_and_commented() -> None:
    root = Path(__file__).parent.parent
    table = (root / "docs" / "recipes.md").read_text()
    source = (root / "iterpref" / "config.py").read_text().partition("class PairsConfig")[2].partition("class ")[0]
    for item in fields(PairsConfig):
        assert f"`{item.name}`" in table
        assert re.search(rf"^    {item.name}: .*# ", source, re.MULTILINE), item.name


def test_variants_change_the_training_section(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, GOOD + "variants:\n  plain: {loss_type: dpo, learning_rate: 1e-6}\n"))
    made = variants(recipe)
    assert made["plain"].loss_type == "dpo"
    assert made["plain"].beta == 0.2


@pytest.mark.parametrize(
    ("text", "overrides", "sentence"),
    [
        (GOOD + "pears: {}\n", [], r"r\.yaml, line 8: unknown key `pears`; did you mean `pairs`\?"),
        (GOOD.replace("beta", "beat"), [], r"line 6: unknown key `train\.beat`; did you mean `beta`\?"),
        (
            GOOD,
            ["train.leraning_rate=1"],
            r"override 'train\.leraning_rate=1': unknown key .*did you mean `learning_rate`",
        ),
        (GOOD.replace("0.2", "high"), [], r"line 6: `train\.beta` is 'high', but input should be a valid number"),
        (GOOD, ["pairs.negatives=some"], r"`pairs\.negatives` is 'some', but input should be 'each'"),
        (GOOD.replace("run: runs/x\n", ""), [], r"the key `run` is missing"),
        (GOOD.replace("a.jsonl", "${NOWHERE_SET}/a"), [], r"line 4: \$\{NOWHERE_SET\} is not set"),
        ("run: [", [], r"line 1 is not valid YAML"),
        ("- a\n", [], r"a recipe is a mapping"),
        (GOOD.replace("train:\n  beta: 0.2\n  learning_rate: 1e-4", "train: 5"), [], r"`train` is a section"),
        (GOOD, ["beta"], r"write it as key=value"),
        (GOOD, ["seed.x=1"], r"'seed' is a single value"),
        (GOOD + "variants:\n  a: {bta: 1}\n", [], r"line 9: unknown key `variants\.a\.bta`; did you mean `beta`"),
        (GOOD + "variants:\n  a: {beta: x}\n", [], r"line 9: `variants\.a\.beta` is 'x'"),
    ],
)
def test_one_sentence(tmp_path: Path, text: str, overrides: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as error:
        load_recipe(write(tmp_path, text), overrides)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("chat.concurrency=0", "is 0, but input should be greater than or equal to 1"),
        ("chat.deadline_seconds=0", "is 0, but input should be greater than 0"),
        ("chat.deadline_seconds=.inf", "is inf, but input should be a finite number"),
        ("chat.budget_usd=0", "is 0, but input should be greater than 0"),
        ("collect.limit=0", "is 0, but input should be greater than or equal to 1"),
        ("collect.iterations=-1", "is -1, but input should be greater than or equal to 0"),
        ("collect.samples=0", "is 0, but input should be greater than or equal to 1"),
        ("collect.temperature=-0.1", "is -0.1, but input should be greater than or equal to 0"),
        ("collect.max_new_tokens=0", "is 0, but input should be greater than or equal to 1"),
        ("tasks.temperature=0", "is 0, but input should be greater than 0"),
        ("tasks.forms=[]", "is [], but tuple should have at least 1 item after validation, not 0"),
        ("tasks.widths=[]", "is [], but tuple should have at least 1 item after validation, not 0"),
        ("tasks.widths=[5, 0]", "is 0, but input should be greater than or equal to 1"),
        ("tasks.evolve=-1", "is -1, but input should be greater than or equal to 0"),
        ("train.beta=0", "is 0, but input should be greater than 0"),
        ("train.rpo_alpha=-1", "is -1, but input should be greater than or equal to 0"),
        ("train.learning_rate=.nan", "is nan, but input should be a finite number"),
        ("train.per_device_train_batch_size=0", "is 0, but input should be greater than or equal to 1"),
        ("train.max_steps=-2", "is -2, but input should be greater than or equal to -1"),
        ("train.max_length=0", "is 0, but input should be greater than or equal to 1"),
        ("train.tokens_per_row=0", "is 0, but input should be greater than or equal to 1"),
        ("train.lora_r=0", "is 0, but input should be greater than or equal to 1"),
    ],
)
def test_a_number_out_of_bounds_is_one_sentence(tmp_path: Path, override: str, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        load_recipe(write(tmp_path, GOOD), [override])
    assert str(error.value) == f"override {override!r}: `{override.partition('=')[0]}` {sentence}."


@pytest.mark.parametrize("key", ["api_key", "extra_headers", "messages", "model", "n", "stream"])
def test_a_request_may_not_hold_what_is_set_elsewhere(tmp_path: Path, key: str) -> None:
    text = f"run: x\nchat:\n  request:\n    top_k: 5\n    {key}: 1\n"
    with pytest.raises(InputError, match=rf"r\.yaml, line 5: `chat\.request\.{key}` cannot be set; .*\.$"):
        load_recipe(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("run: x\nchat:\n  system: key ${OPENAI_API_KEY}\n", "line 3: `chat.system` holds"),
        ("run: x\nchat:\n  request:\n    user: [sk-very-secret]\n", "line 4: `chat.request.user` holds"),
    ],
)
def test_the_key_of_the_endpoint_may_not_stand_in_a_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, where: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    with pytest.raises(InputError) as error:
        load_recipe(write(tmp_path, text))
    assert where in str(error.value)
    assert "sk-very-secret" not in str(error.value)
    with pytest.raises(InputError) as error:
        load_recipe(write(tmp_path, GOOD), ["chat.system=sk-very-secret"])
    assert "override 'chat.system=***'" in str(error.value)


@pytest.mark.parametrize("place", ["geheim", "say geheim, please", "(geheim)"])
def test_a_short_key_may_not_stand_in_a_recipe_as_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "geheim")
    with pytest.raises(InputError, match=r"`chat\.system` holds the content of OPENAI_API_KEY") as told:
        load_recipe(write(tmp_path, GOOD), [f"chat.system={place}"])
    assert "geheim" not in str(told.value)
    assert load_recipe(write(tmp_path, GOOD), ["chat.system=geheimnis"]).chat.system == "geheimnis"


@pytest.mark.parametrize("word", ["a", "EMPTY", "ollama", "none"])
def test_a_word_in_place_of_a_key_may_stand_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", word)
    assert load_recipe(write(tmp_path, GOOD), [f"chat.system={word} x"]).chat.system == f"{word} x"


@pytest.mark.parametrize("limit", ["lots", "0", "true", "1.5"])
def test_a_limit_of_a_request_is_a_number_of_tokens(tmp_path: Path, limit: str) -> None:
    with pytest.raises(InputError, match=r"`chat\.request\.max_tokens` is .*; a limit is a whole number from 1 on"):
        load_recipe(write(tmp_path, GOOD), [f"chat.request={{max_tokens: {limit}}}"])


def test_no_limit_and_no_budget_are_null(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, GOOD), ["collect.limit=null", "chat.budget_usd=null", "collect.iterations=0"])
    assert (recipe.collect.limit, recipe.chat.budget_usd, recipe.collect.iterations) == (None, None, 0)


def test_a_missing_file_names_the_shipped_recipes() -> None:
    with pytest.raises(InputError, match="no such recipe file"):
        load_recipe("nowhere.yaml")


@pytest.mark.parametrize("change", ["max_share=0", "max_share=2", "runs=0", "reruns=-1", "max_lines=0", "max_tokens=0"])
def test_a_number_out_of_its_range_is_refused(change: str) -> None:
    with pytest.raises(InputError, match=f"`pairs.{change.partition('=')[0]}` is .*, but input should be"):
        load_recipe("agent-logs", [f"pairs.{change}"])
