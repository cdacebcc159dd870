"""Reading a job file, YAML or JSON, without guessing: what could be read in two ways is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import yaml

from rationale_eval.errors import InputError

LARGEST: Final = 1_000_000
"""Bytes; a job is a page of text."""


def parse_file(path: Path) -> Any:
    """The content of a `.yaml`, `.yml` or `.json` file as plain values.

    Raises:
        InputError: If it cannot be read; it names the file and, for YAML, the line.
    """
    if path.suffix not in (".yaml", ".yml", ".json"):
        raise InputError("a job is a .yaml or .json file", file=str(path))
    try:
        if path.stat().st_size > LARGEST:
            raise InputError("too large for a job, which is a page of text", file=str(path))
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8 text", file=str(path)) from error
    return _parsed(text, path)


def _parsed(text: str, path: Path) -> Any:
    try:
        if path.suffix == ".json":
            return json.loads(text, object_pairs_hook=_unique)
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f"line {mark.line + 1}: "
        problem = getattr(error, "problem", None) or "not YAML"
        raise InputError(f"{line}{problem}", file=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON: {error}", file=str(path)) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key '{next(name for name in names if names.count(name) > 1)}' comes twice")
    return found


class _Loader(yaml.SafeLoader):
    """Plain YAML: no aliases, no key twice; `no` and `off` are words and 1e-5 is a number, as in YAML 1.2."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="a job has no aliases", problem_mark=self.peek_event().start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key '{key.value}' comes twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _plain_scalars(loader: type[_Loader]) -> None:
    kept = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
    loader.yaml_implicit_resolvers = {
        first: [(tag, rule) for tag, rule in rules if tag in kept]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    add = loader.add_implicit_resolver
    add("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
    add("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
    number = r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$"
    add("tag:yaml.org,2002:float", re.compile(number), list("-+.0123456789"))


_plain_scalars(_Loader)
