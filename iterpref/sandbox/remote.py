"""The program's half, where tests run in another process: it loads the program and does what the tests' half asks.

This process never sees a test. It was forked before the job was read, holds neither the job nor the result pipe, and
cannot trace its parent. One JSON line a message; the answers are as hostile as the program may be.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import importlib
import json
import operator
import os
import socket
import sys
from collections.abc import Callable
from functools import cached_property
from types import ModuleType
from typing import Any, NoReturn

from iterpref.plain import from_json, to_json
from iterpref.sandbox.integrity import Integrity
from iterpref.sandbox.loading import load
from iterpref.sandbox.normal import to_plain
from iterpref.sandbox.results import BadTestsError, Results
from iterpref.sandbox.shared import MOST, Given, containers, contents, is_container, refill
from iterpref.sandbox.wire import NaNs, copy_of, from_copy

__all__ = ["OPERATIONS", "serve"]

BINARY = ["eq", "ne", "lt", "le", "gt", "ge", "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"]
BINARY += ["and_", "or_", "xor", "lshift", "rshift"]
INPLACE = ["iadd", "isub", "imul", "itruediv", "ifloordiv", "iand", "ior", "ixor"]
UNARY = ["neg", "pos", "abs", "invert", "index"]

# References that this half itself holds to a value that it has just computed, and to a container among arguments.
_OF_VALUE, _OF_GIVEN = 2, 4

OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in BINARY + INPLACE + UNARY},
    "bool": bool,
    "call": lambda function, *args, **kwargs: function(*args, **kwargs),
    "contains": operator.contains,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "delattr": delattr,
    "delitem": operator.delitem,
    "exit": lambda manager, error: type(manager).__exit__(manager, type(error) if error else None, error, None),
    "float": float,
    "format": format,
    "fspath": os.fspath,
    "getattr": getattr,
    "getitem": operator.getitem,
    "hash": hash,
    "int": int,
    "isinstance": isinstance,
    "issubclass": issubclass,
    "iter": iter,
    "len": len,
    "next": next,
    "repr": repr,
    "reversed": reversed,
    "round": round,
    "setattr": setattr,
    "setitem": operator.setitem,
    "str": str,
}


def serve(link: int) -> NoReturn:
    """Load the program that comes first through the socket ``link``, then answer until the other end closes."""
    server = _Server(socket.socket(fileno=link))
    server.load()
    while True:
        server.answer(server.receive())


class _Unreported(Results):
    """Keeps a failure for the other half."""

    def send(self, data: bytes) -> None:
        self.told = json.loads(data)


class _Server:
    def __init__(self, link: socket.socket) -> None:
        self.file = link.makefile("rb")
        self.link = link
        self.pid = os.getpid()
        self.objects: list[Any] = []
        self.known: dict[int, int] = {}
        self.namespace: dict[str, Any] = {}
        self.nans = NaNs("program")
        self.named: dict[str, tuple[Any, str]] = {}  # variables that the other half holds, as it was told last
        self.shared: dict[int, tuple[Any, str]] = {}  # containers that both halves hold, as they were

    def receive(self) -> dict[str, Any]:
        line = self.file.readline()
        if not line:
            os._exit(0)
        message: dict[str, Any] = json.loads(line)
        return message

    def send(self, message: dict[str, Any]) -> None:
        if os.getpid() != self.pid:
            os._exit(0)  # a fork of the program has no say
        self.link.sendall(json.dumps(message).encode() + b"\n")

    def load(self) -> None:
        job = self.receive()
        results = _Unreported(-1, "", {"program.py": job["program"]}, Integrity())
        try:
            namespace = load(job, results)
        except BadTestsError as error:
            return self.send({"invalid": str(error)})
        if namespace is None:
            return self.send(results.told)
        self.namespace = namespace
        for statement in job["imports"]:
            with contextlib.suppress(Exception):
                exec(statement, namespace)
        self.send({"loaded": True})

    def answer(self, message: dict[str, Any]) -> None:
        """Do one operation and send what it gave, with what it changed of that which both halves hold."""
        given: list[Any] = []
        texts: list[str] = []
        numbers: dict[int, int] = {}
        try:
            for name, held in message.get("variables", {}).items():
                refill(self.namespace[name], from_json(held, self.decode))
            args = [from_json(part, self.decode) for part in message["args"]]
            kwargs = {key: from_json(part, self.decode) for key, part in message.get("kwargs", {}).items()}
            if message["op"] == "call":
                given = containers([*args, *kwargs.values()])[:MOST]
                numbers = {id(container): number for number, container in enumerate(given)}
                texts = [self.text_of(container, numbers) for container in given]
            value = self.operate(message["op"], args, kwargs)
            reply: dict[str, Any] = {"value": self.value_told(value)}
            if id(value) in numbers:
                reply["given"] = numbers[id(value)]
            elif is_container(value) and sys.getrefcount(value) > _OF_VALUE:
                reply["kept"] = self.share(value)
        except BaseException as error:
            reply = {"raised": self.exception(error)}
        now = [self.text_of(container, numbers) for container in given]
        reply["changed"] = [
            [number, new] for number, (new, old) in enumerate(zip(now, texts, strict=False)) if new != old
        ]
        for container in given:
            if sys.getrefcount(container) > _OF_GIVEN:
                self.share(container)
        if self.named:
            reply["names"] = self.renamed()
        self.send(reply)

    def value_told(self, value: Any) -> Any:
        try:
            return self.told(value)
        except RecursionError:  # it contains itself
            return {"$ref": {"ref": self.refer(value), "class": type(value).__name__, "module": "builtins"}}

    def text_of(self, container: Any, numbers: dict[int, int]) -> str:
        return json.dumps(self.told(contents(container, numbers)))

    def operate(self, operation: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if operation == "name":
            value = self.namespace[args[0]]
            if not callable(value) and not isinstance(value, ModuleType):
                self.named[args[0]] = (value, json.dumps(self.told(value)) if is_container(value) else "")
            return value
        if operation == "probe":  # one question with several candidates
            return [bool(args[0] == candidate) for candidate in args[1]]
        if operation == "await":
            return self.loop.run_until_complete(_finished(args[0]))
        if operation == "anext":
            return self.loop.run_until_complete(_finished(args[0].__anext__()))
        if operation == "stale":
            return any(json.dumps(self.told(value)) != text for value, text in self.shared.values())
        return OPERATIONS[operation](*args, **kwargs)

    @cached_property
    def loop(self) -> Any:
        return importlib.import_module("asyncio").new_event_loop()

    def told(self, value: Any) -> Any:
        return to_json(value, self.encode, self.nans.encode)

    def share(self, value: Any) -> int:
        number = self.refer(value)
        if len(self.shared) < MOST:
            with contextlib.suppress(RecursionError):
                self.shared[number] = (value, json.dumps(self.told(value)))
        return number

    def renamed(self) -> dict[str, Any]:
        """The program's variables that have another value since the other half was told."""
        found = {}
        for name, (before, text) in self.named.items():
            value = self.namespace.get(name)
            if value is not before or text:
                told = self.told(value)
                now = json.dumps(told) if is_container(value) else ""
                if value is not before or text != now:
                    found[name], self.named[name] = told, (value, now)
        return found

    def refer(self, value: Any) -> int:
        number = self.known.setdefault(id(value), len(self.objects))
        if number == len(self.objects):
            self.objects.append(value)  # which keeps its id from being used again
        return number

    def encode(self, value: Any) -> Any:
        if type(value) is Given:
            return {"$given": value.number}
        found = copy_of(value, self.told)
        if found is not None:
            return found
        kind = type(value)
        if isinstance(value, BaseException):
            return {"$error": self.exception(value)}
        about: dict[str, Any] = {"ref": self.refer(value), "class": kind.__name__, "module": kind.__module__}
        if isinstance(value, type):
            about["is"] = "class"
            if issubclass(value, BaseException):
                parents = [self.encode(base) for base in value.__bases__ if issubclass(base, BaseException)]
                about |= {"is": "exception", "name": [value.__module__, value.__name__], "parents": parents}
        elif callable(value) and hasattr(value, "__code__"):
            about["is"] = "function"
        elif isinstance(value, ModuleType):
            about["is"] = "module"
        elif callable(value) and kind.__module__ in ("builtins", "functools", "operator"):
            about["is"] = "callable"
        elif issubclass(kind, (int, float, str, bytes, list, tuple, dict, set, frozenset)):
            about["plain"] = self.told(to_plain(value))
        return {"$ref": about}

    def decode(self, tag: str, body: Any) -> Any:
        if tag == "$ref":
            return self.objects[body]
        if tag == "$import":
            found: Any = importlib.import_module(body[0])
            for name in body[1].split("."):
                found = getattr(found, name)
            return found
        if tag == "$pickle":
            import pickle  # rare, and each fork would copy it

            return pickle.loads(base64.b64decode(body))  # from the tests, which are trusted
        if tag == "$callback":
            return self.stand_in(*body)
        if tag == "$nan":
            return self.nans.decode(body)
        return from_copy(tag, body, lambda part: from_json(part, self.decode))

    def stand_in(self, number: int, name: str, documentation: str | None, annotations: Any) -> Callable[..., Any]:
        """For a function of the tests."""

        def function(*args: Any, **kwargs: Any) -> Any:
            return self.call_back(number, args, kwargs)

        function.__name__ = function.__qualname__ = name
        function.__doc__, function.__annotations__ = documentation, from_json(annotations)
        return function

    def call_back(self, number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the tests."""
        encoded = [self.told(part) for part in args]
        self.send({"callback": number, "args": encoded, "kwargs": {k: self.told(v) for k, v in kwargs.items()}})
        while True:
            message = self.receive()
            if "op" in message:
                self.answer(message)
            elif "raised" in message:
                raise from_json(message["raised"], self.decode)
            else:
                return from_json(message["value"], self.decode)

    def exception(self, error: BaseException) -> dict[str, Any]:
        kind = type(error)
        try:
            built = kind.__module__ == "builtins"
            args = [self.told(part) for part in (error.__reduce__()[1] if built else error.args)]
            state = {key: self.told(part) for key, part in vars(error).items() if type(key) is str}
        except BaseException:
            args, state = [], {}
        cause = error.__cause__
        return {
            "class": self.encode(kind)["$ref"] if kind.__module__ == "program" else None,
            "name": [kind.__module__, kind.__qualname__],
            "bases": _builtin_bases(kind),
            "args": args,
            "state": state,
            "cause": None if cause is None or cause is error else self.exception(cause),
            "ref": self.refer(error),
        }


async def _finished(awaitable: Any) -> Any:
    return await awaitable


def _builtin_bases(kind: type) -> list[str]:
    """Names of the builtin exceptions among a class's bases, nearest first."""
    return [base.__name__ for base in kind.__mro__ if base.__module__ == "builtins" and issubclass(base, BaseException)]
