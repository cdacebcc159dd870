"""Reads the code of the pages and says where outside text could become markup, code or a query.

A text that is given to a Markdown argument must be safe: a constant, a number with a numeric format, what `md_text`
returns, a record of a table in CAPITALS, or made of such parts. Likewise what is given to `st.html`, with `html_text`.
A parameter that flows into such an argument makes its function one that must be called with safe text, and so on
through all modules. What cannot be proven safe is reported; wrapping it in `md_text` or `html_text` is always right.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers.page_sinks import (
    BANNED,
    BANNED_CALLS,
    BANNED_MODULES,
    BANNED_NAMES,
    BANNED_WORDS,
    CHOICES,
    MARKDOWN,
    MARKDOWN_WORDS,
)

ROOT = Path(__file__).resolve().parents[2]
# fmt: off
TEMPLATES = frozenset((
    "rationale_eval.ui.bars",
    "rationale_eval.ui.compare_chips",
    "rationale_eval.ui.definitions",
    "rationale_eval.ui.example_html",
    "rationale_eval.ui.figures",
    "rationale_eval.ui.highlights",
    "rationale_eval.ui.train_form",
    "rationale_eval.ui.train_launch",
))
# fmt: on
"""Modules that may call `st.html`: templates of ours around text from `html_text`."""

ROOTS = {
    "markdown": {"rationale_eval.ui.text.md_text"},
    "html": {
        "rationale_eval.verbs.html.html_text",
        "rationale_eval.ui.colours.css",
        "rationale_eval.ui.colours.readable_on",
    },
}
NUMERIC = {"len", "int", "float", "round", "abs", "sum", "bool", "ord", "isinstance", "hash", "any", "all"}
PASSING = {
    "str",
    "sorted",
    "list",
    "tuple",
    "set",
    "dict",
    "enumerate",
    "zip",
    "reversed",
    "max",
    "min",
    "next",
    "iter",
}
PASSING |= {"repr", "frozenset", "filter"}
METHODS = {
    "upper",
    "lower",
    "capitalize",
    "title",
    "strip",
    "lstrip",
    "rstrip",
    "removeprefix",
    "removesuffix",
    "split",
}
METHODS |= {"replace", "join", "format", "get", "items", "keys", "values", "index", "count", "partition", "rpartition"}
NUMERIC_SPEC = re.compile(r"[<>=^]?[+\- ]?0?\d*[,_]?(\.\d+)?[bcdeEfFgGnoxX%]|0?\d*[,_](\.\d+)?")
SAFE_TYPES = re.compile(r"(int|float|bool)( \| (int|float|bool|None))*|Literal\[.*")
OWN_RECORDS = frozenset({"PageFacts"})
"""Types of records that only this program's own code makes."""

SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|PRAGMA|ATTACH)\s", re.ASCII)
CAPITALS = re.compile(r"_?[A-Z][A-Z0-9_]*")


