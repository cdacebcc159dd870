"""MLflow: a tracking folder or server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from rationale_eval.training.sinks.record import Sink, Subject

EXPERIMENT: Final = "rationale_eval"
TAG: Final = "rationale_eval.run"
LONGEST: Final = 500
"""Characters of a parameter's value that every store of MLflow takes."""


class MLflow:
    """Logs to MLflow.

    Args:
        target: Tracking address; MLflow's own choice (`MLFLOW_TRACKING_URI`) by default.
    """

    def __init__(self, target: str | None):
        self.target = target
        self._client: Any = None
        self._run = ""

    def open(self, subject: Subject) -> None:
        """Goes on with the entry of an earlier attempt, or makes one with the config as parameters."""
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=self.target)
        found = self._client.get_experiment_by_name(EXPERIMENT)
        place = self._client.create_experiment(EXPERIMENT) if found is None else found.experiment_id
        earlier = self._client.search_runs([place], f"tags.`{TAG}` = '{subject.id}'", max_results=1)
        if earlier:
            self._run = earlier[0].info.run_id
            return
        made = self._client.create_run(place, run_name=subject.title or subject.id, tags={TAG: subject.id})
        self._run = made.info.run_id
        for name, value in subject.config.items():
            text = value if isinstance(value, str) else json.dumps(value)
            self._client.log_param(self._run, name, text[:LONGEST])

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """One metric for each name."""
        for name, value in values.items():
            self._client.log_metric(self._run, name, value, step=step)

    def close(self, finished: bool) -> None:
        """Marks the entry as finished, or as killed where the run stopped before its end."""
        self._client.set_terminated(self._run, "FINISHED" if finished else "KILLED")


def make(target: str | None) -> Sink:
    """An MLflow sink."""
    return MLflow(target)
