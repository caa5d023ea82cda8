"""The program's half, where tests run in another process: it loads the program and does what the tests' half asks.

This process never sees a test. It was forked before the job was read, holds neither the job nor the result pipe, and
cannot trace its parent. One JSON line a message; the answers are as hostile as the program may be.
"""

from __future__ import annotations

import base64
import builtins
import contextlib
import copy
import importlib
import json
import operator
import os
import pickle
import socket
from collections.abc import Callable
from typing import Any, NoReturn

from iterpref.plain import from_json, to_json
from iterpref.sandbox.integrity import Integrity
from iterpref.sandbox.loading import load
from iterpref.sandbox.normal import to_plain
from iterpref.sandbox.results import BadTestsError, Results
from iterpref.sandbox.wire import copy_of

__all__ = ["OPERATIONS", "serve"]

BINARY = ["eq", "ne", "lt", "le", "gt", "ge", "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"]
BINARY += ["and_", "or_", "xor"]
UNARY = ["neg", "pos", "abs", "invert", "index"]

OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in BINARY + UNARY},
    "bool": bool,
    "call": lambda function, *args, **kwargs: function(*args, **kwargs),
    "contains": operator.contains,
    "deepcopy": copy.deepcopy,
    "delattr": delattr,
    "delitem": operator.delitem,
    "float": float,
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
        """Do one operation and send what it gave, with the arguments that it changed."""
        before = message["args"]
        try:
            args = [from_json(part, self.decode) for part in before]
            kwargs = {key: from_json(part, self.decode) for key, part in message.get("kwargs", {}).items()}
            if message["op"] == "name":
                value = self.namespace[args[0]]
            elif message["op"] == "probe":  # one question with several candidates
                value = [bool(args[0] == candidate) for candidate in args[1]]
            else:
                value = OPERATIONS[message["op"]](*args, **kwargs)
            reply = {"value": to_json(value, self.encode)}
        except BaseException as error:
            reply = {"raised": self.exception(error)}
        if message["op"] == "call":
            reply["changed"] = self.changed(args, before) if "value" in reply else []
        self.send(reply)

    def changed(self, args: list[Any], before: list[Any]) -> list[Any]:
        """(index, new value) of each list, dict or set among the arguments that the call has changed."""
        found = []
        for index, (value, sent) in enumerate(zip(args, before, strict=True)):
            if type(value) in (list, dict, set):
                now = to_json(value, self.encode)
                if json.dumps(now) != json.dumps(sent):
                    found.append([index, now])
        return found

    def refer(self, value: Any) -> int:
        number = self.known.setdefault(id(value), len(self.objects))
        if number == len(self.objects):
            self.objects.append(value)  # which keeps its id from being used again
        return number

    def encode(self, value: Any) -> Any:
        found = copy_of(value, lambda part: to_json(part, self.encode))
        if found is not None:
            return found
        kind = type(value)
        about: dict[str, Any] = {"ref": self.refer(value), "class": kind.__name__, "module": kind.__module__}
        if isinstance(value, type):
            about["is"] = "class"
            if issubclass(value, BaseException):
                about |= {"is": "exception", "name": value.__name__, "bases": _builtin_bases(value)}
        elif callable(value) and hasattr(value, "__code__"):
            about["is"] = "function"
        elif issubclass(kind, (int, float, str, bytes, list, tuple, dict, set, frozenset)):
            about["plain"] = to_json(to_plain(value), self.encode)
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
            return pickle.loads(base64.b64decode(body))  # from the tests, which are trusted
        if tag == "$callback":
            return self.stand_in(*body)
        raise ValueError(tag)

    def stand_in(self, number: int, name: str, documentation: str | None, annotations: Any) -> Callable[..., Any]:
        """For a function of the tests."""

        def function(*args: Any, **kwargs: Any) -> Any:
            return self.call_back(number, args, kwargs)

        function.__name__ = function.__qualname__ = name
        function.__doc__, function.__annotations__ = documentation, from_json(annotations)
        return function

    def call_back(self, number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of the tests."""
        encoded = [to_json(part, self.encode) for part in args]
        self.send(
            {"callback": number, "args": encoded, "kwargs": {k: to_json(v, self.encode) for k, v in kwargs.items()}}
        )
        while True:
            message = self.receive()
            if "op" in message:
                self.answer(message)
            elif "raised" in message:
                raise getattr(builtins, message["raised"], Exception)
            else:
                return from_json(message["value"], self.decode)

    def exception(self, error: BaseException) -> dict[str, Any]:
        kind = type(error)
        own = kind.__module__ == "program"
        try:
            args = [to_json(part, self.encode) for part in error.args]
        except BaseException:
            args = []
        return {
            "class": self.encode(kind)["$ref"] if own else None,
            "name": [kind.__module__, kind.__qualname__],
            "bases": _builtin_bases(kind),
            "args": args,
            "ref": self.refer(error),
        }


def _builtin_bases(kind: type) -> list[str]:
    """Names of the builtin exceptions among a class's bases, nearest first."""
    return [base.__name__ for base in kind.__mro__ if base.__module__ == "builtins" and issubclass(base, BaseException)]
