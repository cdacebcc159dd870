"""One file a perturbation. A new file in this folder is a new perturbation; nothing else has to change."""

from importlib import import_module
from pkgutil import iter_modules

from rationale_eval.rationales.perturb_texts import Perturbed, Report, perturb
from rationale_eval.rationales.text_perturbation import PERTURBATIONS, Changed, Effect, Perturbation, Pool, Said

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")

__all__ = ["PERTURBATIONS", "Changed", "Effect", "Perturbation", "Perturbed", "Pool", "Report", "Said", "perturb"]
