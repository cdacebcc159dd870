"""How large a training should be, in three words; what a preset does not say stays as the recipe's paper has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

DEV_LIMIT: Final = 2000
"""Development examples where nothing smaller is asked for; that of `verbs.job`."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A size of a training.

    Args:
        name: In the address.
        title: On the page.
        about: One sentence.
        limit: Training examples, or None for all.
        dev_limit: Development examples.
        caps: Knobs that are at most this large.
        floors: Knobs that are at least this large.
    """

    name: str
    title: str
    about: str
    limit: int | None
    dev_limit: int
    caps: Mapping[str, float] = field(default_factory=dict)
    floors: Mapping[str, float] = field(default_factory=dict)

    def config(self, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """The knobs that differ from a recipe's defaults."""
        found: dict[str, Any] = {}
        for knobs, pick in ((self.caps, min), (self.floors, max)):
            for name, bound in knobs.items():
                default = defaults.get(name)
                if default is not None and pick(default, bound) != default:
                    found[name] = bound
        return found


PRESETS: Final = (
    Preset(
        "quick",
        "Quick look",
        "A few minutes: does it run, and what does its log look like? The numbers mean little.",
        limit=200,
        dev_limit=100,
        caps={"epochs": 3, "batch_size": 16, "max_steps": 40, "decoded": 20, "written": 48},
        # So few steps lead nowhere at the papers' rates, which are meant for thousands.
        floors={"lr": 1e-4},
    ),
    Preset(
        "small",
        "Small",
        "Enough to compare settings with each other; several seeds tell what is chance.",
        limit=1000,
        dev_limit=500,
        caps={"epochs": 5, "batch_size": 16, "decoded": 100},
        floors={"lr": 5e-5},
    ),
    Preset("paper", "Paper", "All the data and the settings of the publication.", limit=None, dev_limit=DEV_LIMIT),
)


def preset(name: str | None) -> Preset:
    """The preset of a name; the first where there is none of it."""
    return next((each for each in PRESETS if each.name == name), PRESETS[0])
