"""A workspace in which everything that comes from outside is hostile: texts, labels, names, titles, notes, messages."""

from __future__ import annotations

import json
from pathlib import Path

from tests.helpers.hostile import STRINGS, batches, storable

SET = "$x$ _e_ [a](b) & 'q' {{7}}"
LABELS = 6
GOOD = [text for text in STRINGS if storable(text) and text.strip()]


def make_hostile(folder: Path) -> dict[str, str]:
    """Makes the workspace.

    Returns:
        Ids of its runs by what they are: "words", "texts", "import", "failed"; and "data", the set's name.
    """
    from rationale_eval.data.example import Example, Task
    from rationale_eval.data.own import keep_examples
    from rationale_eval.desk.access import Access
    from rationale_eval.desk.notes import Notes
    from rationale_eval.verbs.evaluate_run import EvaluateConfig, evaluate_run
    from rationale_eval.verbs.import_run import Order, import_run
    from rationale_eval.workspace.runs import Workspace

    place = Workspace(folder)
    place.prepare()
    fields = ("<b onclick=x>text</b>", ":red[why]")
    task = Task(
        "<img src=x onerror=alert(1)> ![x](//evil.example/task)", "classification", fields, tuple(GOOD[:LABELS])
    )
    texts = [text[:600] for text in GOOD]
    examples = [
        Example(
            f"{place_} <i>id</i>",
            task.name,
            {fields[0]: f"word {texts[2 * place_]} word", fields[1]: f"word {texts[2 * place_ + 1]}"},
            task.choices,
            place_ % LABELS,
            rationales=(texts[-1 - place_], texts[place_]),
            evidence={fields[0]: ((0, 4),)},
            annotators=({fields[0]: ((0, 4),)}, {fields[1]: ((0, 4),)}),
        )
        for place_ in range(len(texts) // 2)
    ]
    own = keep_examples(folder, SET, task, {"test": examples, "train": examples[:7]})
    found = {"data": own.source}

    def imported(name: str, rows: list[dict[str, object]], kind: str) -> str:
        file = folder.parent / "outputs.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        done = import_run(file, Order(own.source, "test", kind, name), place)  # type: ignore[arg-type]
        assert done.run is not None, done.groups
        return done.run.id

    from rationale_eval.data.load import load_dataset

    data = load_dataset(str(own.folder), "test")
    scores = [{"id": each.id, "scores": [float(n) for n in range(len(data.words(each)))]} for each in data]
    systems = [imported(name, scores, "scores") for name in batches(GOOD[:24], 8, cap=60)]
    said = [{"id": each.id, "rationale": each.rationales[0], "target": each.label} for each in examples]
    speaker = imported(GOOD[0], said, "texts")
    job = EvaluateConfig(
        data=own.source,
        split="test",
        scores=tuple(f"run:{id}" for id in systems),
        controls=("random", "gold"),
        metrics=("auprc", "token_f1"),
    )
    found["words"] = evaluate_run(job, workspace=place, about={"title": batches(GOOD, 40, cap=60)[0]})[0].id
    job = EvaluateConfig(
        data=own.source, split="test", texts=(f"run:{speaker}",), controls=("gold",), metrics=("rouge_l",)
    )
    found["texts"] = evaluate_run(job, workspace=place, about={"title": batches(GOOD, 40, cap=60)[1]})[0].id
    found["import"] = speaker
    for text in batches(GOOD, 30, cap=60)[2:]:
        run = place.create_run(
            "train",
            {"recipe": text[:200], "data": text, "model": text, "config": {text[:40]: text}, "seed": 0},
            data=text,
            about={"title": text, "owner": text[:100], "group": text[:60]},
        )
        run.say(text)
        run.move("failed", when="queued", reason=text[:60], message=text)
        found["failed"] = run.id
    notes = Notes(place, Access(user=GOOD[0][:60]))
    for each in examples[:20]:
        for text in (texts[0], texts[1]):
            notes.tag(f"{own.source} test", each.id, text[:40])
            notes.note(f"{own.source} test", each.id, text)
    for text in texts[:30]:
        notes.save_slice(text[:80], {"run": [found["words"]], "search": [text]})
    return found
