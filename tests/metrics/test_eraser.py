"""Every number of the ERASER scorer on a fixture small enough to work out by hand."""

import json
from itertools import pairwise

import numpy as np
import pytest

from rationale_eval.errors import InputError
from rationale_eval.verbs.eraser import evaluate_eraser, score_predictions

DOCS = {"d1": "a b c d e f g h i j", "d2": "a b c d", "d3": "a b c d e"}


def passage(docid, start, end):
    return {"docid": docid, "start_token": start, "end_token": end, "text": "x"}


def annotation(name, label, *groups):
    return {
        "annotation_id": name,
        "query": "q",
        "classification": label,
        "evidences": [list(group) for group in groups],
        "docids": [name],
    }


def hard(docid, *spans, soft=None):
    said = {"docid": docid, "hard_rationale_predictions": [{"start_token": a, "end_token": b} for a, b in spans]}
    return said if soft is None else {**said, "soft_rationale_predictions": soft}


GOLD = [
    annotation("d1", "POS", [passage("d1", 0, 4)], [passage("d1", 6, 8), passage("d1", 0, 4)]),
    annotation("d2", "NEG", [passage("d2", 0, 2)]),
    annotation("d3", "NEG"),
]
ANSWERS = [
    {
        "annotation_id": "d1",
        "rationales": [hard("d1", (0, 3), (5, 9), soft=[0.9, 0.8, 0.7, 0.1, 0, 0.6, 0.5, 0.4, 0.3, 0])],
        "classification": "POS",
        "classification_scores": {"POS": 0.9, "NEG": 0.1},
        "comprehensiveness_classification_scores": {"POS": 0.4, "NEG": 0.6},
        "sufficiency_classification_scores": {"POS": 0.95, "NEG": 0.05},
        "thresholded_scores": [
            {
                "threshold": threshold,
                "comprehensiveness_classification_scores": {"POS": removed, "NEG": 1 - removed},
                "sufficiency_classification_scores": {"POS": alone, "NEG": 1 - alone},
            }
            for threshold, removed, alone in ((0.1, 0.8, 0.3), (0.5, 0.5, 0.9))
        ],
        "tokens_to_flip": 3,
    },
    {
        "annotation_id": "d2",
        "rationales": [hard("d2", soft=[0.5, 0.5, 0.5, 0.5])],
        "classification": "POS",
        "classification_scores": {"POS": 0.6, "NEG": 0.4},
        "comprehensiveness_classification_scores": {"POS": 0.7, "NEG": 0.3},
        "sufficiency_classification_scores": {"POS": 0.6, "NEG": 0.4},
        "thresholded_scores": [
            {
                "threshold": threshold,
                "comprehensiveness_classification_scores": {"POS": 0.6, "NEG": 0.4},
                "sufficiency_classification_scores": {"POS": 0.5, "NEG": 0.5},
            }
            for threshold in (0.1, 0.5)
        ],
        "tokens_to_flip": 4,
    },
    {
        "annotation_id": "d3",
        "rationales": [hard("d3", (1, 2), soft=[0.1, 0.9, 0, 0, 0])],
        "classification": "NEG",
        "classification_scores": {"POS": 0.2, "NEG": 0.8},
        "comprehensiveness_classification_scores": {"POS": 0.2, "NEG": 0.8},
        "sufficiency_classification_scores": {"POS": 0.5, "NEG": 0.5},
        "thresholded_scores": [
            {
                "threshold": threshold,
                "comprehensiveness_classification_scores": {"POS": 0.5, "NEG": 0.5},
                "sufficiency_classification_scores": {"POS": 0.2, "NEG": 0.8},
            }
            for threshold in (0.1, 0.5)
        ],
    },
]


@pytest.fixture
def benchmark(tmp_path):
    (tmp_path / "docs").mkdir()
    for name, text in DOCS.items():
        (tmp_path / "docs" / name).write_text(text, encoding="utf-8")
    (tmp_path / "val.jsonl").write_text("\n".join(map(json.dumps, GOLD)) + "\n", encoding="utf-8")
    return tmp_path


