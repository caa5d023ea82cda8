"""A remote object: what the tests hold in place of an object that stays in the program's process.

It has no say on whether it equals, or how it combines with, a value of the tests, unless the tests name its class: then
they ask for the class's own operators, and to be equal it has to tell the expected value from others.
"""

from __future__ import annotations

import operator
import sys
import types
from collections.abc import Callable, Generator, Iterator
from types import FunctionType
from typing import Any, Protocol

from iterpref.sandbox.decoy import below, decoy
from iterpref.sandbox.remote import BINARY, INPLACE, UNARY
from iterpref.sandbox.results import TESTS, Results

__all__ = ["TYPE", "Remote"]

_DECOYS = 15
_INFIX = [name for name in BINARY if name not in ("eq", "ne")]
_INTERNAL = {kind.__name__: kind for kind in vars(types).values() if isinstance(kind, type)}  # generator, method ...


class Asker(Protocol):
    """The link to the program's process."""

    classes: set[str]
    trusted: set[str]
    results: Results | None
    unclear: str
    asserting: set[int]  # lines where a context manager of the program's holds assertions
    greedy: bool  # an object has been equal to the expected value and to others

    def ask(self, operation: str, *args: Any, **kwargs: Any) -> Any: ...
    def unsupported(self, why: str) -> Any: ...
    def unclear_at_once(self, why: str) -> Any: ...


class Remote:
    """Stands for an object of the program."""

    __slots__ = ("_about", "_link", "_plain")

    def __init__(self, link: Asker, about: dict[str, Any], plain: list[Any]) -> None:
        object.__setattr__(self, "_link", link)
        object.__setattr__(self, "_about", about)
        object.__setattr__(self, "_plain", plain)  # [value], where the class extends a plain one
        module = str(about.get("module")).partition(".")[0]
        if module in link.trusted and link.results is not None:
            link.results.uncertain = f"an object of {module} stays in the program's process"
        elif "is" not in about:
            link.unclear = f"an object of class {str(about.get('class'))[:100]} stays in the program's process"

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        about = object.__getattribute__(self, "_about")
        if about.get("is") == "class":
            return type
        if about.get("is") == "function":
            return FunctionType
        if plain := object.__getattribute__(self, "_plain"):
            return type(plain[0])
        if about["module"] == "builtins" and about["class"] in _INTERNAL:
            return _INTERNAL[about["class"]]
        found = getattr(sys.modules.get(about["module"]), about["class"], Remote)
        return found if isinstance(found, type) and about["module"] != "tests" else Remote

    def __getattr__(self, name: str) -> Any:
        return self._link.ask("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._link.ask("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        self._link.ask("delattr", self, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._link.ask("call", self, *args, **kwargs)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(other) is Remote:
            if _named(self) or _named(other) or not (self._plain and other._plain):
                return bool(self._link.ask("eq", self, other))
            return bool(self._plain[0] == other._plain[0])
        if self._plain and self._plain[0] == other:
            return True
        place = below(_DECOYS + 1)
        try:
            held = self._link.ask("probe", self, _candidates(other, place))
        except Exception as error:
            if _named(self) and not isinstance(error, TypeError):
                raise
            return False
        if _named(self):
            return bool(held == [index == place for index in range(_DECOYS + 1)])
        if type(held) is list and held[place : place + 1] == [True] and held.count(True) > 1:
            self._link.greedy = True
        return False

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._link.ask("hash", self))

    def __contains__(self, item: object) -> bool:
        if self._plain:
            return item in self._plain[0]
        return bool(self._link.ask("contains", self, item)) if _named(self) else any(item == part for part in self)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._plain[0]) if self._plain else _iterator(self._link.ask("iter", self))

    def __len__(self) -> int:
        return len(self._plain[0]) if self._plain else int(self._link.ask("len", self))

    def __bool__(self) -> bool:
        return bool(self._plain[0]) if self._plain else bool(self._link.ask("bool", self))

    def __enter__(self) -> Any:
        return self.__getattr__("__enter__")()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """The program may swallow what its own code has raised, and what tests raise for it; no failed assertion."""
        if isinstance(error, AssertionError):
            self._link.ask("exit", self, None)
            return False
        return self._swallowed(self._link.ask("exit", self, error), error)

    async def __aenter__(self) -> Any:
        return await self.__getattr__("__aenter__")()

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        swallowed = await self.__getattr__("__aexit__")(None if error is None else type(error), error, None)
        return not isinstance(error, AssertionError) and self._swallowed(swallowed, error)

    def _swallowed(self, swallowed: object, error: object) -> bool:
        caller = sys._getframe(2)
        asserting = caller.f_code.co_filename != TESTS or caller.f_lineno in self._link.asserting
        if swallowed and error and self._link.asserting and asserting:
            self._link.unclear_at_once("a context manager of the program's swallows what keeps tests from asserting")
        return bool(swallowed)

    def __await__(self) -> Generator[None, None, Any]:
        yield from ()
        return self._link.ask("await", self)

    def __aiter__(self) -> Any:
        return self._link.ask("call", self.__getattr__("__aiter__"))

    async def __anext__(self) -> Any:
        return self._link.ask("anext", self)

    def __mro_entries__(self, bases: object) -> Any:
        self._link.unsupported("the tests extend a class of the program")

    def __instancecheck__(self, instance: object) -> bool:
        return type(instance) is Remote and bool(self._link.ask("isinstance", instance, self))

    def __subclasscheck__(self, kind: type) -> bool:
        return bool(self._link.ask("issubclass", kind, self))

    def __copy__(self) -> Any:
        return self._link.ask("copy", self)

    def __deepcopy__(self, memo: object) -> Any:
        return self._link.ask("deepcopy", self)

    def __reduce__(self) -> Any:
        self._link.unsupported("an object of the program is pickled by the tests")


