"""From a spec to Python programs: several idioms of one meaning, each with or without local bugs.

``program(spec, idiom)`` is right; ``program(spec, idiom, bugs)`` is the same program with these mistakes in it, so the
smallest repair of a buggy program is always known.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from textwrap import indent

from iterpref.micro.features import DEFAULTS
from iterpref.micro.reduces import Loop
from iterpref.micro.spec import SKIP, Spec

__all__ = ["IDIOMS", "bugs_of", "constants_of", "idioms_of", "program"]

IDIOMS = ("list", "loop", "continue", "inline", "steps", "helper")


def constants_of(constants: tuple[str, ...]) -> dict[str, str]:
    """Template fields of a feature's constants: k, k1 = k + 1 (for numbers), j."""
    fields = dict(zip(("k", "j"), constants, strict=False))
    if fields.get("k", "").isdigit():
        fields["k1"] = str(int(fields["k"]) + 1)
    return fields


def bugs_of(spec: Spec) -> tuple[str, ...]:
    """The local mistakes that can be made in this task, as ``site.kind``."""
    names = [f"source.{kind}" for kind in spec.source_feature.bugs]
    names += [f"filter.{kind}" for kind in spec.filter_feature.bugs]
    names += ["filter.dropped"] if spec.filter_feature.test else []
    names += [f"map.{kind}" for kind in spec.map_feature.bugs]
    names += [f"reduce.{kind}" for kind in spec.reduce_feature.bugs]
    names += ["none.missing"] if spec.none_rule else []
    names += ["none.default"] if spec.none_rule not in ("", SKIP) else []
    names += ["empty.missing", "empty.default"] if spec.empty_rule else []
    return tuple(names)


def idioms_of(spec: Spec) -> tuple[str, ...]:
    """The idioms this task can be written in, in at most 12 lines; ``list`` is always possible."""
    parts = _Parts.of(spec, ())
    short = "\n" not in parts.finish
    possible = ["list"]
    possible += ["loop"] if parts.loop or short else []
    possible += ["continue", "helper"] if parts.test and short else []
    possible += ["inline"] if not spec.empty_rule and parts.finish.count("{v}") == 1 else []
    possible += ["steps"] if short and parts.test and parts.value != parts.item_value else []
    return tuple(possible)


def program(spec: Spec, idiom: str = "list", bugs: Collection[str] = ()) -> str:
    """The text of a function in an idiom of :func:`idioms_of`, with any of the mistakes of :func:`bugs_of`."""
    parts = _Parts.of(spec, bugs)
    body = parts.guard()
    if idiom in ("loop", "continue"):
        body += parts.looped(skipping=idiom == "continue")
    elif idiom == "inline":
        body += [parts.finish.replace("{v}", parts.listed())]
    elif idiom == "steps":
        body += [f"kept = {parts.listed(value=parts.item_value)}"]
        body += [f"values = [{parts.value} for {parts.item} in kept]", *parts.ending("values")]
    elif idiom == "helper":
        body += [f"def keep({parts.item}):\n    return {parts.test}"] if parts.test else []
        test = f"keep({parts.item})" if parts.test else ""
        body += [f"values = {parts.listed(test=test)}", *parts.ending("values")]
    else:
        body += [f"values = {parts.listed()}", *parts.ending("values")]
    return f"def {spec.entry_point}({spec.source_feature.params}):\n" + indent("\n".join(body), "    ")