def score(benchmark, answers, **options):
    path = benchmark / "answers.json.lines"
    path.write_text("\n".join(map(json.dumps, answers)) + "\n", encoding="utf-8")
    records, _ = evaluate_eraser(benchmark, "val", path, **options)
    return {(line["metric"], line["variant"]): line for line in records}


@pytest.fixture
def table(benchmark):
    return score(benchmark, ANSWERS)


def value(table, metric, variant="eraser"):
    return table[metric, variant]["value"]


def test_token_scores(table):
    # d1: gold {0-3, 6, 7}, said {0-2, 5-8}: 5 hits of 7 said, 6 gold. d2: nothing said, 2 gold. d3: 1 said, none gold.
    assert value(table, "token_precision", "micro") == pytest.approx(5 / 8)
    assert value(table, "token_recall", "micro") == pytest.approx(5 / 8)
    assert value(table, "token_f1", "micro") == pytest.approx(5 / 8)
    assert value(table, "token_precision", "macro") == pytest.approx((5 / 7 + 0 + 0) / 3)
    assert value(table, "token_recall", "macro") == pytest.approx((5 / 6 + 0 + 0) / 3)
    # The mean of F1 scores, not the F1 of the means.
    assert value(table, "token_f1", "macro") == pytest.approx((10 / 13) / 3)
    assert table["token_f1", "macro"]["n"] == 3 and table["token_f1", "macro"]["coverage"] == 1


def test_iou_scores(table):
    # d1: IOUs .75 and .5, both count; gold spans 2 + 1, said 2 + 1.
    assert value(table, "iou_f1", "micro") == pytest.approx(2 / 3)
    # Macro precision over d1 and d3 (1, 0), recall over d1 and d2 (1, 0).
    assert value(table, "iou_precision", "macro") == value(table, "iou_recall", "macro") == pytest.approx(0.5)
    assert value(table, "iou_f1", "macro") == pytest.approx(0.5)


def test_iou_at_other_thresholds(benchmark):
    table = score(benchmark, ANSWERS, iou_thresholds=(0.5, 0.6, 0.9))
    assert value(table, "iou_f1", "micro") == pytest.approx(2 / 3)
    assert value(table, "iou_f1", "micro@0.6") == pytest.approx(1 / 3)
    assert value(table, "iou_f1", "macro@0.9") == 0


def test_exact_spans(benchmark, table):
    assert value(table, "span_f1", "micro") == 0
    exact = json.loads(json.dumps(ANSWERS))
    exact[0]["rationales"] = [hard("d1", (0, 4), (5, 6))]
    table = score(benchmark, exact)
    # One exact span of 3 said in all, 3 gold in all; d1 alone has P 1/2, R 1/2.
    assert value(table, "span_f1", "micro") == pytest.approx(1 / 3)
    assert value(table, "span_f1", "macro") == pytest.approx(0.5 / 3)


def test_one_gold_span_may_be_credited_twice(benchmark):
    twice = json.loads(json.dumps(ANSWERS[:1]))
    twice[0]["rationales"] = [hard("d1", (0, 2), (2, 4))]
    table = score(benchmark, twice)
    # Recall: d1 has 2 hits for 2 gold spans, d2 none of 1.
    assert value(table, "iou_recall", "micro") == pytest.approx(2 / 3)
    assert value(table, "iou_recall", "macro") == pytest.approx(1 / 2)


