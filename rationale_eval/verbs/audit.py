"""`audit`: is a metric of free-text rationales to be trusted, here, with these data?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rationale_eval import durable
from rationale_eval.axioms.audit import Audit, Auditor
from rationale_eval.axioms.choosing import name_of
from rationale_eval.axioms.files import INSTANCES, REPORT, SCORES
from rationale_eval.errors import InputError
from rationale_eval.metrics.text_case import TextCase
from rationale_eval.verbs.audit_instances import instances
from rationale_eval.verbs.audit_job import AuditConfig
from rationale_eval.verbs.audit_summary import summary_row

UserMetric = Callable[[TextCase], float]


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an audit left behind.

    Args:
        folder: Holds `audit.json`, `scores.parquet` and `instances.parquet`.
        report: The content of the first.
    """

    folder: Path
    report: Mapping[str, Any]

    @classmethod
    def load(cls, folder: str | Path) -> AuditResult:
        """Reads the folder of an audit.

        Raises:
            InputError: If there is none.
        """
        path = Path(folder) / REPORT
        if not path.is_file():
            raise InputError(f"'{folder}' holds no audit; name the folder of a finished audit")
        return cls(Path(folder), json.loads(path.read_text(encoding="utf-8")))

    def cards(self) -> list[dict[str, Any]]:
        """One scorecard for each metric and variant."""
        return list(self.report["scorecards"])

    def summary(self) -> pd.DataFrame:
        """One row for each metric and variant: the verdict of every check and the number it rests on."""
        return pd.DataFrame([summary_row(card) for card in self.cards()])

    def examples(self) -> pd.DataFrame:
        """Every score: source, seed, example_id, answer, text, metric, variant, value, reason."""
        return pd.read_parquet(self.folder / SCORES)


def audit(  # noqa: PLR0913 -- a public verb; all but the first two are keywords with defaults
    data: str | Path,
    metrics: Sequence[str | UserMetric] = ("simulatability", "rq", "las"),
    *,
    ratings: str | None = None,
    limit: int | None = None,
    split: str | None = None,
    train_split: str = "train",
    protocol: Mapping[str, Any] | None = None,
    workspace: str | Path | None = None,
    device: str = "auto",
    seed: int = 0,
    folder: str | Path | None = None,
) -> AuditResult:
    """Holds metrics to the axioms of FRAME, the leakage check and people's ratings.

    Args:
        data: Name of a data set or a folder of splits.
        metrics: Names, as `simulatability` (its pt and np variants) or `las:np_leaking`; or functions of a `TextCase`
            that give a number, of which more is better.
        ratings: Explanations that people rated.
        limit: Training examples of the task model.
        split: Where metrics are computed.
        train_split: Where task model and simulators learn.
        protocol: Knobs; see `audit.protocol.Protocol`.
        workspace: Where the run and the simulators are kept.
        device: Where models run.
        seed: The first seed.
        folder: Where to write instead of a run, which metrics that are functions need; of one audit alone.

    Raises:
        UsageError: For names, knobs or data that cannot be used, or a folder that another audit has begun.

    Example:
        >>> result = audit("bundled/nli", ["rq", lambda case: float(len(case.text) > 0)], folder="out")
    """
    from rationale_eval.verbs.audit_run import audit_folder, audit_run
    from rationale_eval.workspace.runs import Workspace

    config = AuditConfig(
        data=str(data), metrics=tuple(map(name_of, metrics)), ratings=ratings, limit=limit, split=split,
        train_split=train_split, protocol=dict(protocol or {}), device=device, seed=seed,
    )  # fmt: skip
    place = Workspace(workspace)
    if folder is None and all(isinstance(one, str) for one in metrics):
        return AuditResult.load(audit_run(config, workspace=place).folder)
    return audit_folder(config, list(metrics), Path(folder or "audit"), place)


def write(found: Audit, auditor: Auditor, folder: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Writes scores, the examples they are of, and the report; returns the report."""
    frame = found.scores.copy()
    frame["parts"] = [None if one is None else np.asarray(one).tolist() for one in frame["parts"]]
    with durable.whole_file(folder / SCORES) as temporary:
        frame.to_parquet(temporary, index=False)
    with durable.whole_file(folder / INSTANCES) as temporary:
        instances(auditor.test, auditor.ratings).to_parquet(temporary, index=False)
    report = {
        **about,
        "protocol": auditor.protocol.model_dump(mode="json"),
        "train": {"examples": len(auditor.train), "fingerprint": auditor.train.fingerprint()},
        "test": {"examples": len(auditor.test), "fingerprint": auditor.test.fingerprint()},
        "accuracy": [
            {"source": source, "seed": seed, "accuracy": value} for (source, seed), value in found.accuracy.items()
        ],
        "perturbations": [{"seed": seed, **asdict(report)} for seed, report in found.perturbations],
        "simulators": found.learned,
        "scorecards": [card.record() for card in found.cards],
    }
    durable.write_json(folder / REPORT, report)
    return report
