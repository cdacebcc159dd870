"""What a generation of free-text rationales is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from rationale_eval.verbs.job import Job
from rationale_eval.workspace.runs import Workspace


class GenerateConfig(Job):
    """Which model writes rationales for which data, and how it is asked."""

    kind: Literal["generate"] = "generate"
    data: str = Field(description="Name of a data set, a file, or a folder of splits.")
    split: str | None = Field(None, description="Its split; test, else validation, else train when not given.")
    model: str = Field(
        "embedded/smollm2", description="The language model that writes; `endpoint:NAME` for one behind an address."
    )
    endpoint: str | None = Field(None, description="Address of the endpoint, for a model named `endpoint:NAME`.")
    request: dict[str, Any] = Field(default_factory=dict, description="Knobs of its requests: concurrency=8.")
    prompt: str | None = Field(
        None, description="What it is shown: the name of a prompt; by default its own (`own`), else few_shot."
    )
    shots: int | None = Field(None, ge=0, le=64, description="Solved examples shown; as the prompt says if not given.")
    shots_from: str = Field("train", description="Split of the same data that they are drawn from.")
    max_tokens: int = Field(64, ge=1, le=4096, description="Most tokens that are written.")
    temperature: float = Field(
        0.0, ge=0, le=10, description="0 writes the most probable token; more draws more freely."
    )
    top_p: float = Field(1.0, gt=0, le=1, description="Draw from the most probable tokens with this sum.")
    draws: int = Field(1, ge=1, le=1000, description="Texts for each prompt; needs a temperature.")
    keep: Literal["best", "all"] = Field(
        "best", description="Of several draws: evaluate the best of each example, or every draw as a system of its own."
    )
    batch_size: int = Field(32, ge=1, le=4096, description="Most texts written at a time.")
    precision: Literal["fp32", "bf16", "fp16"] = Field("fp32", description="Number type of the model's arithmetic.")
    share_prefix: bool = Field(True, description="Read what all prompts begin with once.")

    def resolved(self, workspace: Workspace) -> GenerateConfig:
        """See `Job.resolved`; an endpoint takes no device of this machine."""
        found = super().resolved(workspace)
        return found.model_copy(update={"device": "cpu"}) if found.endpoint is not None else found

    def title(self) -> str:
        """The job in a few words, for lists."""
        return f"{self.prompt or 'free'} texts on {super().title().rpartition(' on ')[2]}"

    def words(self) -> Iterator[str]:
        """The words of the command line that ask for the same."""
        yield from super().words()
        if self.split is not None:
            yield from ("--split", self.split)
        if self.endpoint is not None:
            yield from ("--endpoint", self.endpoint)
        for name, value in self.request.items():
            yield from ("--request", f"{name}={'none' if value is None else value}")
        if self.prompt is not None:
            yield from ("--prompt", self.prompt)
        yield from ("--shots-from", self.shots_from)
        if self.shots is not None:
            yield from ("--shots", str(self.shots))
        yield from ("--max-tokens", str(self.max_tokens), "--temperature", str(self.temperature))
        yield from (
            "--top-p",
            str(self.top_p),
            "--draws",
            str(self.draws),
            "--keep",
            self.keep,
            "--batch-size",
            str(self.batch_size),
        )
        yield from ("--precision", self.precision)
        if not self.share_prefix:
            yield "--read-whole"