class TypeOf(type):
    """The class of ``type`` where tests run apart: it tells the class of an object that stays with the program.

    ``type(x)`` of a proxy would be the proxy's.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if len(args) != 1 or cls is not TYPE:
            return super().__call__(*args, **kwargs)
        if type(args[0]) is not Remote:
            return TYPE if type(args[0]) in (type, TypeOf) else type(args[0])
        own = args[0]._about.get("module") == "program"
        return args[0].__getattr__("__class__") if own or args[0].__class__ is Remote else args[0].__class__

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, type) if cls is TYPE else super().__instancecheck__(instance)

    def __eq__(cls, other: object) -> bool:
        return other is cls or (cls is TYPE and other is type)

    __hash__ = type.__hash__


TYPE: Any = TypeOf("type", (type,), {})


def _candidates(value: Any, place: int) -> list[Any]:
    """``value`` at ``place`` among others: numbers in equal steps, as the least of them would give itself away."""
    if type(value) in (int, float):
        step = 1 + below(9)
        return [value if index == place else value + step * (index - place) for index in range(_DECOYS + 1)]
    others = (decoy, _alike)
    return [value if index == place else others[index % 2](value) for index in range(_DECOYS + 1)]


def _alike(value: Any) -> Any:
    """Another value of the same length."""
    kind, step = type(value), 1000 + below(10**6)
    if not value:
        return decoy(value)
    if kind in (list, tuple):
        return kind([*value[:-1], step])
    if kind in (set, frozenset):
        return kind([*list(value)[1:], step])
    if kind is dict:
        return {**value, next(reversed(value)): step}
    if kind is str:
        return value[:-1] + chr(ord(value[-1]) ^ 1)
    return decoy(value)


def _iterator(found: Any) -> Iterator[Any]:
    return found if type(found) is Remote else iter(found)


def _named(remote: Remote) -> bool:
    """Whether the tests name the object's class, so that they want its own operators."""
    return remote._about["class"] in remote._link.classes


def _infix(name: str, reflected: bool) -> Callable[[Remote, Any], Any]:
    def apply(self: Remote, other: Any) -> Any:
        if type(other) is not Remote and not _named(self):
            if not self._plain or name in INPLACE:
                return NotImplemented
            pair = (other, self._plain[0]) if reflected else (self._plain[0], other)
            return getattr(operator, name)(*pair)
        return self._link.ask(name, other, self) if reflected else self._link.ask(name, self, other)

    return apply


def _forward(operation: str) -> Callable[..., Any]:
    return lambda self, *args: self._link.ask(operation, self, *args)


for _name in INPLACE:
    setattr(Remote, f"__{_name}__", _infix(_name, False))
for _name in _INFIX:
    setattr(Remote, f"__{_name.strip('_')}__", _infix(_name, False))
    if _name not in ("lt", "le", "gt", "ge"):
        setattr(Remote, f"__r{_name.strip('_')}__", _infix(_name, True))
for _name in [
    *UNARY,
    *("delitem", "float", "format", "fspath", "getitem", "int", "next", "repr", "reversed", "round", "setitem", "str"),
]:
    setattr(Remote, f"__{_name}__", _forward(_name))
