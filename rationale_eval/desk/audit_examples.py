"""The examples behind a number of an audit: rows of its own tables, read by column and filter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from rationale_eval.axioms.files import INSTANCES, SCORES
from rationale_eval.desk.audits import SOURCES, Card
from rationale_eval.errors import InputError
from rationale_eval.metrics.all import load_all

EXPLAINING, RESTATING, RATED = "gold", "restating", "rated"
EDITS: Final = ("equivalent/", "contrastive/")
_COLUMNS: Final = ["source", "seed", "example_id", "answer", "text", "value", "reason", "parts"]


@dataclass(frozen=True, slots=True)
class Behind:
    """The examples behind one number.

    Args:
        sources: Whose rationales are compared; of two, the second is subtracted from the first.
        rows: One row for each example and seed (and edit): example_id, seed, answer, input, a text and a score for each
            source, and where two are compared their difference.
    """

    sources: tuple[str, ...]
    rows: pd.DataFrame


def source_name(source: str) -> str:
    """A source in words."""
    if source in SOURCES:
        return SOURCES[source]
    kind, _, edit = source.partition("/")
    if f"{kind}/" in EDITS:
        return edit.replace("_", " ")
    if source.startswith("noise_"):
        return f"{source[6:]} % wrong labels"
    if source.startswith("data_"):
        return f"{source[5:]} % of the data"
    return {RESTATING: "restating the label", RATED: "rated explanation"}.get(source, source.replace("_", " "))


def sources_of(card: Card, check: str, number: str) -> tuple[str, ...]:
    """Whose rationales a number of a card is made from.

    Args:
        card: The card.
        check: The check.
        number: A name among its numbers.
    """
    found = card.checks[check]
    if check == "reference" and number.startswith("margin_"):
        return (number.removeprefix("margin_"), str(found.about["rival"]))
    if check == "reference" and number.startswith("share_"):
        return (number.removeprefix("share_"), "ceiling")
    if check == "perturbation" and number.startswith(EDITS):
        return ("generated", number)
    if check == "perturbation":
        kinds = {"equivalent": EDITS[:1], "contrastive": EDITS[1:]}.get(number, EDITS)
        return ("generated", *(name for name in found.numbers if name.startswith(kinds)))
    if check == "robustness" and number not in found.about["accuracy"]:
        return tuple(found.about["accuracy"])
    if check == "leakage":
        return (EXPLAINING, RESTATING)
    if check == "people":
        return (RATED,)
    return (number,)


def behind(folder: Path, card: Card, check: str, number: str) -> Behind:
    """The examples a number of a card rests on.

    Raises:
        InputError: If the audit's tables are not there or cannot be read.
    """
    sources = sources_of(card, check, number)
    rows = scores(folder, card, sources)
    known = instances(folder)
    if check == "perturbation" and len(sources) > 2:
        found = pd.concat([_edited(rows, edit) for edit in sources[1:]]).sort_values("difference", kind="stable")
    elif check == "robustness" and len(sources) > 1:
        found = _wide(rows, sources)
    elif len(sources) == 2 and not number.startswith("share_"):
        found = _pair(rows, *sources)
    else:
        found = _wide(rows, sources)
    return Behind(sources, _described(found.reset_index(drop=True), known))


def scores(folder: Path, card: Card, sources: Sequence[str]) -> pd.DataFrame:
    """The scores of a card for some sources: source, seed, example_id, answer, text, value, reason, parts."""
    wanted = (
        (ds.field("metric") == card.metric)
        & (ds.field("variant") == card.variant)
        & ds.field("source").isin(list(sources))
    )
    try:
        table = ds.dataset(folder / SCORES, format="parquet").to_table(columns=_COLUMNS, filter=wanted)
    except (OSError, pa.ArrowException) as error:
        raise InputError("the scores of this audit cannot be read; audit again.") from error
    return table.to_pandas()


def instances(folder: Path) -> pd.DataFrame | None:
    """What the audit kept of its examples, by id; None for an audit of an earlier time, which kept nothing."""
    path = folder / INSTANCES
    if not path.is_file():
        return None
    try:
        return ds.dataset(path, format="parquet").to_table().to_pandas().drop_duplicates("example_id")
    except (OSError, pa.ArrowException) as error:
        raise InputError("the examples of this audit cannot be read; audit again.") from error


def value(rows: pd.DataFrame, metric: str) -> float:
    """The value of a metric over rows of one source and one seed: as the audit's own."""
    facts = load_all().get(metric)
    known = rows[rows["value"].notna()]
    if facts is None or facts.reduce is None:
        return float(known["value"].mean()) if len(known) else float("nan")
    parts = [np.asarray(each, dtype=np.float64) for each in known["parts"] if each is not None]
    return float(facts.reduce(np.sum(parts, axis=0))) if parts else float("nan")