def test_soft_scores(table):
    # d2: constant scores, prevalence 1/2: area 3/4, AP 1/2. d3: no positive: area 1/2, no AP.
    truth = np.isin(np.arange(10), [0, 1, 2, 3, 6, 7])
    scores = np.array(ANSWERS[0]["rationales"][0]["soft_rationale_predictions"])
    pairs = [(i, j) for i in np.flatnonzero(truth) for j in np.flatnonzero(~truth)]
    auc = np.mean([(scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j]) for i, j in pairs])
    assert value(table, "roc_auc") == pytest.approx((auc + 0.5) / 2)
    # Ranks of d1's hits: 1, 2, 3, then token 5 misses, 6 and 7 at 5 and 6, token 8 misses, 3 at rank 8.
    ap = np.mean([1, 1, 1, 4 / 5, 5 / 6, 6 / 8])
    assert value(table, "average_precision") == pytest.approx((ap + 0.5) / 2)
    assert table["average_precision", "eraser"]["n"] == 2
    assert table["average_precision", "eraser"]["reasons"] == "gold marks no word: 1"
    corners = [(0, 1), (1 / 6, 1), (2 / 6, 1), (0.5, 1), (0.5, 3 / 4), (4 / 6, 4 / 5), (5 / 6, 5 / 6), (5 / 6, 5 / 7)]
    corners += [(1, 6 / 8), (1, 6 / 10)]
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(corners))
    assert value(table, "auprc") == pytest.approx((area + 0.75 + 0.5) / 3)


def test_labels(table):
    # Gold POS NEG NEG, said POS POS NEG.
    assert value(table, "accuracy") == pytest.approx(2 / 3)
    assert value(table, "class_precision", "POS") == 0.5 and value(table, "class_recall", "POS") == 1
    assert value(table, "class_precision", "NEG") == 1 and value(table, "class_recall", "NEG") == 0.5
    assert value(table, "class_f1", "POS") == value(table, "class_f1", "NEG") == pytest.approx(2 / 3)
    assert value(table, "macro_f1") == pytest.approx(2 / 3)
    assert value(table, "macro_precision") == value(table, "macro_recall") == pytest.approx(0.75)
    assert value(table, "weighted_precision") == pytest.approx((0.5 + 2 * 1) / 3)
    assert value(table, "weighted_recall") == pytest.approx((1 + 2 * 0.5) / 3)


def test_erasure_at_the_predicted_label(table):
    assert value(table, "comprehensiveness") == pytest.approx((0.5 - 0.1 + 0) / 3)
    assert value(table, "sufficiency") == pytest.approx((-0.05 + 0 + 0.3) / 3)
    assert table["sufficiency", "eraser"]["direction"] == "lower"

    def entropy(p):
        return -p * np.log(p) - (1 - p) * np.log(1 - p)

    def kl(p, q):
        return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))

    drops = [entropy(0.9) - entropy(0.4), entropy(0.6) - entropy(0.7), 0]
    assert value(table, "comprehensiveness_entropy") == pytest.approx(np.mean(drops))
    assert value(table, "sufficiency_entropy") == pytest.approx(
        np.mean([entropy(0.9) - entropy(0.95), 0, entropy(0.2) - entropy(0.5)])
    )
    # Divergence of the perturbed from the whole distribution, in this order.
    assert value(table, "comprehensiveness_kl") == pytest.approx(np.mean([kl(0.4, 0.9), kl(0.7, 0.6), 0]))
    assert value(table, "sufficiency_kl") == pytest.approx(np.mean([kl(0.95, 0.9), 0, kl(0.5, 0.2)]))


def test_aopc_is_the_mean_over_thresholds(table, benchmark):
    assert value(table, "comprehensiveness_aopc") == pytest.approx(np.mean([(0.1 + 0.4) / 2, 0, 0.3]))
    assert value(table, "sufficiency_aopc") == pytest.approx(np.mean([(0.6 + 0) / 2, 0.1, 0]))
    one = score(benchmark, ANSWERS, aopc_thresholds=(0.5,))
    assert value(one, "comprehensiveness_aopc") == pytest.approx(np.mean([0.4, 0, 0.3]))


def test_tokens_to_flip_are_shares_of_the_evidence_documents(table):
    line = table["decision_flip", "eraser"]
    assert line["value"] == pytest.approx((3 / 10 + 4 / 4) / 2) and line["n"] == 2