@dataclass(frozen=True, order=True)
class Finding:
    """One place that is not allowed."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


@dataclass
class Module:
    """One file."""

    name: str
    file: str
    tree: ast.Module
    imports: dict[str, str] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)


Scope = tuple[ast.AST, ...]
"""Enclosing functions and the module, innermost first."""


def lint(sources: dict[str, str]) -> list[Finding]:
    """Findings in files.

    Args:
        sources: Dotted module name to source text.
    """
    return Lint(sources).findings()


def pages() -> dict[str, str]:
    """The files that make up the pages."""
    files = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]
    files += sorted((ROOT / "rationale_eval" / "ui").rglob("*.py"))
    files += [ROOT / "rationale_eval" / "verbs" / name for name in ("html.py", "metric_words.py", "numbers.py")]
    return {".".join(file.relative_to(ROOT).with_suffix("").parts): file.read_text("utf-8") for file in files}


class Lint:
    """The reading of a set of modules together."""

    def __init__(self, sources: dict[str, str]):
        self.modules = [_module(name, text) for name, text in sources.items()]
        self.functions = {
            f"{each.name}.{name}": (each, node) for each in self.modules for name, node in each.functions.items()
        }
        self.named = {each.name: each for each in self.modules}
        self.sinks: dict[str, dict[str, set[str]]] = {}
        """Function to parameter to the kinds of text it must be given."""
        self.found: set[Finding] = set()
        self.grown = False
        self.summaries: dict[tuple[str, str, bool], bool] = {}
        self._open: list[tuple[ast.AST, str]] = []

    def findings(self) -> list[Finding]:
        """All findings, once no more functions turn out to pass a parameter on."""
        self.grown = True
        while self.grown:
            self.grown, self.found = False, set()
            for module in self.modules:
                self._read(module)
        return sorted(self.found)

    def _read(self, module: Module) -> None:
        for node, scope in _walk(module.tree, (module.tree,)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._imported(module, node)
            elif isinstance(node, ast.keyword) and node.arg in BANNED_WORDS:
                self._say(module, node.value, f"{node.arg} lets outside text run as code")
            elif isinstance(node, ast.Expr) and not isinstance(
                node.value, ast.Call | ast.Constant | ast.Yield | ast.Await
            ):
                self._say(module, node, "a value on a line of its own is magic; show it with a widget")
            elif isinstance(node, ast.JoinedStr | ast.BinOp):
                self._query(module, node)
            elif isinstance(node, ast.Call):
                self._call(module, node, scope)
            elif isinstance(node, ast.Attribute):
                self._attribute(module, node)

    def _say(self, module: Module, node: ast.AST, sentence: str) -> None:
        self.found.add(Finding(module.file, getattr(node, "lineno", 1), sentence))

    def _imported(self, module: Module, node: ast.Import | ast.ImportFrom) -> None:
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{each.name}" for each in node.names]
        for name in names:
            if name == "importlib" or any(name == bad or name.startswith(f"{bad}.") for bad in BANNED_MODULES):
                self._say(module, node, f"no page may import {name}")

    def _attribute(self, module: Module, node: ast.Attribute) -> None:
        base = node.value.id if isinstance(node.value, ast.Name) else ""
        if node.attr in BANNED and module.imports.get(base, "").startswith("streamlit"):
            self._say(module, node, f"st.{node.attr} is not for pages: {BANNED[node.attr]}")
        if ast.unparse(node) in BANNED_CALLS:
            self._say(module, node, f"{ast.unparse(node)} is not for pages")

    def _streamlit(self, module: Module, base: ast.expr) -> bool:
        """Whether an attribute of `base` may be one of Streamlit's: not for modules and strings, nor for our own."""
        while isinstance(base, ast.Attribute):
            base = base.value
        if isinstance(base, ast.Constant | ast.JoinedStr):
            return False
        target = module.imports.get(base.id, "") if isinstance(base, ast.Name) else ""
        return not target or target.startswith("streamlit")

    def _query(self, module: Module, node: ast.JoinedStr | ast.BinOp) -> None:
        parts = node.values if isinstance(node, ast.JoinedStr) else [node.left]
        first = parts[0] if parts else None
        holes = isinstance(node, ast.BinOp) or any(isinstance(part, ast.FormattedValue) for part in parts)
        if holes and isinstance(first, ast.Constant) and isinstance(first.value, str) and SQL.match(first.value):
            self._say(
                module, node, "SQL is never put together from strings; bind parameters in the workspace's modules"
            )

    def _call(self, module: Module, node: ast.Call, scope: Scope) -> None:
        function = node.func
        if isinstance(function, ast.Name):
            if function.id in BANNED_NAMES:
                self._say(module, node, f"{function.id}() runs text as code")
            self._own(module, node, scope)
            return
        if not isinstance(function, ast.Attribute):
            return
        name = function.attr
        if name in BANNED and self._streamlit(module, function.value):
            self._say(module, node, f"st.{name} is not for pages: {BANNED[name]}")
        if name == "format" and isinstance(function.value, ast.Constant) and SQL.match(str(function.value.value)):
            self._say(
                module, node, "SQL is never put together from strings; bind parameters in the workspace's modules"
            )
        if name == "html" and self._streamlit(module, function.value):
            if module.name not in TEMPLATES:
                self._say(
                    module, node, "st.html is for the template modules only (TEMPLATES in tests/helpers/page_lint.py)"
                )
            for value in [*node.args, *(each.value for each in node.keywords if each.arg == "body")]:
                self._need(module, value, scope, "html", "st.html")
            return
        if name in MARKDOWN and self._streamlit(module, function.value):
            self._widget(module, node, name, scope)
        elif self._streamlit(module, function.value):
            for each in node.keywords:
                if each.arg == "help":
                    self._need(module, each.value, scope, "markdown", f"st.{name}, help=")
        else:
            self._own(module, node, scope)

    def _widget(self, module: Module, node: ast.Call, name: str, scope: Scope) -> None:
        places = MARKDOWN[name]
        given = dict(zip(places, node.args, strict=False))
        words = {each.arg: each.value for each in node.keywords if each.arg}
        titles = ("title",) if name in ("error", "info", "success", "warning") else ()
        given |= {word: value for word, value in words.items() if word in (*places, *MARKDOWN_WORDS, *titles)}
        if name in CHOICES and "format_func" in words:
            given.pop("options", None)
            if not self._writes_safely(module, words["format_func"], scope):
                self._say(module, node, f"format_func of st.{name} writes Markdown; let it return md_text(...)")
        for word, value in given.items():
            if word == "page" or (name == "progress" and word == "value"):
                continue
            self._need(module, value, scope, "markdown", f"st.{name}, {word}")

    def _own(self, module: Module, node: ast.Call, scope: Scope) -> None:
        """A call of one of our own functions that passes a parameter on."""
        target = self._target(module, node.func)
        if target not in self.sinks:
            return
        for word, value in _bound(self.functions[target][1], node):
            for kind in sorted(self.sinks[target].get(word, ())):
                self._need(module, value, scope, kind, f"{target.rpartition('.')[2]}(), {word}")

    def _need(self, module: Module, value: ast.expr, scope: Scope, kind: str, where: str) -> None:
        taken: set[tuple[ast.AST, str]] = set()
        if not self._safe(module, value, scope, kind, taken):
            escape = "md_text(...)" if kind == "markdown" else "html_text(...)"
            shown = ast.unparse(value)
            self._say(module, value, f"{where}: {shown[:90]} may be outside text; wrap it in {escape}")
            return
        for owner, name in taken:
            if owner not in module.functions.values():
                self._say(module, value, f"{where}: the parameter {name} of an inner function may be outside text")
                continue
            of = self.sinks.setdefault(f"{module.name}.{owner.name}", {}).setdefault(name, set())
            if kind not in of:
                of.add(kind)
                self.grown = True

    def _target(self, module: Module, function: ast.expr) -> str:
        """The dotted name of a function where it is written, as far as imports tell."""
        name = ""
        if isinstance(function, ast.Name):
            own = f"{module.name}.{function.id}" if function.id in module.functions else ""
            name = module.imports.get(function.id, own)
        elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            base = module.imports.get(function.value.id, "")
            name = f"{base}.{function.attr}" if base else ""
        for _ in range(5):  # what a module imports it may hand on
            room, _, last = name.rpartition(".")
            found = self.named.get(room)
            if found is None or last not in found.imports:
                break
            name = found.imports[last]
        return name

    def _writes_safely(self, module: Module, function: ast.expr, scope: Scope) -> bool:
        """Whether a function returns safe Markdown whatever it is given."""
        if isinstance(function, ast.Lambda):
            return self._safe(module, function.body, (function, *scope), "markdown", None)
        if isinstance(function, ast.Attribute) and function.attr in ("get", "__getitem__"):
            return self._safe(module, function.value, scope, "markdown", None)
        if isinstance(function, ast.Name) and function.id not in module.imports:
            for place in scope:
                for node in getattr(place, "body", []) if not isinstance(place, ast.Lambda) else []:
                    if isinstance(node, ast.FunctionDef) and node.name == function.id:
                        return self._returns_safely(module, node, scope, "markdown", given=False)
        target = self._target(module, function)
        return target in ROOTS["markdown"] or (
            target in self.functions and self._summary(target, "markdown", given=False)
        )

    def _summary(self, target: str, kind: str, *, given: bool) -> bool:
        """Whether a function returns safe text; with `given`, provided that its arguments are safe."""
        key = (target, kind, given)
        if key not in self.summaries:
            self.summaries[key] = False  # while it is being found out: recursion proves nothing
            module, node = self.functions[target]
            self.summaries[key] = self._returns_safely(module, node, (module.tree,), kind, given=given)
        return self.summaries[key]

    def _returns_safely(self, module: Module, node: ast.FunctionDef, scope: Scope, kind: str, *, given: bool) -> bool:
        if node.returns is not None and SAFE_TYPES.fullmatch(ast.unparse(node.returns)):
            return True
        inner: Scope = (node, *scope)
        values = [each.value for each, place in _walk(node, inner) if isinstance(each, ast.Return) and place[0] is node]
        taken: set[tuple[ast.AST, str]] | None = set() if given else None
        return bool(values) and all(value is None or self._safe(module, value, inner, kind, taken) for value in values)

    def _safe(  # noqa: C901 -- one line a form of expression
        self, module: Module, value: ast.expr, scope: Scope, kind: str, taken: set[tuple[ast.AST, str]] | None
    ) -> bool:
        """Whether an expression holds no outside text; parameters are noted in `taken`, unsafe where that is None."""

        def safe(part: ast.expr) -> bool:
            return self._safe(module, part, scope, kind, taken)

        match value:
            case ast.Constant() | ast.Compare() | ast.Lambda():
                return True
            case ast.UnaryOp():
                return isinstance(value.op, ast.Not) or safe(value.operand)
            case ast.JoinedStr():
                return all(safe(part) for part in value.values)
            case ast.FormattedValue():
                return _numeric(value.format_spec) or safe(value.value)
            case ast.BinOp():
                return safe(value.left) and safe(value.right)
            case ast.BoolOp():
                return all(map(safe, value.values))
            case ast.IfExp():
                return safe(value.body) and safe(value.orelse)
            case ast.List() | ast.Tuple() | ast.Set():
                return all(map(safe, value.elts))
            case ast.Dict():
                return all(key is None or safe(key) for key in value.keys) and all(map(safe, value.values))
            case ast.Starred() | ast.NamedExpr():
                return safe(value.value)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                return self._safe(module, value.elt, (value, *scope), kind, taken)
            case ast.DictComp():
                inner = (value, *scope)
                return all(self._safe(module, part, inner, kind, taken) for part in (value.key, value.value))
            case ast.Subscript():
                return safe(value.value)
            case ast.Attribute():
                # A record that a function is given may hold anything, unless its type says that it is ours.
                return bool(CAPITALS.fullmatch(value.attr)) or self._safe(module, value.value, scope, kind, None)
            case ast.Name():
                return self._name(module, value.id, scope, kind, taken)
            case ast.Call():
                return self._result(module, value, scope, kind, taken)
        return False

    def _result(
        self, module: Module, call: ast.Call, scope: Scope, kind: str, taken: set[tuple[ast.AST, str]] | None
    ) -> bool:
        given = [*call.args, *(each.value for each in call.keywords)]

        def all_safe(*more: ast.expr) -> bool:
            return all(self._safe(module, part, scope, kind, taken) for part in (*more, *given))

        target = self._target(module, call.func)
        if target in ROOTS[kind]:
            return True
        if target in self.functions:
            if self._summary(target, kind, given=False):
                return True
            # What a function takes as a number cannot be text.
            numbers = {each.arg for each in _parameters(self.functions[target][1]) if _typed_number(each)}
            texts = [value for word, value in _bound(self.functions[target][1], call) if word not in numbers]
            return self._summary(target, kind, given=True) and all(
                self._safe(module, each, scope, kind, taken) for each in texts
            )
        if isinstance(call.func, ast.Name):
            if call.func.id == "map" and len(call.args) == 2:
                return self._target(module, call.args[0]) in ROOTS[kind] or all_safe()
            return call.func.id in NUMERIC or call.func.id == "range" or (call.func.id in PASSING and all_safe())
        if isinstance(call.func, ast.Attribute) and call.func.attr in METHODS:
            return all_safe(call.func.value)
        return False

    def _name(self, module: Module, name: str, scope: Scope, kind: str, taken: set[tuple[ast.AST, str]] | None) -> bool:
        if CAPITALS.fullmatch(name):
            return True
        for depth, place in enumerate(scope):
            around = scope[depth:]
            sources = list(_sources(place, name))
            if sources:
                if (place, name) in self._open:
                    return True  # it is made of itself and of what is looked at anyway
                self._open.append((place, name))
                try:
                    # What a comprehension reads from is seen from outside of it.
                    outside = around[1:] if isinstance(place, _COMPREHENSIONS) else around
                    assigned = all(
                        source is not None and self._safe(module, source, outside if loop else around, kind, taken)
                        for source, loop in sources
                    )
                finally:
                    self._open.pop()
                if not assigned:
                    return False
                if _parameter(place, name) is None:
                    return True
            parameter = _parameter(place, name)
            if parameter is None:
                continue
            typed = "" if parameter.annotation is None else ast.unparse(parameter.annotation).strip("'")
            if SAFE_TYPES.fullmatch(typed) or typed in OWN_RECORDS:
                return True
            if taken is None or isinstance(place, ast.Lambda):
                return False
            taken.add((place, name))
            return True
        return False


