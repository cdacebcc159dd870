"""ferret-xai in an environment of its own, in `.bench/ferret` of the checkout: made once, used through `score.py`."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.report import ROOT
from rationale_eval.errors import RationaleEvalError

HERE: Final = Path(__file__).resolve().parent
FOLDER: Final = ROOT / ".bench" / "ferret"
PYTHON: Final = FOLDER / "bin" / "python"
PINS: Final = HERE / "requirements.txt"
STAMP: Final = FOLDER / "set-up"

SEPARATOR: Final = " [SEP] "
"""How two fields become the one string that ferret takes; the tokenizer turns it into its separator token."""


def make() -> Path:
    """Makes the environment unless it stands already. Returns its Python.

    Raises:
        RationaleEvalError: When the packages cannot be installed.
    """
    mark = hashlib.sha256(PINS.read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == mark:
        return PYTHON
    pip: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "-qq", "-r", PINS]
    environment: list[str | Path] = [sys.executable, "-m", "venv", FOLDER]
    for command in (environment, pip):
        if subprocess.run(command, check=False).returncode:
            raise RationaleEvalError("ferret-xai could not be installed; see the lines above, then run this again")
    STAMP.write_text(mark, encoding="utf-8")
    return PYTHON


def tokens(model: Path, texts: Mapping[str, str], work: Path) -> dict[str, list[str]]:
    """The tokens ferret sees in each text, special tokens included, by id.

    Args:
        model: Folder of a sequence classifier: configuration, safetensors, tokenizer.
        texts: One string for each id.
        work: Folder for the files that go between.
    """
    job = {"pairs": [{"id": key, "text": text} for key, text in texts.items()]}
    return _call(model, job, work, "--tokens")["tokens"]


def score(
    model: Path,
    pairs: Sequence[Mapping[str, Any]],
    bins: Sequence[float],
    work: Path,
    *,
    counts: Sequence[int] = (),
    repeats: int = 1,
) -> dict[str, Any]:
    """Ferret's aopc_compr, aopc_suff and taucorr_loo of every explanation of every pair.

    Args:
        model: Folder of a sequence classifier.
        pairs: Mappings with `id`, `text`, `target` (class index) and `scores`: name to one positive number a token.
        bins: Shares of the tokens to remove or keep, in (0, 1].
        work: Folder for the files that go between.
        counts: Numbers of explanations to time, besides all of them.
        repeats: How often to time each number of explanations.

    Returns:
        `values`: one mapping for each pair and explanation; `seconds`: number of explanations to the times of the
        repeats; `versions`; `threads`.
    """
    job = {"bins": list(bins), "counts": list(counts), "pairs": list(pairs)}
    return _call(model, job, work, "--repeats", str(repeats))


def _call(model: Path, job: Mapping[str, Any], work: Path, *options: str) -> dict[str, Any]:
    work.mkdir(parents=True, exist_ok=True)
    asked, answered = work / "ferret-job.json", work / "ferret-result.json"
    asked.write_text(json.dumps(job), encoding="utf-8")
    command: list[str | Path] = [
        make(),
        HERE / "score.py",
        "--model",
        model,
        "--job",
        asked,
        "--out",
        answered,
        *options,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RationaleEvalError(f"ferret failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return json.loads(answered.read_text(encoding="utf-8"))
