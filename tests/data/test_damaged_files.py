"""Seeded damage to good files: whatever happens, it is a data set or one sentence."""

import json
import random

import pytest

from rationale_eval.data.check import check_data
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import RationaleEvalError, UsageError

OURS = {
    "id": "1",
    "task": "nli",
    "inputs": {"premise": "A man sits 😀.", "hypothesis": "He is."},
    "choices": ["a", "b"],
    "label": 1,
    "rationales": ["x"],
    "evidence": {"premise": [[0, 1]]},
    "meta": {"answer": "q", "evidence_by_annotator": [{"premise": [[0, 1]]}]},
}
TABLE = {"text": "a b c d", "label": "x", "choices": ["x", "y"], "evidence": [0, 1], "why": "z", "answer": "3"}
PAIR = {"premise": "a b", "hypothesis": "c", "label": 0, "evidence": {"premise": "*a* b"}}
SEEDS = [
    *(("jsonl", (json.dumps(one, ensure_ascii=False) + "\n") * 3) for one in (OURS, TABLE, PAIR)),
    ("csv", 'text,label,evidence,choices\na b,x,"[0,1]","[""x"",""y""]"\nc d,y,c,"[""x"",""y""]"\n'),
    ("tsv", "text\tlabel\tspans\na\tx\t[[0,1]]\n"),
]
PIECES = [
    *("null", "true", "1.5", "-1", "[]", "{}", '""', "[[", "]]", '"', ",", "\n", "\r", "\t", "\0", "\\ud800", "NaN"),
    *("1e999", "9" * 30, "{", "}", ":", "\u2028", "*", "[[0,99]]", '{"start":0,"end":1}', '{"a":1}', "[null]"),
]


def damage(text, draw):
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(text) + 1)
        stop = start + draw.choice((0, draw.randint(1, 12)))
        text = text[:start] + draw.choice(("", draw.choice(PIECES))) + text[stop:]
    content = text.encode("utf-8", "surrogatepass")
    if draw.random() < 0.2:
        content = bytes(draw.randrange(256) if draw.random() < 0.02 else byte for byte in content)
    return content


@pytest.mark.parametrize("seed", range(4))
def test_damaged_text_files(tmp_path, seed):
    draw = random.Random(seed)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(150):
        kind, text = draw.choice(SEEDS)
        path = tmp_path / f"x.{kind}"
        path.write_bytes(damage(text, draw))
        try:
            data = load_dataset(path, on_error=draw.choice(["raise", "collect"]))
            check_data(data)
            assert len(data.fingerprint()) == 64
            outcomes["read"] += 1
        except RationaleEvalError as error:
            assert "\n" not in str(error) and "Traceback" not in str(error)
            outcomes["refused"] += 1
    assert outcomes["read"] > 10 and outcomes["refused"] > 10


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "/" + "y" * 4500])
def test_names_that_no_file_can_have(name):
    with pytest.raises(UsageError, match="is not the name of a data set or a file"):
        load_dataset(name)
