"""The generated tasks: how an example of a given label is drawn, and the label function that holds for any text."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rationale_eval.data import generated_words as vocab
from rationale_eval.data.example import Task

Draw = Callable[[random.Random, int], tuple[dict[str, str], tuple[str, ...]]]
"""Draws the fields of an example with the given label, evidence words in square brackets, and its own choices."""

Rule = Callable[[Mapping[str, list[str]], Sequence[str]], int | None]
"""The label from the lower-case words of each field and the choices; None where they do not decide it."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A generated task.

    Args:
        task: What it asks for.
        classes: How many labels there are.
        draw: Makes an example of a given label.
        rule: The label function.
        cues: Cue word to class, for tasks decided by single words.
    """

    task: Task
    classes: int
    draw: Draw
    rule: Rule
    cues: Mapping[str, int]


# keyword


def _draw_keyword(rng: random.Random, label: int) -> tuple[dict[str, str], tuple[str, ...]]:
    """Three or four sentences about things seen; one of the things is a cue word of the class."""
    cue = rng.choice(list(vocab.TOPICS.values())[label])
    things = [*rng.sample(vocab.THINGS, rng.randint(2, 3)), f"[{cue}]"]
    rng.shuffle(things)
    sentences = [
        f"{rng.choice(vocab.PEOPLE)} {rng.choice(vocab.VERBS)} the {thing} {rng.choice(vocab.SIDES)}"
        f" the {rng.choice(vocab.SITES)}."
        for thing in things
    ]
    return {"text": " ".join(sentences)}, ()


def _rule_keyword(words: Mapping[str, list[str]], choices: Sequence[str]) -> int | None:
    """The class all cue words present agree on."""
    found = {_TOPIC_OF[word] for word in words["text"] if word in _TOPIC_OF}
    return found.pop() if len(found) == 1 else None


# majority and negation


def _clauses(rng: random.Random, adjectives: Sequence[str]) -> dict[str, str]:
    aspects = rng.sample(vocab.ASPECTS, len(adjectives))
    verbs = [rng.choice(("was", "seemed", "looked")) for _ in adjectives]
    sentences = [f"The {a} {verb} {adj}." for a, verb, adj in zip(aspects, verbs, adjectives, strict=True)]
    return {"text": " ".join(sentences)}


def _draw_majority(rng: random.Random, label: int) -> tuple[dict[str, str], tuple[str, ...]]:
    """One to three cue words of the winning side, fewer of the other, and plain adjectives."""
    winners, losers = (vocab.POSITIVE, vocab.NEGATIVE) if label else (vocab.NEGATIVE, vocab.POSITIVE)
    many = rng.randint(1, 3)
    adjectives = [f"[{word}]" for word in rng.sample(winners, many)]
    adjectives += rng.sample(losers, rng.randint(0, many - 1))
    adjectives += rng.sample(vocab.PLAIN, rng.randint(2, 4))
    rng.shuffle(adjectives)
    return _clauses(rng, adjectives), ()


def _rule_majority(words: Mapping[str, list[str]], choices: Sequence[str]) -> int | None:
    """The side with more cue words; None on a tie."""
    votes = [_POLARITY[word] for word in words["text"] if word in _POLARITY]
    positive = sum(votes)
    negative = len(votes) - positive
    return None if positive == negative else int(positive > negative)


def _draw_negation(rng: random.Random, label: int) -> tuple[dict[str, str], tuple[str, ...]]:
    """One cue word, negated or not; after it, sometimes a negated plain adjective.

    A distractor "not" never comes before the cue: with the words between them removed it would turn into a true one.
    """
    negated = rng.random() < 0.5
    cue = rng.choice(vocab.POSITIVE if bool(label) != negated else vocab.NEGATIVE)
    before, after = rng.randint(0, 2), rng.randint(1, 2)
    plain = rng.sample(vocab.PLAIN, before + after)
    if rng.random() < 0.5:
        place = rng.randrange(before, before + after)
        plain[place] = f"not {plain[place]}"
    marked = f"[not] [{cue}]" if negated else f"[{cue}]"
    return _clauses(rng, [*plain[:before], marked, *plain[before:]]), ()


def _rule_negation(words: Mapping[str, list[str]], choices: Sequence[str]) -> int | None:
    """The polarity of the cue words, each flipped by a "not" directly before it; None without or in conflict."""
    text = words["text"]
    found = {_POLARITY[word] ^ int(i > 0 and text[i - 1] == "not") for i, word in enumerate(text) if word in _POLARITY}
    return found.pop() if len(found) == 1 else None


# pair_match


def _draw_pair(rng: random.Random, label: int) -> tuple[dict[str, str], tuple[str, ...]]:
    """A premise that lists coloured objects, and a hypothesis about the colour of one object.

    Half the wrong colours are those of another object in the premise, so that the words alone do not tell.
    """
    count = rng.randint(3, 4)
    *objects, absent = rng.sample(vocab.OBJECTS, count + 1)
    *colours, unused = rng.sample(vocab.COLOURS, count + 1)
    place = rng.randrange(count)
    other = colours[(place + rng.randrange(1, count)) % count]
    wrong = other if rng.random() < 0.5 else unused
    phrases = [f"a {colour} {thing}" for colour, thing in zip(colours, objects, strict=True)]
    thing, colour = f"[{absent}]", rng.choice((other, unused))
    if label != 1:
        phrases[place] = f"a [{colours[place]}] [{objects[place]}]"
        thing, colour = f"[{objects[place]}]", f"[{colours[place] if label == 0 else wrong}]"
    surface = rng.choice(vocab.SURFACES)
    premise = f"On the {surface} {rng.choice(('lie', 'stand', 'are'))} {', '.join(phrases[:-1])} and {phrases[-1]}."
    hypothesis = rng.choice((f"The {thing} is {colour}.", f"The {thing} on the {surface} is {colour}."))
    return {"premise": premise, "hypothesis": hypothesis}, ()


def _rule_pair(words: Mapping[str, list[str]], choices: Sequence[str]) -> int | None:
    """Entailment if the premise gives the hypothesis' object the hypothesis' colour, contradiction if another one.

    An object's colour is the word directly before it. Neutral if the premise has no such object or gives no colour
    for it; None if the hypothesis names no object, or no colour where that matters.
    """
    premise = words["premise"]
    thing = next((word for word in words["hypothesis"] if word in vocab.OBJECTS), None)
    if thing is None:
        return None
    place = premise.index(thing) if thing in premise else 0
    if place == 0 or premise[place - 1] not in vocab.COLOURS:
        return 1
    colour = next((word for word in words["hypothesis"] if word in vocab.COLOURS), None)
    return None if colour is None else 0 if premise[place - 1] == colour else 2


# choice_lookup


def _draw_lookup(rng: random.Random, label: int) -> tuple[dict[str, str], tuple[str, ...]]:
    """Five people keep the same thing in five places; the question asks for one of them."""
    places, people = rng.sample(vocab.PLACES, 5), rng.sample(vocab.PEOPLE, 5)
    belonging, verb = rng.choice(vocab.BELONGINGS), rng.choice(("keeps", "leaves", "hides"))
    key = rng.randrange(5)
    sentences = [
        f"[{person}] {verb} the {belonging} in the [{place}]."
        if i == key
        else f"{person} {verb} the {belonging} in the {place}."
        for i, (person, place) in enumerate(zip(people, places, strict=True))
    ]
    choices = rng.sample([place for i, place in enumerate(places) if i != key], 4)
    choices.insert(label, places[key])
    question = f"Where should [{people[key]}] look for the {belonging}?"
    return {"context": " ".join(sentences), "question": question}, tuple(choices)


def _rule_lookup(words: Mapping[str, list[str]], choices: Sequence[str]) -> int | None:
    """The choice named by the first place after the asked person in the context, before another person comes."""
    people = {person.lower() for person in vocab.PEOPLE}
    asked = next((word for word in words["question"] if word in people), None)
    context = words["context"]
    if asked is None or asked not in context:
        return None
    rest = context[context.index(asked) + 1 :]
    found = next((word for word in rest if word in people or word in vocab.PLACES), None)
    return None if found is None or found not in choices else list(choices).index(found)


_TOPIC_OF: Final = {word: label for label, cues in enumerate(vocab.TOPICS.values()) for word in cues}
_POLARITY: Final = dict.fromkeys(vocab.NEGATIVE, 0) | dict.fromkeys(vocab.POSITIVE, 1)


def _classification(name: str, fields: tuple[str, ...], choices: tuple[str, ...]) -> Task:
    return Task(name, "classification", fields, choices)


GENERATED: Final[dict[str, Generated]] = {
    made.task.name: made
    for made in (
        Generated(
            _classification("keyword", ("text",), tuple(vocab.TOPICS)), 3, _draw_keyword, _rule_keyword, _TOPIC_OF
        ),
        Generated(
            _classification("majority", ("text",), ("negative", "positive")),
            2,
            _draw_majority,
            _rule_majority,
            _POLARITY,
        ),
        Generated(
            _classification("negation", ("text",), ("negative", "positive")),
            2,
            _draw_negation,
            _rule_negation,
            _POLARITY,
        ),
        Generated(
            _classification("pair_match", ("premise", "hypothesis"), ("entailment", "neutral", "contradiction")),
            3,
            _draw_pair,
            _rule_pair,
            {},
        ),
        Generated(Task("choice_lookup", "multiple_choice", ("context", "question")), 5, _draw_lookup, _rule_lookup, {}),
    )
}
"""The generated tasks, by name.

- `keyword`: the topic is that of the one cue word. Evidence: the cue word. No redundancy.
- `majority`: the sentiment is that of the more frequent side. Evidence: all cue words of the winning side; the losing
  side's words speak against the label and are no evidence. Redundant: where the winners lead by two or more, losing a
  single one changes nothing, but without all of them the label is lost.
- `negation`: the sentiment is the cue's, flipped by "not" directly before it. Evidence: the cue and, if it is negated,
  its "not". That a cue is *not* negated cannot be marked. No redundancy.
- `pair_match`: premise and hypothesis agree on an object's colour, disagree, or the premise lacks the object. Evidence:
  object and colour in both fields; for neutral the hypothesis' object alone, since its absence from the premise cannot
  be marked. No redundancy.
- `choice_lookup`: where the person asked about keeps a thing. Evidence: the person in the question and in the context,
  and the place. No redundancy.
"""
