"""Measures matrix products on this machine: which mode is quickest, and what it costs in exactness."""

from __future__ import annotations

from benchmarks.gemm import measure, peaks
from benchmarks.report import Page


def main() -> None:
    """Writes docs/results/matmul.md."""
    rates = measure()
    page = Page("matmul", "Matrix products on this machine", "python -m benchmarks.run matmul")
    page.text(
        "The products of the layers of MiniLM (width 384, inner width 1536) at 1,024 to 4,096 tokens; the quickest",
        "repeat counts. *fp32 medium* is torch's float32 matrix precision `medium`, which permits bfloat16 kernels;",
        "the error (largest difference from float64, relative to the largest entry) tells whether they were taken.",
    )
    best = peaks(rates)
    errors = {mode: max(rate.error for rate in rates if rate.mode == mode) for mode in best}
    page.table(
        [{"mode": mode, "peak, GFLOP/s": best[mode], "largest error": f"{errors[mode]:.1e}"} for mode in best],
        key="peaks",
    )
    page.table(
        [
            {
                "mode": r.mode,
                "tokens": r.rows,
                "in": r.inner,
                "out": r.columns,
                "GFLOP/s": r.gflops,
                "error": f"{r.error:.1e}",
            }
            for r in rates
        ],
        "Every shape",
        key="rates",
    )
    page.write()


if __name__ == "__main__":
    main()