def test_missing_predictions_cost_recall_and_coverage(benchmark):
    table = score(benchmark, ANSWERS[:1])
    assert value(table, "token_f1", "macro") == pytest.approx((10 / 13) / 2)
    assert table["accuracy", "eraser"]["n"] == 1 and table["accuracy", "eraser"]["coverage"] == pytest.approx(1 / 3)
    assert value(table, "auprc") is not None and table["auprc", "eraser"]["n"] == 1


def test_only_what_is_there_is_scored(benchmark):
    table = score(benchmark, [{"annotation_id": "d1", "classification": "POS"}])
    assert "accuracy" in {name for name, _ in table} and not {"auprc", "token_f1", "sufficiency"} & {
        n for n, _ in table
    }


def test_infinite_divergence_is_undefined(benchmark):
    certain = json.loads(json.dumps(ANSWERS[:2]))
    certain[0]["classification_scores"] = {"POS": 1.0, "NEG": 0.0}
    table = score(benchmark, certain)
    assert table["comprehensiveness_kl", "eraser"]["n"] == 1
    assert "probability 0" in table["comprehensiveness_kl", "eraser"]["reasons"]


def test_document_keys_of_an_annotation_with_two_documents(benchmark):
    both = {**annotation("pair", "POS", [passage("d1", 0, 1), passage("d2", 0, 1)]), "docids": ["d1", "d2"]}
    (benchmark / "val.jsonl").write_text(json.dumps(both) + "\n", encoding="utf-8")
    answers = benchmark / "answers.jsonl"
    answers.write_text(
        json.dumps({"annotation_id": "pair", "rationales": [hard("d1", (0, 1)), hard("d2", (1, 2))]}) + "\n"
    )
    frame = score_predictions(benchmark, "val", answers).examples(metric="token_f1")
    macro = frame[frame["variant"] == "macro"]
    assert macro["example_id"].tolist() == ["pair d1", "pair d2"] and macro["value"].tolist() == [1, 0]
    assert macro["cluster"].unique().tolist() == ["d1"]


def broken(change):
    record = json.loads(json.dumps(ANSWERS[0]))
    change(record)
    return record


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (broken(lambda r: r.update(annotation_id="zz")), "row 1, field 'annotation_id': 'zz' is not an annotation"),
        (broken(lambda r: r["rationales"][0].update(docid="zz")), "row 1, field 'rationales': there is no document"),
        (broken(lambda r: r["rationales"].append(hard("d1"))), "names a document twice"),
        (broken(lambda r: r.update(rationales=[hard("d1", (8, 11))])), "beyond the 10 tokens of 'd1'"),
        (broken(lambda r: r.update(rationales=[hard("d1", soft=[0.5])])), "has 1 scores for the 10 tokens"),
        (broken(lambda r: r.pop("classification")), "field 'classification': is missing"),
        (broken(lambda r: r.update(classification="UNSURE")), "no probability for the predicted label 'UNSURE'"),
        (broken(lambda r: r.update(classification_scores={"POS": 2.0, "NEG": -1.0})), "not probabilities"),
        (broken(lambda r: r.update(sufficiency_classification_scores={"POS": 1.0})), "names other labels"),
    ],
)
def test_bad_predictions_are_located(benchmark, record, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        score(benchmark, [record])
    assert caught.value.file == "answers.json.lines"


def test_thresholds_must_be_in_every_prediction(benchmark):
    lacking = json.loads(json.dumps(ANSWERS))
    lacking[1]["thresholded_scores"].pop()
    with pytest.raises(InputError, match=r"row 2, field 'thresholded_scores': the threshold 0\.5"):
        score(benchmark, lacking)
    with pytest.raises(InputError, match=r"threshold 0\.2"):
        score(benchmark, ANSWERS, aopc_thresholds=(0.2,))


def test_nothing_to_score_and_no_file(benchmark):
    with pytest.raises(InputError, match="nothing to score"):
        score(benchmark, [{"annotation_id": "d1"}])
    with pytest.raises(InputError, match="no such prediction file"):
        evaluate_eraser(benchmark, "val", benchmark / "absent.jsonl")
