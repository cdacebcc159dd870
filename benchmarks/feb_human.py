"""FEB's study of human ratings, computed again from the released answers and set beside the published table.

python -m benchmarks.feb_human [--data ../shared/data/feb_human_eval]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.report import ROOT, Page
from rationale_eval.data.load import load_dataset
from rationale_eval.metrics.human_ratings import HUMAN, Agreement, Rated, read_ratings, summarize

ASKED: Final = 360
"""Explanations of each model and task that were shown."""

TASKS: Final = {"esnli": "E-SNLI", "ecqa": "ECQA", "sensemaking": "ComVE", "sbic": "SBIC"}
SYSTEMS: Final = {
    "unifiedqa-t5-base": "base",
    "unifiedqa-t5-large": "large",
    "unifiedqa-t5-3b": "3B",
    "gpt3": "GPT-3",
    HUMAN: "people",
}
PUBLISHED: Final = {
    "esnli": ("16.8 ± 1.5", "32.7 ± 1.9", "41.6 ± 2.1", "42.4 ± 2.2", "74.4 to 78.7"),
    "ecqa": ("25.5 ± 1.2", "30.3 ± 1.5", "34.2 ± 1.6", "45.1 ± 1.4", "69.5 to 74.0"),
    "sensemaking": ("13.8 ± 1.3", "25.6 ± 1.7", "33.4 ± 1.7", "42.2 ± 1.8", "76.0 to 77.8"),
    "sbic": ("58.0 ± 2.3", "61.8 ± 2.2", "64.2 ± 2.1", "72.7 ± 1.7", "78.2 to 80.9"),
}
"""Of all showings (mean ± standard error, per cent); for people the range over the four batches."""


def rows(rated: Sequence[Rated]) -> list[dict[str, Any]]:
    found = []
    for dataset, task in TASKS.items():
        for (system, name), published in zip(SYSTEMS.items(), PUBLISHED[dataset], strict=True):
            group = summarize([one for one in rated if (one.dataset, one.system) == (dataset, system)])
            found.append({"task": task, "written by": name, **_cells(group, published, human=system == HUMAN)})
    return found


def _cells(group: Agreement, published: str, *, human: bool) -> dict[str, Any]:
    computed = f"{100 * group.plausibility:.1f} ± {100 * group.error:.1f}"
    if human:
        low, high = map(float, published.split(" to "))
        verdict = "within" if low <= round(100 * group.plausibility, 1) <= high else "outside"
    else:
        verdict = "equal" if computed == published else f"not at hand: {ASKED - group.showings} of {ASKED}"
    return {
        "showings": group.showings,
        "plausibility, %": computed,
        "published": published,
        "": verdict,
        "kappa": f"{group.kappa:.2f}",
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(ROOT / ".." / "shared" / "data" / "feb_human_eval"))
    asked = parser.parse_args(arguments)
    rated = read_ratings(load_dataset(str(Path(asked.data)), "test"))
    found = rows(rated)
    page = Page("feb_human", "FEB: what people say of explanations", "python -m benchmarks.feb_human")
    page.text(
        "Three people said whether an explanation justifies the answer: yes 1, weak yes 2/3, weak no 1/3, no 0. The",
        "plausibility of a showing is the mean of the three; the table has the mean over showings with its standard",
        "error, and Fleiss' kappa of yes against no, with uniform chance. Marasovic et al. 2022, section 5.",
    )
    page.table(found, "Plausibility", "ratings")
    equal = sum(row[""] == "equal" for row in found)
    page.text(
        f"{equal} of the 16 cells of models equal the published ones to every printed figure. The others cannot: the",
        "data at hand lack 36 showings of ECQA large (in one batch the first question of every form has no text) and",
        "one each of SBIC base and large. The published means lie within what the missing answers could make of them.",
        "Explanations of people were shown in four batches, and the answers at hand do not say in which, so the mean",
        "over all of them stands beside the published range.",
    )
    print(page.write())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
