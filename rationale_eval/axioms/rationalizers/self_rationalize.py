"""The task model of FRAME: an encoder-decoder trained to write label and rationale, here from random weights."""

from __future__ import annotations

from collections.abc import Sequence

from rationale_eval import durable
from rationale_eval.axioms.rationalizer import Place, rationalizer
from rationale_eval.axioms.spoken import Spoken
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.models.load import pick_device
from rationale_eval.models.new_t5 import new_t5
from rationale_eval.rationales.own_prompt import predict
from rationale_eval.recipes.self_rationalize import SelfRationalize, SelfRationalizeConfig
from rationale_eval.training.journal import Journal
from rationale_eval.training.loop import fit

EPOCHS = 8


@rationalizer(
    "self_rationalize",
    title="Self-rationalizing T5 from random weights",
    describe=(
        "A small T5 trained from random weights to write the label and then the rationale (I->OR), decoded greedily. "
        "A minute or more a condition; without pretraining its answers are weak and its rationales formulaic."
    ),
    cite="Chan et al. 2022, section 4, with a T5 that was not pretrained",
)
def self_rationalize(train: RationaleDataset, of: Sequence[RationaleDataset], place: Place) -> list[Spoken]:
    """Trains on `train` and speaks of each data set."""
    config = SelfRationalizeConfig(epochs=EPOCHS)
    texts = SelfRationalize.texts(train, config)
    model = new_t5(texts, task=train.task, device=pick_device(place.device), seed=place.seed)
    for stage in SelfRationalize(model, train, None, config, seed=place.seed).stages():
        folder = place.folder / stage.name
        durable.make_folder(folder)
        outcome = fit(
            stage.learner, stage.data, stage.settings, folder=folder, journal=Journal(None), seed=place.seed,
            report=place.report,
        )  # fmt: skip
        if outcome.state != "finished":
            raise KeyboardInterrupt("stopped while the task model of an audit was trained; what it has learned is kept")
    model.trained = True
    found = [predict(model, data) for data in of]
    return [
        Spoken({key: one[0] for key, one in each.items()}, {key: one[1] for key, one in each.items()}) for each in found
    ]
