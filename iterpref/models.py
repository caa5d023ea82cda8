"""Names of models and tokenizers, before anything heavy is loaded."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from iterpref.errors import InputError

__all__ = ["load_tokenizer", "model_folder"]


def model_folder(name: str) -> str:
    """The small model that ships with the package goes by the name ``micro:base``."""
    return str(resources.files("iterpref.micro") / "base") if name == "micro:base" else name


def load_tokenizer(name: str) -> Any:
    """A ``tokenizers.Tokenizer`` by folder, file or hub name; needs neither torch nor transformers."""
    from tokenizers import Tokenizer

    path = Path(model_folder(name))
    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        return Tokenizer.from_file(str(file)) if file.is_file() else Tokenizer.from_pretrained(name)
    except Exception as error:
        first = str(error).split("\n")[0][:160]
        raise InputError(
            f"{name}: no tokenizer.json can be loaded from it ({first}); give a folder that has one."
        ) from None