@dataclass(frozen=True)
class _Parts:
    """The pieces of code of one spec with its mistakes already made. ``{v}`` is still open in ``finish``."""

    params: str
    item: str
    items: str
    test: str  # "" = every item
    skip: bool  # leave out items that are None
    value: str
    finish: str
    loop: Loop | None
    none_return: str  # "" = no guard
    empty_return: str  # "" = no guard

    @classmethod
    def of(cls, spec: Spec, bugs: Collection[str]) -> _Parts:
        made = dict(name.split(".") for name in bugs)
        source, filter_, map_, reduce_ = (
            spec.source_feature,
            spec.filter_feature,
            spec.map_feature,
            spec.reduce_feature,
        )
        item = source.item
        test = "" if made.get("filter") == "dropped" else filter_.bugs.get(made.get("filter", ""), filter_.test)
        value = map_.bugs.get(made.get("map", ""), map_.value)
        finish, loop = reduce_.bugs.get(made.get("reduce", ""), (reduce_.finish, reduce_.loop))
        fields = constants_of(spec.reduce_constants)
        empty_return = _guard_return(spec, spec.empty_rule, made.get("empty", ""))
        # A loop that keeps no list can follow a rule for no values only where it returns one value at the end anyway.
        if loop and spec.empty_rule and "{d}" not in loop.before + loop.after:
            loop = None
        if loop:
            last = empty_return or "None"
            loop = Loop(
                loop.before.format(d=last, x="{x}", **fields),
                loop.each.format(d=last, x="{x}", **fields),
                loop.after.format(d=last, x="{x}", **fields),
            )
        return cls(
            params=source.params,
            item=item,
            items=source.bugs.get(made.get("source", ""), source.items),
            test=test.format(x=item, **constants_of(spec.filter_constants)),
            skip=spec.none_rule == SKIP and made.get("none") != "missing",
            value=value.format(x=item, **constants_of(spec.map_constants)),
            finish=finish.format(v="{v}", **fields),
            loop=loop,
            none_return="" if spec.none_rule == SKIP else _guard_return(spec, spec.none_rule, made.get("none", "")),
            empty_return=empty_return,
        )

    @property
    def item_value(self) -> str:
        """The item as an expression."""
        return f"({self.item})" if "," in self.item else self.item

    def guard(self) -> list[str]:
        return [f"if {self.params} is None:\n    return {self.none_return}"] if self.none_return else []

    def ending(self, values: str) -> list[str]:
        empty = [f"if not {values}:\n    return {self.empty_return}"] if self.empty_return else []
        return [*empty, self.finish.replace("{v}", values)]

    def listed(self, *, value: str | None = None, test: str | None = None) -> str:
        """The values as a list expression."""
        value = self.value if value is None else value
        tests = [f"{self.item} is not None"] if self.skip else []
        tests += [test or self.test] if self.test else []
        if value == self.item_value and not tests:
            return f"list({self.items})"
        condition = f" if {' and '.join(tests)}" if tests else ""
        return f"[{value} for {self.item} in {self.items}{condition}]"

    def looped(self, *, skipping: bool) -> list[str]:
        loop = self.loop or Loop("values = []", "values.append({x})", "")
        value, step = self.value, []
        if loop.each.count("{x}") > 1 and not value.isidentifier():
            step, value = [f"value = {value}"], "value"
        step += [loop.each.replace("{x}", value)]
        if skipping:
            body = [f"if {self.item} is None:\n    continue"] if self.skip else []
            body += [f"if not {_grouped(self.test)}:\n    continue"] if self.test else []
            body += step
        else:
            tests = [f"{self.item} is not None"] if self.skip else []
            tests += [self.test] if self.test else []
            body = [f"if {' and '.join(tests)}:\n" + indent("\n".join(step), "    ")] if tests else step
        lines = [loop.before] if loop.before else []
        lines += [f"for {self.item} in {self.items}:\n" + indent("\n".join(body), "    ")]
        return lines + ([loop.after] if self.loop else self.ending("values"))


def _grouped(test: str) -> str:
    return f"({test})" if " " in test else test


def _guard_return(spec: Spec, rule: str, mistake: str) -> str:
    if not rule or mistake == "missing":
        return ""
    if mistake != "default":
        return DEFAULTS[rule]
    if rule != "none":
        return DEFAULTS["zero" if rule == "minus" else "none"]
    return {"str": '""', "list": "[]", "dict": "{}"}.get(spec.reduce_feature.gives, "0")
