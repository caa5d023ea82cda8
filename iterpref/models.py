"""Names of models and tokenizers, before anything heavy is loaded."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from iterpref.errors import InputError

__all__ = ["check_model", "load_tokenizer", "model_folder"]

_FILES = ("config.json", "adapter_config.json", "tokenizer.json", "tokenizer_config.json")


def model_folder(name: str) -> str:
    """The small model that ships with the package goes by the name ``micro:base``."""
    return str(resources.files("iterpref.micro") / "base") if name == "micro:base" else name


def check_model(name: str, key: str) -> None:
    """Look whether there is a model, or a tokenizer, where the recipe's ``key`` says; a hub's name is taken as it is.

    Raises:
        InputError: no name, a path that is no folder, or a folder without any file of a model.
    """
    if not name:
        raise InputError(f"no model was named; set {key} to a folder or a name.")
    folder = Path(model_folder(name))
    if folder.is_dir():
        if not any((folder / file).is_file() for file in _FILES):
            raise InputError(f"{name}: there is no model in that folder; set {key} to one made by save_pretrained.")
    elif name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise InputError(f"{name}: there is no such model folder; set {key} to one made by save_pretrained, or a name.")


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
