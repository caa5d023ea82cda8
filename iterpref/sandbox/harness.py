"""Runs one program with its tests, inside the jail: calls here, other kinds in ``scripts`` and ``suite``."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from iterpref.plain import NotPlain, to_json
from iterpref.plain import from_json as decode
from iterpref.sandbox.apart import Link
from iterpref.sandbox.describe import show, type_name
from iterpref.sandbox.digest import LARGE, digest_of, weight
from iterpref.sandbox.integrity import Integrity
from iterpref.sandbox.load_apart import load_apart
from iterpref.sandbox.loading import compile_code, load
from iterpref.sandbox.normal import to_plain
from iterpref.sandbox.results import PROGRAM, SETUP, TESTS, BadTestsError, Results
from iterpref.sandbox.scripts import run_inputs, run_script, write_files
from iterpref.sandbox.suite import run_asserts, run_unittest

__all__ = ["run_job"]


def run_job(
    job: dict[str, Any],
    result_fd: int,
    integrity: Integrity,
    link: Link | None = None,
    exit: Callable[[int], NoReturn] = os._exit,
) -> NoReturn:
    """Run ``job`` and end the process; with ``link`` the program runs in the process at its other end."""
    sources = {PROGRAM: job["program"], TESTS: job["code"], SETUP: job["setup"]}
    results = Results(result_fd, job["nonce"], sources, integrity, exit)
    try:
        if job["files"]:
            write_files(job["files"])
        _KINDS[job["kind"]](job, results, load if link is None else partial(load_apart, link))
    except BadTestsError as error:
        results.record(invalid=str(error))
    except BaseException as error:  # what the harness itself relies on has been replaced, or memory is full
        results.broken_off(error)
    results.exit(0)


Load = Callable[[dict[str, Any], Results], "dict[str, Any] | None"]


def _run_calls(job: dict[str, Any], results: Results, load: Load) -> None:
    """Call functions of the program and hand out what they return; it is compared in the caller's process."""
    calls = job["calls"]
    results.integrity.narrow(job["program"])
    encode, normalise, name_of, lookup = to_json, to_plain, type_name, _lookup
    digests, size, digest = job["digests"], weight, _digest
    seconds, timer, set_timer = job["call_seconds"], signal.ITIMER_VIRTUAL, signal.setitimer
    namespace = load(job, results)
    if namespace is None:
        results.finish(len(calls))
    if job["imports"]:
        try:
            exec(compile_code(job["imports"], TESTS), namespace)
        except BaseException as error:
            results.failed(error)
            results.finish(len(calls))
    given: Any = namespace.get(job["entry_point"])  # as a harness hands it to its tests, once
    for function, args, kwargs in calls:
        if seconds:
            set_timer(timer, seconds)  # at its end the kernel kills
        try:
            called = lookup(namespace, function) if function else given
            value = called(*decode(args), **decode(kwargs))
        except BaseException as error:
            results.record(error=results.explain(error))
            continue
        try:
            if digests and size(value) > LARGE:
                if seconds:
                    set_timer(timer, 0.0)
                results.record(digest=digest(value, normalise))
                continue
            if job["exact"]:
                results.returned(encode(value))
                continue
            try:
                results.returned(encode(value))
            except NotPlain:
                greedy = type(value).__module__ == "program" and _equals_anything(value)
                results.returned(encode(normalise(value)), shown=show(value), of=name_of(value), greedy=greedy)
        except (NotPlain, ValueError, RecursionError, MemoryError):
            greedy = not job["exact"] and _equals_anything(value)
            results.record(odd=name_of(value), shown="" if job["exact"] else show(value), greedy=greedy)
            if job["exact"]:
                break  # the tests have to run beside the program
    results.finish(len(calls))


def _digest(value: Any, normalise: Callable[[Any], Any]) -> str:
    try:
        return digest_of(value)
    except NotPlain:
        return digest_of(normalise(value))


def _equals_anything(value: Any) -> bool:
    """Whether a returned object claims to equal one that was made this moment."""
    try:
        return bool(value == object())
    except BaseException:
        return False


def _lookup(namespace: dict[str, Any], name: str) -> Any:
    if name in namespace:
        return namespace[name]
    builtins = namespace["__builtins__"]
    known = builtins if isinstance(builtins, dict) else vars(builtins)
    if name in known:
        return known[name]
    raise NameError(f"name '{name}' is not defined")


def _run_scripts(job: dict[str, Any], results: Results, load: Load) -> None:
    """One input of a script is this process's standard input; several are run one by one."""
    if "inputs" in job:
        run_inputs(job, results)
    else:
        run_script(job, results)


_KINDS: dict[str, Callable[[dict[str, Any], Results, Load], None]] = {
    "calls": _run_calls,
    "asserts": run_asserts,
    "check": run_asserts,
    "unittest": run_unittest,
    "stdio": _run_scripts,
}
