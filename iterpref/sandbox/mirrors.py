"""Exceptions of the program, in the tests' half of two processes: classes to catch, and errors to look at.

They are made here from plain parts. Builtin exceptions and those of loaded libraries are raised as they
are, but for those that unittest takes for no failure.
"""

from __future__ import annotations

import builtins
import sys
from typing import Any, Protocol

from iterpref.plain import from_json
from iterpref.sandbox.proxy import Asker, Remote

__all__ = ["Mirrors"]

_NOT_RAISED = ("iterpref", "program", "tests", "unittest")


class Decoder(Asker, Protocol):
    """The link to the program's process."""

    def decode(self, tag: str, about: Any) -> Any: ...


class Mirrors:
    """Those of one link."""

    def __init__(self, link: Decoder) -> None:
        self.link = link
        self.known: dict[int, BaseException] = {}

    def kind(self, about: dict[str, Any]) -> type[BaseException]:
        """A class of this process for an exception class of the program, so that the tests can catch it."""
        module, name = about["name"]
        if module != "program":
            return _exception(module, name) or Exception
        parents = [from_json(parent, self.link.decode) for parent in about["parents"]]
        bases = [base for base in parents if isinstance(base, type) and issubclass(base, BaseException)]
        remote = Remote(self.link, {**about, "is": "class", "module": "builtins", "class": "type"}, [])

        def make(_kind: type, *args: Any, **kwargs: Any) -> Any:
            return self.link.ask("call", remote, *args, **kwargs)

        def attribute(error: BaseException, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return self.link.ask("getattr", error, name)

        body = {
            "_sandbox_ref": about["ref"],
            "__module__": "program",
            "__new__": make,
            "__init__": lambda *_, **__: None,
            "__getattr__": attribute,
            "__str__": lambda error: str(self.link.ask("str", error)),
        }
        return type(str(name), tuple(bases) or (Exception,), body)

    def error(self, told: dict[str, Any]) -> BaseException:
        if told["ref"] in self.known:
            return self.known[told["ref"]]
        kind: Any = _exception(*told["name"]) if told["class"] is None else self.link.decode("$ref", told["class"])
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            kind = next(filter(None, map(_builtin_exception, told["bases"])), Exception)
        args = tuple(from_json(part, self.link.decode) for part in told["args"])
        if kind.__module__ == "builtins":
            error: BaseException = kind(*args)
        else:
            error = BaseException.__new__(kind)
            error.args = args
        vars(error).update({str(key): from_json(part, self.link.decode) for key, part in told["state"].items()})
        if told["class"] is not None:
            vars(error)["_sandbox_ref"] = told["ref"]
        self.known[told["ref"]] = error
        if told["cause"] is not None:
            error.__cause__ = self.error(told["cause"])
        return error


def _exception(module: str, name: str) -> type[BaseException] | None:
    if module == "builtins":
        return _builtin_exception(name)
    if module not in sys.modules or module.partition(".")[0] in _NOT_RAISED:
        return None
    found = getattr(sys.modules[module], name, None)
    if not (isinstance(found, type) and issubclass(found, BaseException)):
        return None
    return None if found.__module__.partition(".")[0] in _NOT_RAISED else found


def _builtin_exception(name: str) -> type[BaseException] | None:
    found = getattr(builtins, str(name), None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None
