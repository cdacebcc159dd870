"""What benchmarks count and write."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertForSequenceClassification

from benchmarks import flops, report
from benchmarks.gemm import Rate, peaks, rate

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("length", [1, 7, 32])
def test_formula_counts_what_torch_counts(length: int) -> None:
    shape = flops.Shape(layers=2, hidden=24, inner=40, classes=5)
    config = BertConfig(
        vocab_size=50,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=2,
        intermediate_size=shape.inner,
        num_labels=shape.classes,
        attn_implementation="eager",
    )
    model = BertForSequenceClassification(config).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(input_ids=torch.ones(1, length, dtype=torch.long))
    assert flops.forward(length, shape) == counter.get_total_flops()


def test_total_adds_over_lengths() -> None:
    assert flops.total({8: 3, 20: 1}) == 3 * flops.forward(8) + flops.forward(20)


def test_rate_is_positive_and_fp32_is_exact() -> None:
    found = rate("fp32", 64, 32, 48)
    assert found.gflops > 0
    assert found.error < 1e-5


def test_peak_is_the_highest_of_its_mode() -> None:
    rates = [Rate("fp32", 1, 1, 1, 10.0, 0.0), Rate("fp32", 2, 1, 1, 30.0, 0.0), Rate("bf16", 1, 1, 1, 20.0, 0.0)]
    assert peaks(rates) == {"fp32": 30.0, "bf16": 20.0}


def test_table_aligns_numbers_and_escapes_bars() -> None:
    rows = [{"who": "a|b", "passes": 12345.6}, {"who": "c", "passes": 0.12345}]
    assert report.table(rows) == "| who | passes |\n| --- | ---: |\n| a\\|b | 12,346 |\n| c | 0.123 |"


def test_page_holds_its_command_and_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    page = report.Page("speed", "Speed", "python -m benchmarks.run speed")
    page.text("One sentence.")
    page.table([{"mode": "fp32", "ratio": 1 / 3}], "Ratios", key="ratios")
    text = page.write().read_text(encoding="utf-8")
    assert text.startswith("# Speed\n\nOne sentence.\n\n## Ratios\n\n| mode | ratio |")
    assert "- command: `python -m benchmarks.run speed`" in text
    assert f"torch {torch.__version__}" in text
    assert str(ROOT) not in text
    kept = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert kept["ratios"] == [{"mode": "fp32", "ratio": 1 / 3}]


def test_unknown_benchmark_is_refused_with_the_names() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks.run", "sped"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "there is no benchmark 'sped'" in done.stderr
    assert "matmul" in done.stderr
