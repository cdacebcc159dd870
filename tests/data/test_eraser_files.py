"""ERASER's folder layout and prediction files."""

import json

import numpy as np
import pytest

from rationale_eval.data.check import check_data
from rationale_eval.data.eraser import EraserBenchmark, is_eraser_folder, load_eraser
from rationale_eval.data.eraser_predictions import read_predictions
from rationale_eval.data.load import load_dataset, other_splits
from rationale_eval.data.words import gold_mask
from rationale_eval.errors import InputError, UsageError


def write_lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def passage(docid, start, end):
    return {
        "docid": docid,
        "start_token": start,
        "end_token": end,
        "text": "",
        "start_sentence": -1,
        "end_sentence": -1,
    }


@pytest.fixture
def benchmark(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("a dull film .\nbut the end is fine .\n", encoding="utf-8")
    (tmp_path / "docs" / "b.txt").write_text("what a joy .", encoding="utf-8")
    annotations = [
        {
            "annotation_id": "a.txt",
            "query": "good ?",
            "classification": "NEG",
            "evidences": [[passage("a.txt", 1, 3)], [passage("a.txt", 2, 4), passage("a.txt", 1, 3)]],
            "docids": None,
        },
        {"annotation_id": "b.txt", "query": "", "classification": "POS", "evidences": [], "docids": None},
    ]
    write_lines(tmp_path / "test.jsonl", annotations)
    return tmp_path


def test_annotations_keep_groups_and_flatten_them_on_demand(benchmark):
    first, second = EraserBenchmark(benchmark).annotations()
    assert [len(group) for group in first.evidences] == [1, 2]
    assert first.gold() == {"a.txt": ((1, 3), (2, 4))}
    assert second.docids == ("b.txt",) and second.gold() == {}
    assert EraserBenchmark(benchmark).tokens("b.txt") == ("what", "a", "joy", ".")


def test_a_benchmark_folder_is_a_data_set(benchmark):
    data = load_dataset(benchmark)
    first, second = data
    assert (data.split, data.task.choices, first.label, second.label) == ("test", ("NEG", "POS"), 0, 1)
    assert list(first.inputs) == ["document", "query"] and list(second.inputs) == ["document"]
    marked = gold_mask(data.words(first), first.evidence)
    assert np.flatnonzero(marked).tolist() == [1, 2, 3]
    assert second.evidence == {}


def test_documents_in_one_file(benchmark):
    documents = [{"docid": p.name, "document": p.read_text()} for p in (benchmark / "docs").iterdir()]
    before = load_eraser(benchmark).fingerprint()
    for path in (benchmark / "docs").iterdir():
        path.unlink()
    (benchmark / "docs").rmdir()
    assert not is_eraser_folder(benchmark)
    write_lines(benchmark / "docs.jsonl", documents)
    assert load_eraser(benchmark).fingerprint() == before


def test_a_benchmark_folder_can_be_checked(benchmark):
    documents = [{"docid": p.name, "document": p.read_text()} for p in (benchmark / "docs").iterdir()]
    write_lines(benchmark / "docs.jsonl", documents)
    write_lines(
        benchmark / "val.jsonl",
        [{"annotation_id": "x"}, *map(json.loads, (benchmark / "test.jsonl").read_text().splitlines())],
    )
    assert other_splits(benchmark, "test") == ["validation"]
    report = check_data(load_dataset(benchmark, "validation", on_error="collect"), [load_dataset(benchmark)])
    assert (report.rows, report.rejected, report.overlap) == (2, 1, {"test": 2})


def test_bad_annotations_are_located(benchmark):
    with pytest.raises(UsageError, match="no split 'train'; there are: test"):
        EraserBenchmark(benchmark, "train")
    outside = {"annotation_id": "x", "classification": "NEG", "evidences": [[passage("a.txt", 0, 99)]]}
    escaping = {"annotation_id": "x", "classification": "NEG", "evidences": [[passage("../secret", 0, 1)]]}
    missing = {"annotation_id": "x", "classification": "NEG", "evidences": [[passage("c.txt", 0, 1)]]}
    for record, sentence in (
        (outside, "token 99 lies outside"),
        (escaping, "lies outside the folders"),
        (missing, "no document 'c.txt'"),
    ):
        write_lines(benchmark / "test.jsonl", [record])
        with pytest.raises(InputError, match=sentence):
            list(load_eraser(benchmark))


def test_predictions_are_read_whole(tmp_path):
    full = {
        "annotation_id": "a",
        "rationales": [
            {
                "docid": "d",
                "hard_rationale_predictions": [{"start_token": 3, "end_token": 4}, {"start_token": 0, "end_token": 2}],
                "soft_rationale_predictions": [0.5, 1, 0, 0.25],
            }
        ],
        "classification": "POS",
        "classification_scores": {"POS": 0.75, "NEG": 0.25},
        "comprehensiveness_classification_scores": {"POS": 0.5, "NEG": 0.5},
        "sufficiency_classification_scores": {"POS": 1, "NEG": 0},
        "thresholded_scores": [
            {
                "threshold": 0.1,
                "comprehensiveness_classification_scores": {"POS": 0.5},
                "sufficiency_classification_scores": {"POS": 0.5},
            }
        ],
        "tokens_to_flip": 2,
    }
    one, bare = read_predictions(write_lines(tmp_path / "p.jsonl", [full, {"annotation_id": "b"}]))
    assert one.rationales[0].hard == ((0, 2), (3, 4))
    assert one.rationales[0].soft.tolist() == [0.5, 1.0, 0.0, 0.25]
    assert (one.scores["POS"], one.sufficiency["POS"], one.tokens_to_flip) == (0.75, 1.0, 2.0)
    assert one.thresholded[0].threshold == 0.1
    assert (bare.rationales, bare.classification, bare.scores, bare.row) == ((), None, None, 2)


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ({}, "row 1, field 'annotation_id': must be a text"),
        ({"annotation_id": "a", "rationales": {}}, "field 'rationales': is not a list"),
        (
            {
                "annotation_id": "a",
                "rationales": [
                    {
                        "docid": "d",
                        "hard_rationale_predictions": [
                            {"start_token": 0, "end_token": 3},
                            {"start_token": 2, "end_token": 4},
                        ],
                    }
                ],
            },
            r"passages \[0, 3\] and \[2, 4\] overlap",
        ),
        (
            {"annotation_id": "a", "rationales": [{"docid": "d", "soft_rationale_predictions": [True]}]},
            "field 'soft_rationale_predictions': is not a number",
        ),
        ({"annotation_id": "a", "classification_scores": []}, "not an object of label names"),
    ],
)
def test_bad_predictions_are_located(tmp_path, record, sentence):
    with pytest.raises(InputError, match=sentence):
        list(read_predictions(write_lines(tmp_path / "p.jsonl", [record])))


def test_an_annotation_answered_twice_is_refused(tmp_path):
    path = write_lines(tmp_path / "p.jsonl", [{"annotation_id": "a"}, {"annotation_id": "a"}])
    with pytest.raises(InputError, match=r"row 2.*answered twice"):
        list(read_predictions(path))
