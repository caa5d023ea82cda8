"""Values that go over to another process as copies."""

from __future__ import annotations

import sys
from pathlib import PurePosixPath
from typing import Any

import pytest

from iterpref.sandbox.wire import copy_of, from_copy


def plain(value: Any) -> Any:
    return value


@pytest.mark.parametrize("value", [PurePosixPath("a/b"), PurePosixPath], ids=["path", "class"])
def test_a_library_that_only_the_other_end_has_is_imported(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if value is PurePosixPath and PurePosixPath.__module__ != "pathlib":
        pytest.skip("this Python names its private module")
    ((tag, body),) = copy_of(value, plain).items()
    monkeypatch.delitem(sys.modules, "pathlib")
    found = from_copy(tag, body, plain)
    named = found if isinstance(found, type) else type(found)
    assert (str(found), named.__name__) == (str(value), "PurePosixPath")


def test_only_known_libraries_are_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    with pytest.raises(ValueError, match="unknown class"):
        from_copy("$class", ["this", "C"], plain)
    assert "this" not in sys.modules