def compared(folder: Path, card: Card, sources: Sequence[str]) -> dict[str, float]:
    """The values of some sources on the examples that count in all of them, the mean over seeds."""
    rows = scores(folder, card, sources)
    found: dict[str, list[float]] = {source: [] for source in sources}
    for _, of_seed in rows.groupby("seed"):
        groups = {source: of_seed[of_seed["source"] == source] for source in sources}
        shared = set.intersection(*(set(each[each["value"].notna()]["example_id"]) for each in groups.values()))
        for source, each in groups.items():
            found[source].append(value(each[each["example_id"].isin(shared)], card.metric))
    return {source: float(np.mean(values)) if values else float("nan") for source, values in found.items()}


def ratings(folder: Path, card: Card) -> pd.DataFrame | None:
    """Scores of rated explanations beside people's ratings: rating, by_people, score; None where nothing is kept."""
    known = instances(folder)
    if known is None or not known["rated"].any():
        return None
    rows = scores(folder, card, [RATED])[["example_id", "value"]].rename(columns={"value": "score"})
    joined = rows.merge(known[known["rated"]][["example_id", "rating", "by_people"]], on="example_id")
    return joined[joined["score"].notna()]


def slope(points: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """Slope and intercept of the least-squares line through (x, y); None with fewer than two different x."""
    known = [(x, y) for x, y in points if np.isfinite(x) and np.isfinite(y)]
    if len({x for x, _ in known}) < 2:
        return None
    xs, ys = np.array(known, dtype=np.float64).T
    rise = float(((xs - xs.mean()) * (ys - ys.mean())).sum() / ((xs - xs.mean()) ** 2).sum())
    return rise, float(ys.mean() - rise * xs.mean())


def _pair(rows: pd.DataFrame, one: str, other: str) -> pd.DataFrame:
    """Examples that count in both sources, with the difference."""
    sides = [_side(rows, source) for source in (one, other)]
    found = sides[0].merge(sides[1].drop(columns="answer"), on=["example_id", "seed"])
    found = found[found[f"score: {one}"].notna() & found[f"score: {other}"].notna()]
    return found.assign(difference=found[f"score: {one}"] - found[f"score: {other}"]).sort_values(
        "difference", kind="stable"
    )


def _edited(rows: pd.DataFrame, edit: str) -> pd.DataFrame:
    names = {f"{what}: {edit}": f"{what}: edited" for what in ("text", "score")}
    return _pair(rows, "generated", edit).rename(columns=names).assign(edit=edit)


def _wide(rows: pd.DataFrame, sources: Sequence[str]) -> pd.DataFrame:
    found = _side(rows, sources[0])
    for source in sources[1:]:
        found = found.merge(_side(rows, source).drop(columns="answer"), on=["example_id", "seed"], how="outer")
    return found.sort_values(["example_id", "seed"], kind="stable")


def _side(rows: pd.DataFrame, source: str) -> pd.DataFrame:
    own = rows[rows["source"] == source]
    columns = {"text": f"text: {source}", "value": f"score: {source}"}
    return own[["example_id", "seed", "answer", "text", "value"]].rename(columns=columns)


def _described(found: pd.DataFrame, known: pd.DataFrame | None) -> pd.DataFrame:
    """With the inputs, and the answer in words."""
    if known is None:
        return found
    by_id = known.set_index("example_id")
    inputs = found["example_id"].map(lambda key: _inputs(by_id["inputs"].get(key)))
    answers = [
        _answer(by_id["choices"].get(key), answer)
        for key, answer in zip(found["example_id"], found["answer"], strict=True)
    ]
    found = found.assign(answer=answers)
    found.insert(found.columns.get_loc("answer"), "input", inputs)
    if known["rated"].any() and found["example_id"].isin(known[known["rated"]]["example_id"]).any():
        found = found.assign(
            rating=found["example_id"].map(by_id["rating"]), by_people=found["example_id"].map(by_id["by_people"])
        )
    return found


def _inputs(text: Any) -> str:
    try:
        fields: Mapping[str, str] = json.loads(text)
        return "  |  ".join(f"{name}: {value}" for name, value in fields.items())
    except (TypeError, ValueError, AttributeError):
        return ""


def _answer(choices: Any, answer: Any) -> str:
    if choices is None or pd.isna(answer) or not 0 <= int(answer) < len(choices):
        return ""
    return str(choices[int(answer)])
