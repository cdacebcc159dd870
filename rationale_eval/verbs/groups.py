"""Groups: runs of one sweep side by side, one line for each configuration, over its seeds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rationale_eval.errors import UsageError
from rationale_eval.metrics.seeds import Spread, over_seeds, spread
from rationale_eval.metrics.statistics import LEVEL
from rationale_eval.workspace.runs import Run, Workspace

if TYPE_CHECKING:
    import pandas as pd

    from rationale_eval.verbs.result import Result

SILENT: Final = ("device", "seed", "sinks", "config.precision")
"""What may differ within one configuration: where and how it is computed and shown, and the seed."""


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """A training record with its knobs as `config.NAME`."""
    rest = {name: value for name, value in record.items() if name != "config"}
    return rest | {f"config.{name}": value for name, value in record.get("config", {}).items()}


def configuration(record: Mapping[str, Any]) -> str:
    """What a training does, whatever its seed and machine, as a text that is equal for equal ones."""
    return _text({name: value for name, value in flat(record).items() if name not in SILENT})


@dataclass(frozen=True, slots=True)
class Line:
    """One configuration of a group.

    Args:
        differing: The settings that are not equal in the whole group, by name.
        runs: Its runs, by seed.
        metrics: Dev metrics over the seeds that finished.
    """

    differing: dict[str, Any]
    runs: dict[int, Run]
    metrics: dict[str, Spread]

    @property
    def states(self) -> dict[str, int]:
        """How many runs are in which state."""
        found: dict[str, int] = {}
        for run in self.runs.values():
            found[run.status.state] = found.get(run.status.state, 0) + 1
        return found

    @property
    def label(self) -> str:
        """The configuration in words."""
        return ", ".join(f"{name}={value}" for name, value in self.differing.items()) or "the only configuration"


@dataclass(frozen=True, slots=True)
class Group:
    """The training runs that belong together.

    Args:
        id: What they are called.
        runs: The runs; of two that do the same with the same seed, the better one: finished, else the newer.
    """

    id: str
    runs: tuple[Run, ...]

    @classmethod
    def find(cls, id: str, workspace: Workspace) -> Group:
        """Reads a group from the run folders.

        Raises:
            UsageError: If no run belongs to such a group.
        """
        found = cls.read(id, workspace)
        if not found.runs:
            known = {str(run.asked["group"]) for run in workspace.runs("train") if run.asked.get("group")}
            hint = f"there are: {', '.join(sorted(known)[:10])}" if known else "none was made yet, see train --seeds"
            raise UsageError(f"there is no group '{id}' in {workspace.path}; {hint}.")
        return found

    @classmethod
    def read(cls, id: str, workspace: Workspace) -> Group:
        """Reads a group that may still be empty."""
        kept: dict[tuple[str, int], Run] = {}
        for run in workspace.runs("train"):
            if run.asked.get("group") == id:
                key = (configuration(run.config), int(run.config["seed"]))
                if key not in kept or kept[key].status.state != "finished":
                    kept[key] = run
        return cls(id, tuple(kept.values()))

    def member(self, record: Mapping[str, Any]) -> Run | None:
        """The run that does what a record says, with its seed; None where there is none."""
        key = (configuration(record), record["seed"])
        return next((run for run in self.runs if (configuration(run.config), run.config["seed"]) == key), None)

    def lines(self, level: float = LEVEL) -> list[Line]:
        """One line for each configuration, in the order in which they were begun."""
        records = {run.id: flat(run.config) for run in self.runs}
        names = list(dict.fromkeys(name for record in records.values() for name in record if name not in SILENT))
        differing = [name for name in names if len({_text(one.get(name)) for one in records.values()}) > 1]
        held: dict[str, list[Run]] = {}
        for run in self.runs:
            held.setdefault(configuration(run.config), []).append(run)
        return [
            Line(
                {name.removeprefix("config."): records[runs[0].id].get(name) for name in differing},
                {int(run.config["seed"]): run for run in sorted(runs, key=lambda run: int(run.config["seed"]))},
                _metrics(runs, level),
            )
            for runs in held.values()
        ]

    def best(self, metric: str, *, lower_is_better: bool | None = None) -> Line:
        """The configuration with the best mean of a dev metric; those without a finite value are left out.

        Args:
            metric: Its name.
            lower_is_better: By default True for losses alone.

        Raises:
            UsageError: If no finished run has that metric.
        """
        lines = [line for line in self.lines() if metric in line.metrics and math.isfinite(line.metrics[metric].mean)]
        if not lines:
            known = sorted({name for line in self.lines() for name in line.metrics})
            hint = f"there are: {', '.join(known)}" if known else "no run is finished yet"
            raise UsageError(f"no finished run of group '{self.id}' has the dev metric '{metric}'; {hint}.")
        lower = metric.endswith("loss") if lower_is_better is None else lower_is_better
        # Of equal ones the first: max and min both keep it.
        return (min if lower else max)(lines, key=lambda line: line.metrics[metric].mean)

    def table(self, level: float = LEVEL) -> list[dict[str, Any]]:
        """One record for each configuration and dev metric, for tables and files.

        Returns:
            The differing settings, metric, seeds, mean, sd, ci_low, ci_high and interval; a configuration none of
            whose runs is finished has one record without a metric.
        """
        rows = []
        for line in self.lines(level):
            for name, found in line.metrics.items() or [("", spread([]))]:
                rows.append(
                    line.differing
                    | {"metric": name, "seeds": found.n, "mean": found.mean, "sd": found.sd}
                    | {"ci_low": found.low, "ci_high": found.high, "interval": found.interval}
                )
        return rows

    @property
    def metric(self) -> str | None:
        """The dev metric that selected the weights of its runs, where all agree."""
        names = {str(run.config["config"].get("metric")) for run in self.runs}
        return names.pop() if len(names) == 1 else None


def group_results(results: Sequence[Result] | Mapping[str, Sequence[Result]], *, level: float = LEVEL) -> pd.DataFrame:
    """Evaluations of several seeds as one table: mean over seeds with its interval.

    The unit is the seed, and the value of a seed is its corpus value: the interval says how another training would fare
    on the same examples. It holds nothing about other examples.

    Args:
        results: One evaluation for each seed, or several such systems by name.
        level: Confidence level.

    Returns:
        One row for each method, metric and variant; columns as `metrics.seeds.over_seeds`, and `system` in front where
        systems were named.

    Raises:
        UsageError: If there is no result, or they are of different data.
    """
    import pandas as pd

    from rationale_eval.verbs.compare import same_data

    systems = dict(results) if isinstance(results, Mapping) else {"": list(results)}
    if not systems or not all(systems.values()):
        raise UsageError("there is no evaluation to average over seeds")
    same_data({f"{name} {place}".strip(): one for name, each in systems.items() for place, one in enumerate(each, 1)})
    tables = []
    for name, each in systems.items():
        table = over_seeds([one.summary(resamples=1) for one in each], level)
        if isinstance(results, Mapping):
            table.insert(0, "system", name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _metrics(runs: Sequence[Run], level: float) -> dict[str, Spread]:
    summaries = [run.summary for run in runs if run.status.state == "finished"]
    found = [summary["metrics"] for summary in summaries if summary is not None]
    names = dict.fromkeys(name for metrics in found for name in metrics)
    return {name: spread([metrics.get(name, math.nan) for metrics in found], level) for name in names}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
