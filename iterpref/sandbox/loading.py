"""Runs a program as a module, with its set-up code before it."""

from __future__ import annotations

import ast
import builtins
import sys
import types
from typing import Any

from iterpref.sandbox.describe import describe, type_name
from iterpref.sandbox.results import PROGRAM, SETUP, BadTestsError, Results

__all__ = ["compile_code", "compile_program", "load", "new_module"]


def compile_code(tree: ast.Module | str, filename: str) -> types.CodeType:
    """As ``compile`` does, without what this file imports from the future."""
    return compile(tree, filename, "exec", dont_inherit=True)


def compile_program(program: str, results: Results) -> types.CodeType | None:
    """None, and a recorded failure, where the program does not compile."""
    try:
        return compile_code(program, PROGRAM)
    except BaseException as error:
        # Null bytes and lone surrogates are no SyntaxError to every Python version.
        kind = type_name(error) if isinstance(error, (SyntaxError, MemoryError, RecursionError)) else "SyntaxError"
        failure = {"outcome": "error", "error_type": kind, "feedback": describe(error, results.sources)}
        results.first_failure = False
        results.record(failure=failure)
        return None


def new_module(name: str) -> dict[str, Any]:
    """The namespace of a fresh module."""
    module = types.ModuleType(name)
    module.__dict__["__builtins__"] = builtins
    sys.modules[name] = module
    return module.__dict__


def load(job: dict[str, Any], results: Results) -> dict[str, Any] | None:
    """Run set-up and program in a namespace; None, and a recorded failure, where the program did not get through.

    Raises:
        BadTestsError: the set-up code fails.
    """
    namespace = new_module("program")
    if job["setup"]:
        try:
            exec(compile_code(job["setup"], SETUP), namespace)
        except Exception as error:
            raise BadTestsError(f"the set-up code fails: {describe(error, results.sources)}") from error
    code = compile_program(job["program"], results)
    if code is None:
        return None
    try:
        exec(code, namespace)
        if job["entry_point"] and job["kind"] != "stdio" and job["entry_point"] not in namespace:
            raise NameError(f"name '{job['entry_point']}' is not defined by the program")
    except BaseException as error:
        results.failed(error)
        return None
    return namespace
