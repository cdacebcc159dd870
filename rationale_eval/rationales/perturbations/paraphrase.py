"""The rationale in the words of a language model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rationale_eval.data.example import Example
from rationale_eval.rationales.english.same_meaning import why_not_same
from rationale_eval.rationales.template import Template, one_line
from rationale_eval.rationales.text_perturbation import Changed, Said, not_changed, perturbation

if TYPE_CHECKING:
    from rationale_eval.models.transformer import TransformerModel

TEMPLATE: Final = Template(
    name="paraphrase",
    version=1,
    given="input",
    order="rationale",
    instruction="Say each sentence in other words. The meaning stays the same.",
    case="{inputs}\nIn other words:",
    says=" {rationale}",
    joint="",
    shots=6,
    stop=("\n",),
    describe="A sentence in other words, after six sentences and their paraphrases.",
)
_SHOWN: Final = (
    ("A man who is asleep cannot be reading.", "It is not possible to read while one is sleeping."),
    ("The women are outside because they are in a park.", "As they are in a park, the women are outdoors."),
    ("Not every dog that runs is chasing a ball.", "A dog may run without chasing a ball."),
    ("you keep milk cold in a fridge", "a fridge is where milk is kept cold"),
    ("A stone is too hard to be eaten.", "Nobody can eat a stone because it is too hard."),
    ("There is no sign that the boy is sad.", "Nothing shows that the boy is sad."),
)
TRIES: Final = 4
"""One greedy, the others drawn: small models often repeat the sentence or leave its meaning."""
TEMPERATURE: Final = 0.7
MORE_TOKENS: Final = 12
"""What a paraphrase may be longer than the longest sentence of a batch of tries."""


@perturbation(
    "paraphrase",
    effect="equivalent",
    title="Paraphrase by a language model",
    describe=(
        "A language model says the rationale in other words, after six solved examples; up to four tries, the first "
        "greedy. Valid: not the same words, half to twice as long, as many negations, the same numbers, the same words "
        "that say how often, how surely and why, every content word kept (or a synonym) and few added, in "
        "their order, the answer still mentioned if it was, and no other choice mentioned that was not."
    ),
    cite="Lanham et al. 2023 for paraphrased reasoning; prompt and checks ours",
    needs=("lm",),
)
def paraphrase(said: Sequence[Said], lm: TransformerModel, seed: int) -> list[Changed]:
    """Tries until a text passes; what fails keeps the reason of its last try."""
    found = [not_changed("the prompt does not fit the model")] * len(said)
    for attempt in range(TRIES):
        open_places = [place for place, result in enumerate(found) if result.text is None]
        written = _written([said[place] for place in open_places], lm, seed, attempt) if open_places else {}
        for place in open_places:
            if (text := written.get(said[place].example.id)) is not None:
                why = why_not_same(said[place], text)
                found[place] = not_changed(why) if why else Changed(text)
    return found


def _written(said: Sequence[Said], lm: TransformerModel, seed: int, attempt: int) -> dict[str, str]:
    """Example id to what the model wrote; without those whose prompt does not fit."""
    from rationale_eval.models.decode import Decoding
    from rationale_eval.rationales.generation import Generation

    longest = max(len(lm.tokenizer(one.text)["input_ids"]) for one in said)
    how = Decoding(
        max_tokens=2 * longest + MORE_TOKENS, temperature=TEMPERATURE if attempt else 0.0, stop=TEMPLATE.stop
    )
    shown = [_as_example(str(place), before, after) for place, (before, after) in enumerate(_SHOWN)]
    generation = Generation(lm, TEMPLATE, how, shots=shown, seed=seed + 7919 * attempt)
    asked = [_as_example(one.example.id, one.text) for one in said]
    return {
        one.example_id: one_line(one.rationale)
        for batch in generation.run(asked)
        for one in batch
        if one.finish != "too_long"
    }


def _as_example(name: str, text: str, *paraphrased: str) -> Example:
    return Example(id=name, task="paraphrase", inputs={"sentence": one_line(text)}, choices=("",), label=0,
                   rationales=paraphrased)  # fmt: skip
