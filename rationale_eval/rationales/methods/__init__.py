"""One file a method. A new file in this folder is a new method; nothing else has to change."""

from importlib import import_module
from pkgutil import iter_modules

from rationale_eval.rationales.record import METHODS

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")

__all__ = ["METHODS"]
