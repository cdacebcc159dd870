"""Trained extractors of highlights. One file a kind; a new file in this folder is a new kind."""

from importlib import import_module
from pkgutil import iter_modules

from rationale_eval.rationales.extractors.record import EXTRACTORS, Extractor, Reading, read

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")

__all__ = ["EXTRACTORS", "Extractor", "Reading", "read"]
