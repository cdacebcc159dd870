"""Named sets, one small file each: what is asked, which gold rationales exist, licence, citation, public columns.

Adding a set is adding a file here that defines `ENTRY`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from rationale_eval.data.catalogue.entry import Entry, Form, Gold
from rationale_eval.registry import Registry

CATALOGUE: Final[Registry[Entry]] = Registry("data set")

for _module in sorted(module.name for module in iter_modules(__path__)):
    if _module != "entry":
        _entry: Entry = import_module(f"{__name__}.{_module}").ENTRY
        CATALOGUE.add(_entry.name, _entry)

__all__ = ["CATALOGUE", "Entry", "Form", "Gold"]
