"""An extraction as a run, or into a folder of the user's own: rationales kept with all that repeats them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rationale_eval.engine.memory import DiskMemory
from rationale_eval.engine.run import Engine
from rationale_eval.rationales.extract import Extraction
from rationale_eval.rationales.extract import check as check_methods
from rationale_eval.training.progress import progress as bar
from rationale_eval.verbs.attempt import attempt
from rationale_eval.verbs.beats import Shown, beating, counted, silently
from rationale_eval.verbs.checked import Checked, require_same
from rationale_eval.verbs.extract import choose_methods, write
from rationale_eval.verbs.job import MEMORY, ExtractConfig, Progress, placed, require_model, workspace_of
from rationale_eval.workspace.runs import Run, Workspace

FOLDER: Final = "explanations"
"""Where in a run folder the rationales lie, one file a method."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """What an extraction left behind.

    Args:
        folder: Holds `METHOD.parquet` for each method.
        rows: One mapping a method: examples, seconds, unseen words, mean convergence delta.
        run: The run, or None where a folder was asked for.
    """

    folder: Path
    rows: list[dict[str, Any]]
    run: Run | None


def check(job: ExtractConfig, workspace: Workspace) -> Checked[ExtractConfig]:
    """Checks an extraction without loading its model.

    Raises:
        UsageError: For names that do not exist and things that do not go together.
        InputError: For data that cannot be used.
    """
    chosen = choose_methods(job.methods, job.settings)
    job = job.resolved(workspace)
    require_model(job.model)
    if job.model is None:
        check_methods(chosen, None)
    return Checked(job, job.open_data(workspace))


def extract_run(
    config: ExtractConfig,
    *,
    out: Path | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    about: Mapping[str, Any] | None = None,
) -> Extracted:
    """Makes rationales and keeps them in `out`, or in the folder `explanations` of a new run.

    Args:
        config: What to do.
        out: A folder of the user's own; no run is made then.
        workspace: Where runs are kept; the default workspace when None.
        progress: Shows progress.
        about: title, owner, group, parent of the run.

    Raises:
        UsageError: For names that do not exist and things that do not go together.
        InputError: For data that cannot be used.
    """
    place = workspace or Workspace()
    checked = check(config, place)
    with ExitStack() as stack:
        # Before the run folder is made: what cannot run should leave nothing behind.
        extraction = _extraction(checked, place, stack, remember=out is None or place.path.exists())
        if out is not None:
            return Extracted(out, _write(extraction, checked, out, progress or silently), None)
        run = checked.new_run(place, about)
        with attempt(run):
            rows = _work(run, extraction, checked, progress)
    return Extracted(run.folder / FOLDER, rows, run)


def work(run: Run, *, shown: Shown = bar) -> None:
    """Does the work of an extraction that this process owns; begun again, it makes the same files.

    Args:
        run: The run.
        shown: Shows progress.

    Raises:
        RationaleEvalError: If it cannot be done.
    """
    place = workspace_of(run)
    with ExitStack() as stack:
        checked = check(placed(ExtractConfig(**run.config), run), place)
        require_same(run, checked.fingerprint)
        _work(run, _extraction(checked, place, stack, remember=True), checked, counted(shown))


def _extraction(checked: Checked[ExtractConfig], place: Workspace, stack: ExitStack, *, remember: bool) -> Extraction:
    job = checked.job
    model, engine = job.open_model(checked.data, place), None
    if model is not None:
        memory = None
        if job.remember and remember:
            memory = DiskMemory(place.path / MEMORY)
            stack.callback(memory.close)
        engine = Engine(model, memory=memory)
    chosen = choose_methods(job.methods, job.settings)
    return Extraction(chosen, model, target=job.target, seed=job.seed, engine=engine)


def _work(
    run: Run, extraction: Extraction, checked: Checked[ExtractConfig], progress: Progress | None
) -> list[dict[str, Any]]:
    rows = _write(extraction, checked, run.folder / FOLDER, beating(run, progress))
    run.write_summary({"methods": rows})
    return rows


def _write(
    extraction: Extraction, checked: Checked[ExtractConfig], folder: Path, show: Progress
) -> list[dict[str, Any]]:
    with show("explaining", len(checked.data)) as step:
        write(extraction, checked.data, folder, step)
    return summary(extraction)


def summary(extraction: Extraction) -> list[dict[str, Any]]:
    """One mapping for each method of an extraction that has run."""
    return [
        {
            "method": name,
            "examples": tally.examples,
            "seconds": round(tally.seconds, 3),
            "shared passes": tally.shared,
            "words cut off": tally.unseen_words,
            "mean |convergence delta|": tally.mean_delta,
        }
        for name, tally in extraction.tallies.items()
    ]
