"""An extraction as a run, or into a folder of the user's own: rationales kept with all that repeats them."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from rationale_eval.engine.memory import DiskMemory
from rationale_eval.engine.run import Engine
from rationale_eval.rationales.extract import Extraction
from rationale_eval.verbs.extract import choose_methods, write
from rationale_eval.verbs.job import MEMORY, Job, Progress
from rationale_eval.workspace.runs import Run, Workspace


class ExtractConfig(Job):
    """What to explain and how."""

    methods: tuple[str, ...] = Field(("integrated_gradients",), description="Methods that make the rationales.")


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


def extract_run(
    config: ExtractConfig,
    *,
    out: Path | None = None,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
) -> Extracted:
    """Makes rationales and keeps them in `out`, or in the folder `explanations` of a new run.

    Args:
        config: What to do.
        out: A folder of the user's own; no run is made then.
        workspace: Where runs are kept; the default workspace when None.
        progress: Shows progress.

    Raises:
        UsageError: For names that do not exist and things that do not go together.
        InputError: For data that cannot be used.
    """
    place = workspace or Workspace()
    chosen = choose_methods(config.methods, config.settings)
    data = config.open_data()
    model = config.open_model(data, place)
    show: Progress = progress or (lambda what, total: nullcontext(lambda done: None))
    with ExitStack() as stack:
        engine = None
        if model is not None:
            memory = None
            if config.remember and (out is None or place.path.exists()):
                memory = DiskMemory(place.path / MEMORY)
                stack.callback(memory.close)
            engine = Engine(model, memory=memory)
        # Before the run folder is made: what cannot run should leave nothing behind.
        extraction = Extraction(chosen, model, target=config.target, seed=config.seed, engine=engine)
        run = None
        if out is None:
            run = place.create_run(
                "extract",
                config.model_dump(mode="json"),
                data=config.data,
                fingerprint=data.fingerprint(),
                seed=config.seed,
            )
            stack.enter_context(run.working())
        folder = run.folder / "explanations" if run is not None else out or Path()
        step = stack.enter_context(show("explaining", len(data)))
        write(extraction, data, folder, step)
        rows = summary(extraction)
        if run is not None:
            run.write_summary({"methods": rows})
    return Extracted(folder, rows, run)


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
