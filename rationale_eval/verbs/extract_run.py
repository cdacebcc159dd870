"""An extraction as a run, or into a folder of the user's own: rationales kept with all that repeats them."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rationale_eval.data.load import load_dataset
from rationale_eval.engine.memory import DiskMemory
from rationale_eval.engine.run import Engine
from rationale_eval.rationales.extract import Extraction
from rationale_eval.verbs.evaluate_run import MEMORY, EvaluateConfig, Progress, open_model
from rationale_eval.verbs.extract import choose_methods, write
from rationale_eval.workspace.runs import Run, Workspace


class ExtractConfig(BaseModel):
    """What to explain and how. The command line and the run's `config.json` are this record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field(description="Name of a data set, a file, or a folder of splits.")
    split: str | None = Field(None, description="Its split; test, else validation, else train when not given.")
    limit: int | None = Field(None, ge=1, description="Use only the first so many examples.")
    mapping: dict[str, str] = Field(default_factory=dict, description="Our names to the columns of an own file.")
    model: str | None = Field(None, description="The model to explain; controls need none.")
    device: str = Field("auto", description="cpu, cuda, cuda:N, or auto.")
    precision: Literal["fp32", "bf16", "fp16"] = Field("fp32", description="Number type of the model's arithmetic.")
    methods: tuple[str, ...] = Field(("integrated_gradients",), description="Methods to run.")
    settings: dict[str, Any] = Field(default_factory=dict, description="Parameters: steps=20, or lime.samples=50.")
    target: str = Field("predicted", description="The choice to explain: predicted, gold, or a label.")
    remember: bool = Field(True, description="Remember the model's answers in the workspace.")
    seed: int = Field(0, ge=0, description="Where all randomness starts from.")


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
    data = load_dataset(config.data, config.split, config.limit, config.mapping or None)
    model = open_model(
        config.model,
        data,
        EvaluateConfig(data=config.data, device=config.device, precision=config.precision),
        place,
    )
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
