"""What tokens cost: by hand, and never by guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from iterpref.errors import InputError
from iterpref.teachers.ledger import Spent
from iterpref.teachers.prices import Price, load_prices, total_cost


def spent(model: str, prompt: int, cached: int, completion: int, uncounted: int = 0) -> Spent:
    return Spent("draft", model, 1, prompt, cached, completion, uncounted, 0.0)


def test_a_cost_by_hand() -> None:
    price = Price(input=2.0, output=10.0, cached_input=1.0)
    assert price.cost(1_000_000, 500_000, 400_000) == pytest.approx(0.6 * 2 + 0.4 * 1 + 0.5 * 10)
    assert Price(input=2.0, output=10.0).cost(1000, 0, 1000) == pytest.approx(0.002)


def test_a_model_without_a_price_has_an_unknown_cost() -> None:
    prices = load_prices()
    assert total_cost([spent("gpt-4o", 1_000_000, 0, 0)], prices) == pytest.approx(2.5)
    assert total_cost([spent("gpt-4o", 1, 0, 0), spent("gpt-4o-2024-05-13", 1, 0, 0)], prices) is None


def test_an_answer_without_token_counts_has_an_unknown_cost() -> None:
    assert total_cost([spent("gpt-4o", 1, 0, 0, uncounted=1)], load_prices()) is None


def test_prices_of_ones_own_come_first(tmp_path: Path) -> None:
    own = tmp_path / "prices.yaml"
    own.write_text("gpt-4o: {input: 1, output: 2}\nmine: {input: 0, output: 0}\n")
    prices = load_prices(str(own))
    assert prices["gpt-4o"] == Price(1.0, 2.0)
    assert prices["mine"].cost(10, 10) == 0.0
    assert "gpt-4o-mini" in prices


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gpt: 3", "the price of 'gpt' must be"),
        ("gpt: {input: 1}", "the price of 'gpt' must be"),
        ("gpt: {input: -1, output: 1}", "the price of 'gpt' must be"),
        ("- gpt", "maps model names"),
        ("gpt: {", "not valid YAML"),
    ],
)
def test_a_malformed_table_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    own = tmp_path / "prices.yaml"
    own.write_text(text)
    with pytest.raises(InputError, match=sentence):
        load_prices(str(own))
