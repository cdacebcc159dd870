"""Peak memory of an evaluation against the number of examples: it must not grow with them.

python -m benchmarks.memory
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.report import ROOT, Page

SIZES: Final = (2_000, 20_000)
LARGEST_RATIO: Final = 1.1
METHODS: Final = ("input_x_gradient", "random")
BINS: Final = (20.0,)
METRICS: Final = ("comprehensiveness_aopc", "sufficiency_aopc", "token_f1", "auprc", "accuracy")


def evaluate(size: int, folder: Path) -> dict[str, Any]:
    """Explains and scores `size` generated examples with the embedded encoder; everything goes through files."""
    from rationale_eval.data.generated import generate
    from rationale_eval.models.load import load_model
    from rationale_eval.verbs.evaluate import evaluate
    from rationale_eval.verbs.extract import extract_to

    start = time.perf_counter()
    data = generate("keyword", "test", size, 0)
    model = load_model("embedded/minilm", task=data.task)
    memory = folder / "answers.sqlite"
    made = extract_to(folder, model, data, METHODS, memory=memory)
    result = evaluate(
        data,
        made,
        model=model,
        metrics=METRICS,
        options={"bins": BINS},
        memory=memory,
        out=folder / "examples.parquet",
    )
    rows = len(result.summary(resamples=200))
    return {
        "examples": size,
        "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "seconds": time.perf_counter() - start,
        "sequences run": result.provenance["engine"]["passes"],
        "rows of the summary": rows,
    }


def main() -> int:
    """Runs every size in a process of its own and writes docs/results/memory.md."""
    if len(sys.argv) > 1:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(evaluate(int(sys.argv[1]), Path(folder))))
        return 0
    rows = []
    for size in SIZES:
        command = [sys.executable, "-m", "benchmarks.memory", str(size)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    ratio = rows[-1]["peak MiB"] / rows[0]["peak MiB"]
    page = Page("memory", "Peak memory against the number of examples", "python -m benchmarks.memory")
    page.text(
        "Generated examples, the embedded 22M-parameter encoder with a fresh head (memory does not depend on what it",
        f"answers), methods {' and '.join(METHODS)}, metrics {', '.join(METRICS)}; word scores, remembered answers and",
        "example scores go to files. Peak resident memory of the whole process, model and libraries included.",
    )
    page.table(rows, key="sizes")
    page.text(
        f"{SIZES[-1]:,} examples take {ratio:.3f} times the memory of {SIZES[0]:,}; at most {LARGEST_RATIO} is allowed."
    )
    print(page.write().relative_to(ROOT))
    return 0 if ratio <= LARGEST_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
