"""One file for each published way to train. A new file in this folder is a new recipe; nothing else has to change."""

from importlib import import_module
from pkgutil import iter_modules

from rationale_eval.recipes.record import RECIPES

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")

__all__ = ["RECIPES"]
