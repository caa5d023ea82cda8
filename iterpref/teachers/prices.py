"""What tokens cost, by the exact name of the model: the table beside this file, and one of the user's over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from iterpref.errors import InputError
from iterpref.teachers.ledger import Spent

__all__ = ["Price", "Prices", "check_priced", "load_prices", "total_cost"]


@dataclass(frozen=True)
class Price:
    """USD per million tokens."""

    input: float
    output: float
    cached_input: float | None = None

    def cost(self, prompt_tokens: float, completion_tokens: float, cached_tokens: float = 0) -> float:
        """USD. ``cached_tokens`` are part of ``prompt_tokens``."""
        cached = self.input if self.cached_input is None else self.cached_input
        fresh = prompt_tokens - cached_tokens
        return (fresh * self.input + cached_tokens * cached + completion_tokens * self.output) / 1e6


Prices = dict[str, Price]


def load_prices(own: str = "") -> Prices:
    """The shipped prices, and those of the file ``own`` in their place.

    Raises:
        InputError: the file cannot be read, or an entry is no price.
    """
    shipped = (resources.files("iterpref.teachers") / "prices.yaml").read_text(encoding="utf-8")
    table = _parse(shipped, "prices.yaml")
    if own:
        try:
            table.update(_parse(Path(own).read_text(encoding="utf-8"), own))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{own}: the price table cannot be read ({error}); correct chat.prices.") from None
    return table


def check_priced(model: str, prices: Mapping[str, Price]) -> None:
    """A budget can be kept only for a model whose price is known.

    Raises:
        InputError: it has none.
    """
    if model not in prices:
        raise InputError(f"chat.budget_usd needs a price for {model!r}; add it to a file named by chat.prices.")


def total_cost(spent: Iterable[Spent], prices: Prices) -> float | None:
    """USD for all of it; None where a model has no price or an answer no token counts."""
    total = 0.0
    for each in spent:
        price = prices.get(each.model)
        if price is None or each.uncounted:
            return None
        total += price.cost(each.prompt_tokens, each.completion_tokens, each.cached_tokens)
    return total


def _parse(text: str, name: str) -> Prices:
    try:
        rows: Any = yaml.safe_load(text) or {}
    except yaml.YAMLError:
        raise InputError(f"{name}: the price table is not valid YAML; check indentation and colons.") from None
    if not isinstance(rows, dict):
        raise InputError(f"{name}: a price table maps model names to `{{input: 2.5, output: 10}}`.")
    table: Prices = {}
    for model, row in rows.items():
        try:
            table[str(model)] = Price(**{key: float(value) for key, value in row.items()})
            if min(table[str(model)].input, table[str(model)].output) < 0:
                raise ValueError
        except (AttributeError, TypeError, ValueError):
            raise InputError(
                f"{name}: the price of {model!r} must be `{{input: ..., output: ...}}`, in USD per million tokens."
            ) from None
    return table
