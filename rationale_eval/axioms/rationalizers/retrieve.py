"""A quick rationalizer: a linear classifier on frozen sentence states answers, the nearest training example explains.

The answer is that of a logistic regression on the states of a pretrained encoder (the parts of the input, their
differences and products, as InferSent compares two sentences, Conneau et al. 2017, section 3.1). The rationale is the
gold rationale of the training example that is most similar among those whose training label is that answer; never the
example's own, nor one of the same premise or document. With wrong labels in training, rationales get as wrong as
answers do. A stand-in for a self-rationalizing model where minutes matter: its texts are fluent, and of another case.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rationale_eval.axioms.rationalizer import Place, rationalizer
from rationale_eval.axioms.spoken import Spoken
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.errors import UsageError
from rationale_eval.models.text_encoder import TextEncoder

ENCODER = "embedded/minilm"
Floats = NDArray[np.float32]


@rationalizer(
    "retrieve",
    title="Linear classifier, nearest rationale",
    describe=(
        "Answers by logistic regression on frozen MiniLM states and gives the gold rationale of the most similar "
        "training example with that label. Seconds a condition; the rationale is of another case."
    ),
    cite="own stand-in for the self-rationalizing model of Chan et al. 2022",
)
def retrieve(train: RationaleDataset, of: Sequence[RationaleDataset], place: Place) -> list[Spoken]:
    """Learns from `train` and speaks of each data set."""
    states = _states(place.device)
    states([text for data in (train, *of) for one in data for text in _texts(one)])  # read in batches, once
    bank = [one for one in train if one.label is not None and one.rationales]
    if len({one.label for one in bank}) < 2:
        raise UsageError("a task model needs training examples of two labels with rationales; give more examples")
    answers = _Answers(train, bank, states, place.seed)
    return [_speak(data, train, bank, answers, states) for data in of]


class _States:
    """States of texts, each text read once."""

    def __init__(self, device: str):
        self._encoder, self._known = TextEncoder(ENCODER, device=device), dict[str, Floats]()

    def __call__(self, texts: Sequence[str]) -> Floats:
        """float32 `[texts, hidden]`, of length 1."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        for text, vector in zip(missing, self._encoder.vectors(missing) if missing else (), strict=True):
            self._known[text] = (vector / max(1e-12, float(np.linalg.norm(vector)))).astype(np.float32)
        return np.stack([self._known[text] for text in texts])


@lru_cache(maxsize=2)
def _states(device: str) -> _States:
    return _States(device)


def _texts(example: Example) -> list[str]:
    """All that is read of an example but its answers."""
    fields = list(example.inputs.values())
    return [" ".join(fields), fields[0], " ".join(fields[1:]) or fields[0]]


class _Answers:
    """The classifier."""

    def __init__(self, train: RationaleDataset, bank: list[Example], states: _States, seed: int):
        from sklearn.linear_model import LogisticRegression  # heavy: only where it is used

        self._options, self._states = train.task.kind == "multiple_choice", states
        features = [self.features(one) for one in bank]
        labels = [one.label for one in bank]
        if self._options:
            # One row an option: is it the right one?
            labels = [int(place == one.label) for one in bank for place in range(len(one.choices))]
        self._model = LogisticRegression(max_iter=300, C=1.0, random_state=seed).fit(np.concatenate(features), labels)

    def features(self, example: Example) -> Floats:
        """float32 `[1, features]`, or `[choices, features]` for a question with options."""
        fields = list(example.inputs.values())
        if self._options:
            question = self._states([" ".join(fields)])
            options = self._states(list(example.choices))
            return np.concatenate([options, np.abs(options - question), options * question], axis=1)
        first, rest = self._states([fields[0]]), self._states([" ".join(fields[1:]) or fields[0]])
        return np.concatenate([first, rest, np.abs(first - rest), first * rest], axis=1)

    def __call__(self, example: Example) -> int:
        """Index of the answer."""
        scores = self._model.predict_proba(self.features(example))
        return int(scores[:, -1].argmax()) if self._options else int(self._model.classes_[scores[0].argmax()])


def _speak(
    data: RationaleDataset, train: RationaleDataset, bank: list[Example], answers: _Answers, states: _States
) -> Spoken:
    options = train.task.kind == "multiple_choice"
    known = states([_what(one, one.label, options) for one in bank])
    labels = np.array([one.label for one in bank])
    ids = np.array([one.id for one in bank], dtype=object)
    clusters = np.array([train.cluster(one) for one in bank], dtype=object)
    said: dict[str, int | None] = {}
    texts: dict[str, str] = {}
    for example in data:
        answer = said[example.id] = answers(example)
        near = (known @ states([_what(example, answer, options)])[0]).astype(np.float64)
        near[ids == example.id] = -np.inf
        cluster = data.cluster(example)
        if cluster is not None:
            near[clusters == cluster] = -np.inf
        if not options:
            near[labels != answer] = -np.inf
        best = int(near.argmax())
        texts[example.id] = bank[best].rationales[0] if np.isfinite(near[best]) else ""
    return Spoken(said, texts)


def _what(example: Example, answer: int | None, options: bool) -> str:
    """What is compared: the input, and for a question with options the answer too."""
    said = f" {example.choices[answer]}" if options and answer is not None else ""
    return " ".join(example.inputs.values()) + said
