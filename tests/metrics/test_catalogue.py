import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.catalogue import ARROWS, FAMILIES, NEEDS, markdown

METRICS = load_all()
PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_is_up_to_date():
    command = "python -m rationale_eval.metrics.catalogue > docs/metrics.md"
    assert PAGE.read_text(encoding="utf-8") == markdown(METRICS.values()), f"write it again: {command}"


def test_every_metric_of_the_plan_is_registered():
    promised = """comprehensiveness sufficiency comprehensiveness_aopc sufficiency_aopc csd log_odds decision_flip
        deletion_auc insertion_auc tau_loo soft_comprehensiveness soft_sufficiency max_sensitivity infidelity
        token_precision token_recall token_f1 iou_f1 token_iou auprc average_precision roc_auc human_ceiling
        accuracy macro_f1 ece"""
    assert set(promised.split()) <= set(METRICS)


@pytest.mark.parametrize("name", load_all())
def test_records_are_complete_and_their_variants_can_be_called(name):
    facts = METRICS[name]
    assert facts.family in FAMILIES and facts.direction in ARROWS and set(facts.needs) <= set(NEEDS)
    assert facts.range[0] < facts.range[1] and facts.variants and facts.cite and facts.formula
    assert facts.best is None or facts.range[0] <= facts.best <= facts.range[1]
    assert facts.describe.endswith(".") and len(facts.describe) > 30
    assert facts.avoid.endswith(".") and len(facts.avoid) > 40, "say when not to use it"
    signature = inspect.signature(facts.ask)
    for options in facts.variants.values():
        signature.bind(None, **options)
    assert inspect.isgeneratorfunction(facts.ask) == bool({"model", "explainer", "lm"} & set(facts.needs))


def test_metric_records_load_without_torch():
    code = "from rationale_eval.metrics.all import load_all; import sys; load_all(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=PAGE.parents[1]).returncode == 0


@pytest.mark.parametrize("name", load_all())
def test_what_it_is_and_when_not_are_told_apart(name):
    facts = METRICS[name]
    assert facts.avoid.startswith(("Not ", "Never ")), facts.avoid
    assert "do not use" not in facts.describe and " Not " not in facts.describe, facts.describe
