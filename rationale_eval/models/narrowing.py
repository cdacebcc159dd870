"""Models that select and then predict: what narrows an example's rows to the rationale the model answers from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

from rationale_eval.models.base import Encoding
from rationale_eval.registry import Registry

if TYPE_CHECKING:
    from rationale_eval.models.transformer import TransformerModel


class Narrowing(Protocol):
    """Chooses which words of an example a model reads."""

    def narrow(self, model: TransformerModel, encodings: Sequence[Encoding]) -> list[Encoding]:
        """The encodings with rows of fewer tokens; `Encoding.whole` holds the rows as they were."""
        ...

    def fingerprint(self, model: TransformerModel) -> str:
        """Hash of everything the choice depends on."""
        ...

    def card(self) -> dict[str, Any]:
        """What `Make` needs to make it again, as JSON values, with its name under `kind`."""
        ...


class Make(Protocol):
    """Makes a narrowing from what `Narrowing.card` said."""

    def __call__(self, settings: Mapping[str, Any]) -> Narrowing:
        """The narrowing.

        Raises:
            UsageError: If the settings cannot be used.
        """
        ...


NARROWINGS: Final[Registry[Make]] = Registry("narrowing")

# Rooms import one way, and choosing words takes extractors, which know models. So the module is named, and is imported
# only for a model that was trained to select.
_MODULE: Final = "rationale_eval.rationales.select_first"


def narrowing_of(card: Mapping[str, Any]) -> Narrowing:
    """The narrowing that a model's card names.

    Raises:
        UsageError: If there is none of that kind, or its settings cannot be used.
    """
    import_module(_MODULE)
    return NARROWINGS[str(card.get("kind"))](card)
