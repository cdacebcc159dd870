"""One file for each published way to train; importing this package knows them all."""

from rationale_eval.recipes import fine_tune
from rationale_eval.recipes.record import RECIPES

__all__ = ["RECIPES", "fine_tune"]
