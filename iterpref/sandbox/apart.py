"""The tests' half, where tests run in another process than the program: its names are proxies.

Plain values, and those of common library classes, come over by copy, so that the tests compare copies which nothing of
the program can touch. Any other object stays where it is, and a ``Remote`` (``proxy``) stands for it.

What tests need beyond that (patches of the program's modules, its standard output, objects of the tests' own classes
in the program's hands) cannot be done from here: the job ends as *unsupported*.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import json
import os
import select
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import BuiltinMethodType, FunctionType, MethodType, ModuleType
from typing import Any, NoReturn

from iterpref.plain import NotPlain, from_json, to_json
from iterpref.sandbox.mirrors import Mirrors
from iterpref.sandbox.proxy import Remote
from iterpref.sandbox.results import UNCLEAR, Results
from iterpref.sandbox.shared import MOST, containers, contents, is_container, refill
from iterpref.sandbox.wire import NaNs, copy_of, from_copy

__all__ = ["Half", "Link", "split"]

_LARGEST_MESSAGE = 64 << 20
_PR_SET_DUMPABLE = 4


@dataclass(frozen=True)
class Half:
    """One of two processes after :func:`split`."""

    is_program: bool
    link: int  # socket to the other half
    child: int  # pidfd of the program's half, in the tests' half
    parent: int  # process id of this one's parent


def split() -> Half:
    """Fork into the tests' half and its child, the program's.

    Before the job is read: the program's half must never have had the tests in its memory.
    """
    ours, theirs = socket.socketpair()
    own, parent = os.getpid(), os.getppid()
    pid = os.fork()
    if pid == 0:
        ours.close()
        return Half(True, theirs.detach(), -1, own)
    theirs.close()
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # the program has the same uid: it must not trace us
    return Half(False, ours.detach(), os.pidfd_open(pid), parent)


class Link:
    """The tests' end of the connection to the program's half, whose pidfd is ``child``."""

    def __init__(self, connection: int, child: int) -> None:
        self.connection = socket.socket(fileno=connection)
        self.poll = select.poll()
        self.poll.register(connection, select.POLLIN)
        self.poll.register(child, select.POLLIN)
        self.child = child
        self.buffer = b""
        self.remotes: dict[Any, Any] = {}
        self.coroutines: dict[int, tuple[Any, int]] = {}
        self.kept: dict[int, Any] = {}  # lists, dicts and sets that the program holds too
        self.nans = NaNs("tests")
        self.mirrors = Mirrors(self)
        self.namespace: dict[str, Any] = {}
        self.variables: dict[str, str] = {}  # of the program, by name; what a container held when last told
        self.given: list[Any] = []  # containers among the arguments of the last call
        self.asserting: set[int] = set()
        self.callbacks: list[Callable[..., Any]] = []
        self.classes: set[str] = set()  # that the tests name, and have not made themselves
        self.inspecting = False
        self.greedy = False
        self.unclear = ""  # why a failure of the tests may be no fault of the program's
        self.trusted: set[str] = set()  # libraries that the tests or their set-up import
        self.libraries: set[str] = set()
        self.results: Results | None = None

    def send(self, message: dict[str, Any]) -> None:
        try:
            self.connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self.end()

    def receive(self) -> dict[str, Any]:
        while b"\n" not in self.buffer:
            ready = [fd for fd, _ in self.poll.poll()]
            part = self.connection.recv(1 << 20) if self.connection.fileno() in ready else b""
            if not part or len(self.buffer) > _LARGEST_MESSAGE:
                self.end()
            self.buffer += part
        line, _, self.buffer = self.buffer.partition(b"\n")
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            self.end()
        if not isinstance(message, dict):
            self.end()
        return message

    def end(self) -> NoReturn:
        """The program's process is gone, or talks nonsense: end as it did, which is no pass."""
        if self.results is not None and self.results.uncertain:
            self.results.record(unsupported=self.results.uncertain)
        ended = os.waitid(os.P_PIDFD, self.child, os.WEXITED | os.WNOHANG)
        if ended is not None and ended.si_code in (os.CLD_KILLED, os.CLD_DUMPED):
            with contextlib.suppress(OSError):
                signal.signal(ended.si_status, signal.SIG_DFL)
            os.kill(os.getpid(), ended.si_status)
        os._exit(ended.si_status if ended is not None else 1)

    def unsupported(self, why: str) -> NoReturn:
        assert self.results is not None
        self.results.record(unsupported=why)
        os._exit(0)

    def unclear_at_once(self, why: str) -> None:
        """Not even a pass is clear then."""
        assert self.results is not None
        self.results.record(unsupported=UNCLEAR + why)

    def ask(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """Have one operation done by the program's half."""
        given: list[Any] = []
        if operation == "call":
            with contextlib.suppress(RecursionError):
                given = containers([*args, *kwargs.values()])
        if len(given) > MOST or len({id(container) for container in given}) < len(given):
            self.unclear = "the tests hand over too many containers to follow, or one of them twice"
        message: dict[str, Any] = {"op": operation}
        try:
            message["args"] = [self.told(part) for part in args]
            message["kwargs"] = {key: self.told(part) for key, part in kwargs.items()}
        except RecursionError:
            self.unsupported("the tests hand over a value that contains itself")
        self.send(message | self.changed_variables())
        while True:
            reply = self.receive()
            try:
                if "callback" in reply:
                    self.call(reply)
                    continue
                self.given = given
                for number, text in reply.get("changed", ()):
                    refill(given[number], from_json(json.loads(text), self.decode))
                for name in self.variables.keys() & reply.get("names", {}).keys():
                    self.rename(name, from_json(reply["names"][name], self.decode))
                if "raised" in reply:
                    error = self.mirrors.error(reply["raised"])
                elif "given" in reply:
                    return given[reply["given"]]
                else:
                    return self.same(from_json(reply["value"], self.decode), reply.get("kept"))
            except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError):
                self.end()
            raise error

    def told(self, value: Any) -> Any:
        return to_json(value, self.encode, self.nans.encode)

    def same(self, value: Any, number: int | None) -> Any:
        """The container that ``value`` was here before, with what it holds now."""
        if number is None or not is_container(value):
            return value
        before = self.kept.setdefault(number, value)
        if before is not value and type(before) is type(value):
            refill(before, contents(value, {}))
        return before

    def rename(self, name: str, value: Any) -> None:
        """Give a variable of the program its new value."""
        before = self.namespace[name]
        if is_container(value) and type(before) is type(value):
            refill(before, contents(value, {}))
        else:
            self.namespace[name] = value
        self.variables[name] = self.text_of(self.namespace[name])

    def text_of(self, value: Any) -> str:
        return json.dumps(self.told(contents(value, {}))) if is_container(value) else ""

    def changed_variables(self) -> dict[str, Any]:
        """What the tests have changed in containers that are variables of the program."""
        found = {}
        for name, before in self.variables.items():
            if before and (now := self.text_of(self.namespace[name])) != before:
                self.variables[name] = now
                found[name] = json.loads(now)
        return {"variables": found} if found else {}

    def why_unclear(self) -> str:
        """Why a failure may be no fault of the program's; "" where it is."""
        if self.greedy:
            return ""
        return self.unclear or ("the program changes what its tests hold a copy of" if self.ask("stale") else "")

    def call(self, message: dict[str, Any]) -> None:
        """The program calls a function that the tests handed to it."""
        function = self.callbacks[message["callback"]]
        args = [from_json(part, self.decode) for part in message["args"]]
        kwargs = {key: from_json(part, self.decode) for key, part in message["kwargs"].items()}
        try:
            reply = {"value": self.told(function(*args, **kwargs))}
        except Exception as error:
            reply = {"raised": self.encode(error)}
        self.send(reply)

    def encode(self, value: Any) -> Any:
        """What of the tests' values is not plain."""
        if type(value) is Remote:
            return {"$ref": object.__getattribute__(value, "_about")["ref"]}
        if isinstance(value, (type, BaseException)) and "_sandbox_ref" in value.__dict__:
            return {"$ref": value.__dict__["_sandbox_ref"]}
        if id(value) in self.coroutines:
            return {"$ref": self.coroutines[id(value)][1]}
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
        if (isinstance(value, FunctionType) and module == "tests") or _is_bound(value):
            if self.inspecting:
                self.unsupported("the program looks into a function of the tests")
            self.callbacks.append(value)
            try:
                annotations = to_json(getattr(value, "__annotations__", {}))
            except NotPlain:
                annotations = {}
            return {"$callback": [len(self.callbacks) - 1, value.__name__, value.__doc__, annotations]}
        if isinstance(value, type) or (callable(value) and name and "<" not in name and module):
            return {"$import": [module, name]}
        if type(value).__module__ == "tests":
            self.unsupported("the tests hand the program an object of their own class")
        found = copy_of(value, self.told)
        if found is not None:
            return found
        import pickle  # rare, and each fork would copy it

        try:
            pickled = base64.b64encode(pickle.dumps(value)).decode()
        except Exception:
            self.unsupported(f"an object of class {type(value).__name__} cannot be handed to another process")
        if not isinstance(value, BaseException):
            self.unclear = f"the program gets a copy of an object of class {type(value).__name__}"
        return {"$pickle": pickled}

    def decode(self, tag: str, about: Any) -> Any:
        if tag == "$nan":
            return self.nans.decode(about)
        if tag == "$given":
            return self.given[about]
        if tag == "$error":
            return self.mirrors.error(about)
        if tag != "$ref":
            return from_copy(tag, about, lambda part: from_json(part, self.decode))
        if about["ref"] not in self.remotes:
            if about.get("is") == "exception":
                self.remotes[about["ref"]] = self.mirrors.kind(about)
            elif (about["module"], about["class"]) == ("builtins", "coroutine"):
                self.remotes[about["ref"]] = self.coroutine(about)
            else:
                plain = [from_json(about["plain"], self.decode)] if "plain" in about else []
                self.remotes[about["ref"]] = Remote(self, about, plain)
        return self.remotes[about["ref"]]

    def coroutine(self, about: dict[str, Any]) -> Any:
        """A coroutine of this process that has the program's awaited."""
        remote = Remote(self, about, [])

        async def wait() -> Any:
            return self.ask("await", remote)

        found = wait()
        self.coroutines[id(found)] = (found, about["ref"])
        return found


def _is_bound(value: Any) -> bool:
    """Whether it is a method of an object of this process."""
    kinds = (MethodType, BuiltinMethodType)
    return isinstance(value, kinds) and not isinstance(value.__self__, (ModuleType, type))
