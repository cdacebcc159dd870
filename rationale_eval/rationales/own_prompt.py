"""Models that were trained to give an answer and a rationale in words: the prompt they learned, and what they say.

`predict` is the plain way to ask one: answers and rationales of a data set, without a run.
"""

from __future__ import annotations

from collections.abc import Callable

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.errors import UsageError
from rationale_eval.models.decoding import Decoding
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.completion import Completion
from rationale_eval.rationales.generation import Generation
from rationale_eval.rationales.template import Template, no_template, read_template

Predicted = tuple[int | None, str]
"""Index of the answer, or None where none could be read, and the rationale, which may be empty."""


def own_template(model: TransformerModel) -> Template:
    """The prompt that a model was trained with.

    Raises:
        UsageError: If it was trained with none.
    """
    if model.template is None:
        raise UsageError(no_template(model.name))
    return read_template(model.template)


def predict(
    model: TransformerModel,
    data: RationaleDataset,
    *,
    max_tokens: int = 64,
    batch_size: int = 64,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Predicted]:
    """What a self-rationalizing model says of a data set, decoded greedily.

    Args:
        model: A model trained by `self_rationalize` or `feb`, for example `load_model("run:ID")`.
        data: The examples; labels are not read, and need not be there.
        max_tokens: Most tokens of a text.
        batch_size: Most texts at a time.
        progress: Told how many texts were made.

    Returns:
        For every example id, in the data's order, the answer and the rationale.

    Raises:
        UsageError: If the model was not trained to answer in words.
        InputError: If the model reads rationales and an example has none.
    """
    found: dict[str, Completion] = {}
    for batch in generation(model, max_tokens=max_tokens, batch_size=batch_size).run(data):
        found |= {one.example_id: one for one in batch}
        if progress is not None:
            progress(len(batch))
    return {example.id: (found[example.id].answer, found[example.id].rationale) for example in data}


def generation(model: TransformerModel, *, max_tokens: int = 64, batch_size: int = 64) -> Generation:
    """Greedy decoding by the model's own prompt.

    Raises:
        UsageError: If it has none.
    """
    template = own_template(model)
    return Generation(model, template, Decoding(max_tokens, stop=template.stop), batch_size=batch_size)