_COMPREHENSIONS = (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)
_FUNCTIONS = (ast.FunctionDef, ast.Lambda)


def _module(name: str, text: str) -> Module:
    file = f"{name.replace('.', '/')}.py"
    made = Module(name, file, ast.parse(text, file))
    for node in ast.walk(made.tree):
        if isinstance(node, ast.Import):
            made.imports |= {each.asname or each.name.partition(".")[0]: each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            made.imports |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    made.functions = {each.name: each for each in made.tree.body if isinstance(each, ast.FunctionDef)}
    return made


def _walk(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
    for child in ast.iter_child_nodes(node):
        yield child, scope
        inner = (child, *scope) if isinstance(child, (*_FUNCTIONS, *_COMPREHENSIONS)) else scope
        yield from _walk(child, inner)


def _bound(function: ast.FunctionDef, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    yield from zip(names, call.args, strict=False)
    more = function.args.vararg.arg if function.args.vararg else ""
    yield from ((more, value) for value in call.args[len(names) :])
    yield from ((each.arg, each.value) for each in call.keywords if each.arg)


def _parameter(place: ast.AST, name: str) -> ast.arg | None:
    if not isinstance(place, _FUNCTIONS):
        return None
    return next((each for each in _parameters(place) if each.arg == name), None)


def _parameters(place: ast.FunctionDef | ast.Lambda) -> list[ast.arg]:
    given = place.args
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]


def _typed_number(parameter: ast.arg) -> bool:
    return parameter.annotation is not None and SAFE_TYPES.fullmatch(ast.unparse(parameter.annotation)) is not None


def _sources(  # noqa: C901 -- one line a form of statement
    place: ast.AST, name: str
) -> Iterator[tuple[ast.expr | None, bool]]:
    """What a name may be in one scope (None: nobody can tell), and whether a comprehension takes it from there."""
    if isinstance(place, _COMPREHENSIONS):
        for each in place.generators:
            if _names(each.target, name):
                yield each.iter, True
        return
    if isinstance(place, ast.Lambda):
        return
    for node, scope in _walk(place, (place,)):
        if scope[0] is not place:
            continue
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _assigned(target, node.value, name)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr | ast.AugAssign):
            if _names(node.target, name) and node.value is not None:
                yield node.value, False
        elif isinstance(node, ast.For) and _names(node.target, name):
            yield node.iter, False
        elif isinstance(node, ast.withitem) and node.optional_vars is not None and _names(node.optional_vars, name):
            yield None, False
        elif isinstance(node, ast.Call) and _grows(node, name):
            yield from ((value, False) for value in node.args)
        elif isinstance(node, ast.ExceptHandler) and node.name == name:
            yield None, False


def _assigned(target: ast.expr, value: ast.expr, name: str) -> Iterator[tuple[ast.expr | None, bool]]:
    if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        for inner, part in zip(target.elts, value.elts, strict=False):
            yield from _assigned(inner, part, name)
    elif isinstance(target, ast.Subscript):
        if isinstance(target.value, ast.Name) and target.value.id == name:
            yield value, False
    elif _names(target, name):
        yield value, False


def _grows(call: ast.Call, name: str) -> bool:
    """`name.append(...)` and the like put something into it."""
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr in ("append", "extend", "insert", "update", "add", "setdefault")
        and isinstance(function.value, ast.Name)
        and function.value.id == name
    )


def _names(target: ast.expr, name: str) -> bool:
    if isinstance(target, ast.Name):
        return target.id == name
    if isinstance(target, ast.Starred):
        return _names(target.value, name)
    return isinstance(target, ast.Tuple | ast.List) and any(_names(each, name) for each in target.elts)


def _numeric(spec: ast.expr | None) -> bool:
    """Whether only a number can be written with this format."""
    if not isinstance(spec, ast.JoinedStr):
        return False
    text = "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in spec.values)
    return bool(text) and NUMERIC_SPEC.fullmatch(text) is not None
