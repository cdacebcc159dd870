"""How simulators are trained: the knobs, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from pydantic import Field, ValidationError, model_validator

from rationale_eval.errors import UsageError
from rationale_eval.models.load import reads
from rationale_eval.models.source import NEW, NEW_T5, is_hub_id
from rationale_eval.simulators.environments import RobustSettings
from rationale_eval.simulators.learned import Select
from rationale_eval.simulators.stacked import VERSION, SmallSettings
from rationale_eval.simulators.vacuous import Wording
from rationale_eval.simulators.view import ROBUST, Seen
from rationale_eval.simulators.writing import VERSION as WRITING
from rationale_eval.training.settings import LoopSettings

Weights = Literal["pt", "np"]
"""Pretrained, or non-pretrained: the same architecture with random weights."""

Architecture = Literal["same", "small"]
"""Of a non-pretrained simulator: that of the pretrained one, or a small network over n-grams."""


SHARED: Final = {"shared", "input_dropout", "rationale_dropout", "both_dropout"}
"""Knobs of shared simulators; no other simulator depends on them."""

SEEN_AT_ALL: Final = 1e-9
"""A view with a smaller share is never seen, but for rounding."""

_DROPS: Final[dict[Seen, str]] = {
    "both": "input_dropout and rationale_dropout",
    "input": "rationale_dropout",
    "rationale": "input_dropout",
    "neither": "both_dropout",
}


class SimulatorConfig(RobustSettings):
    """How simulators are trained."""

    model: str = Field(
        "embedded/minilm",
        description="What simulators are made of: an encoder, an encoder-decoder, or new/t5 (np alone).",
    )
    weights: Weights = Field("pt", description="pt: its own weights; np: random ones.")
    epochs: int = Field(4, ge=1, le=1000, description="Most passes over the training data of a pretrained simulator.")
    np_architecture: Architecture = Field(
        "same",
        description="np: same (the encoder with random weights) or small (over n-grams, sixteen trained at once).",
    )
    small: SmallSettings = Field(SmallSettings(), description="Knobs of small simulators.")
    np_epochs: int = Field(20, ge=1, le=1000, description="Most passes of a non-pretrained one, which needs more.")
    lr: float = Field(1e-4, gt=0, le=1, description="Highest learning rate of a pretrained simulator.")
    np_lr: float = Field(5e-4, gt=0, le=1, description="That of a non-pretrained one.")
    batch_size: int = Field(32, ge=1, le=4096, description="Examples in a batch.")
    patience: int = Field(3, ge=1, description="Stop after so many passes without a better accuracy on held-out data.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout of every layer.")
    shared: bool = Field(False, description="One simulator for input, rationale and both, parts of which are dropped.")
    input_dropout: float = Field(0.2, ge=0, lt=1, description="Shared: share of examples shown without the input.")
    rationale_dropout: float = Field(0.4, ge=0, lt=1, description="Shared: share shown without the rationale.")
    both_dropout: float = Field(0.0, ge=0, lt=1, description="Shared: share shown the choices alone.")
    vacuous: Wording = Field("merged", description="Wording of vacuous rationales: merged, several or statement.")

    @model_validator(mode="after")
    def _room(self) -> SimulatorConfig:
        if sum(self.shares.values()) > 1 + 1e-9 or min(self.shares.values()) < -1e-9:
            raise ValueError("input_dropout, rationale_dropout and both_dropout must not add up to more than 1")
        if self.shared and self.np_architecture == "small":
            raise ValueError("a shared simulator is a whole model; set np_architecture=same, or leave out shared")
        return self

    @property
    def shares(self) -> dict[Seen, float]:
        """Of what a shared simulator learns from, the share that each view has."""
        dropped = self.input_dropout + self.rationale_dropout + self.both_dropout
        return {
            "both": 1 - dropped,
            "input": self.rationale_dropout,
            "rationale": self.input_dropout,
            "neither": self.both_dropout,
        }

    def require(self, views: Iterable[Seen]) -> None:
        """Refuses views that such simulators cannot serve.

        Raises:
            UsageError: Naming the first of them.
        """
        if self.model == NEW_T5 and self.weights == "pt":
            raise UsageError(
                f"{NEW_T5} has random weights, so it cannot be a pretrained simulator; ask for np variants, or "
                "name a pretrained model"
            )
        for seen in views:
            if seen in ROBUST and not self.is_small and not self._of_a_hub and self.writes:
                raise UsageError(
                    f"the view '{seen}' (RORA) needs an encoder, and {self.model} is an encoder-decoder; leave out the "
                    "metric, or name another model for simulators"
                )
            if self.shared and seen not in self.shares:
                raise UsageError(
                    f"a shared simulator answers from input, rationale and both, not from the view '{seen}'; leave out "
                    "shared=true, or the metrics that need it"
                )
            if self.shared and self.shares[seen] < SEEN_AT_ALL:
                raise UsageError(
                    f"the shared simulator never learns from the view '{seen}'; change {_DROPS[seen]} of --simulator"
                )

    def record(self, *, robust: bool = False) -> dict[str, Any]:
        """What a simulator depends on beside its data, as JSON values. The wording is part of the data.

        Args:
            robust: Whether it is one that RORA trains not to follow leaks.
        """
        knobs = {name: getattr(self, name) for name in RobustSettings.model_fields} if robust else {}
        if self.is_small:
            return {"small": self.small.model_dump(mode="json"), "version": VERSION, **knobs}
        other = {"vacuous", "np_architecture", "small", *RobustSettings.model_fields}
        other |= set() if self.shared else SHARED
        # What a hub name leads to is not known before it is fetched.
        writing = {"writing": WRITING} if self._of_a_hub or self.writes else {}
        return {**self.model_dump(mode="json", exclude=other), **knobs, **writing}

    @property
    def is_small(self) -> bool:
        """Whether its simulators are small networks over n-grams."""
        return self.weights == "np" and self.np_architecture == "small"

    @property
    def _of_a_hub(self) -> bool:
        return is_hub_id(self.model) and not self.model.startswith(("embedded/", NEW))

    @property
    def writes(self) -> bool:
        """Whether it is made of an encoder-decoder, which writes its answers."""
        return reads(self.model) == "seq2seq"

    def settings(self, metric: Select = "accuracy") -> LoopSettings:
        """The knobs of the loop; `metric` chooses the weights that are kept and ends the training."""
        pretrained = self.weights == "pt"
        return LoopSettings(
            epochs=self.epochs if pretrained else self.np_epochs,
            lr=self.lr if pretrained else self.np_lr,
            batch_size=self.batch_size,
            patience=self.patience,
            metric=metric,
        )


def read_simulator(settings: Mapping[str, Any]) -> SimulatorConfig:
    """Checks the knobs of simulators; `small.steps` is the knob `steps` of small ones.

    Raises:
        UsageError: For a knob that does not exist or a value that it cannot have.
    """
    if "weights" in settings:
        raise UsageError("which weights simulators start from is a variant of the metric: simulatability:pt or :np")
    small = {name.removeprefix("small."): value for name, value in settings.items() if name.startswith("small.")}
    whole = {name: value for name, value in settings.items() if not name.startswith("small.")}
    if small and "small" in whole:
        raise UsageError("set either simulator small as a whole or knobs of it such as small.steps, not both")
    try:
        return SimulatorConfig(**whole, **({"small": small} if small else {}))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        inner = [f"small.{each}" for each in SmallSettings.model_fields]
        outer = [each for each in SimulatorConfig.model_fields if each not in ("weights", "small")]
        known = ", ".join(inner if name.startswith("small") else [*outer, *inner])
        if not name:
            raise UsageError(f"simulator: {first['ctx']['error']!s}") from error
        raise UsageError(f"simulator {name}: {first['msg'].lower()} (there are: {known})") from error
