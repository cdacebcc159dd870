"""`generate`: free-text rationales of a language model for a data set."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.load import load_dataset
from rationale_eval.data.outputs import Outputs, TextRationale
from rationale_eval.errors import UsageError
from rationale_eval.models.decoding import Decoding
from rationale_eval.models.endpoint import PREFIX, Endpoint, check_endpoint, read_config
from rationale_eval.models.load import load_model
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.asking import Asking, Writer
from rationale_eval.rationales.choosing import best
from rationale_eval.rationales.completion import Completion, read_completions
from rationale_eval.rationales.generation import Generation
from rationale_eval.rationales.own_prompt import own_template
from rationale_eval.rationales.remote import RemoteGeneration
from rationale_eval.rationales.shots import draw_shots
from rationale_eval.rationales.template import DEFAULT, OWN, TEMPLATES, Template, no_template
from rationale_eval.verbs.generate_run import COMPLETIONS, summary, write


class Texts:
    """Free-text rationales of one model for one data set; can be read again and again.

    Args:
        completions: One record for every draw.
        data: What they are about.
        params: What identifies them.
    """

    def __init__(self, completions: Sequence[Completion], data: RationaleDataset, params: dict[str, Any]):
        self.completions, self.data, self.params = list(completions), data, params

    def __iter__(self) -> Iterator[Completion]:
        return iter(self.completions)

    def __len__(self) -> int:
        return len(self.completions)

    def summary(self) -> dict[str, Any]:
        """How many texts there are, and in which shape; see `generate_run.summary`."""
        return summary(self.completions)

    def rationales(self) -> Outputs[TextRationale]:
        """The best text of each example (and choice, where one was given) of the data set, in its order."""
        return self._outputs(best(self.completions), "")

    def draws(self) -> list[Outputs[TextRationale]]:
        """Every draw as a system of its own, in the same order."""
        numbers = sorted({one.draw for one in self.completions})
        return [
            self._outputs([one for one in self.completions if one.draw == number], f" draw {number}")
            for number in numbers
        ]

    def _outputs(self, of: Sequence[Completion], ending: str) -> Outputs[TextRationale]:
        order = {example.id: place for place, example in enumerate(self.data)}
        known = [one for one in of if one.example_id in order]
        chosen = sorted(known, key=lambda one: (order[one.example_id], one.choice or 0))
        found = [TextRationale(one.example_id, one.rationale, one.answer) for one in chosen]
        return Outputs(f"{self.params['model']} {self.params['prompt']}{ending}", lambda: found)


def generate(  # noqa: PLR0913 -- the public verb; all but model and data are keywords with defaults
    lm: TransformerModel | str,
    data: RationaleDataset | str,
    *,
    prompt: str | None = None,
    per_choice: bool = False,
    shots: Sequence[Example] | int | None = None,
    shots_from: RationaleDataset | None = None,
    max_tokens: int = 64,
    temperature: float = 0.0,
    top_p: float = 1.0,
    draws: int = 1,
    seed: int = 0,
    batch_size: int = 32,
    share_prefix: bool = True,
    endpoint: str | None = None,
    request: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
) -> Texts:
    """Has a language model write rationales.

    Args:
        lm: The model, what `load_model` takes, or `endpoint:NAME`.
        data: The data set, or what `load_dataset` takes.
        prompt: Name of a template in `rationale_eval.rationales.template.TEMPLATES`, or "own" for the one the model was
            trained with; by default its own or, where it has none, "few_shot".
        per_choice: A rationale for every choice of every example (the prompt "per_choice").
        shots: Solved examples for the prompt, or how many are drawn; as many as the template says when None.
        shots_from: Where they are drawn from; by default the training split of `data`.
        max_tokens: Most tokens of a text.
        temperature: 0 writes the most probable token; more draws more freely.
        top_p: Draw from the most probable tokens that together have this probability.
        draws: Texts for each prompt; needs a temperature.
        seed: Draws the solved examples and the tokens.
        batch_size: Most texts at a time.
        share_prefix: Read what all prompts begin with once.
        endpoint: Address of a model named `endpoint:NAME`.
        request: Knobs of its requests; see `models.endpoint.EndpointConfig`.
        out: Folder to keep `completions.jsonl` in; what lies there already is not made again.

    Returns:
        The texts, one record for every draw.

    Raises:
        Resumable: If an endpoint cannot be asked on; what was made is in `out`, and the same call goes on.
        UsageError: If a name is unknown, the model writes no text, or there are too few solved examples.
        InputError: If the data cannot be read.

    Example:
        >>> texts = generate("embedded/smollm2", "bundled/commonsense", prompt="few_shot", shots=4)
    """
    if per_choice and prompt not in (None, DEFAULT, "per_choice"):
        raise UsageError(f"per_choice asks with the prompt per_choice; leave out prompt='{prompt}'")
    if isinstance(data, str):
        data = load_dataset(data)
    if isinstance(lm, str) and not lm.startswith(PREFIX):
        lm = load_model(lm, task=data.task)
    template = _template(lm, "per_choice" if per_choice else prompt)
    if isinstance(shots, int) or shots is None:
        count = template.shots if shots is None else shots
        if count and shots_from is None:
            shots_from = _training_split(data)
        apart = frozenset(example.id for example in data)
        shots = draw_shots(shots_from, count, seed, apart) if shots_from is not None else []
    how = Decoding(max_tokens, temperature, top_p, template.stop)
    generation: Writer
    if isinstance(lm, str):
        if out is None:
            raise UsageError("texts of an endpoint may be paid for and can be lost; say where they are kept: out=...")
        check_endpoint(lm, endpoint, request or {})
        asking = Asking(template, how, shots=shots, draws=draws, seed=seed)
        generation = RemoteGeneration(Endpoint(lm, str(endpoint), read_config(request or {})), asking)
    else:
        generation = Generation(
            lm, template, how, shots=shots, draws=draws, seed=seed, batch_size=batch_size, share=share_prefix
        )
    if out is not None:
        write(generation, data, Path(out))
        return Texts(list(read_completions(Path(out) / COMPLETIONS)), data, generation.about())
    with tempfile.TemporaryDirectory(prefix="rationale_eval-") as folder:
        write(generation, data, Path(folder))
        return Texts(list(read_completions(Path(folder) / COMPLETIONS)), data, generation.about())


def _template(model: TransformerModel | str, prompt: str | None) -> Template:
    own = None if isinstance(model, str) else model.template
    if prompt == OWN or (prompt is None and own is not None):
        if isinstance(model, str):
            raise UsageError(no_template(model))
        return own_template(model)
    return TEMPLATES[prompt or DEFAULT]


def _training_split(data: RationaleDataset) -> RationaleDataset:
    if data.origin is None or not data.origin.path:
        raise UsageError("the prompt shows solved examples; say where from: shots_from=..., or shots=[...]")
    return load_dataset(data.origin.path, "train")
