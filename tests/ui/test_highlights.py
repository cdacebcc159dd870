"""Marked text: what is said of each word, without colour too, and that text is only ever text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from rationale_eval.data.example import Example
from rationale_eval.data.words import Word, split_words
from rationale_eval.ui.colours import contrast, css, diverging, readable_on, sequential
from rationale_eval.ui.highlights import KEPT, LINE, Line, Marking, _Layout, highlights

INPUTS = {"premise": "A man on a ladder.", "hypothesis": "He is outside."}


def words(inputs: dict[str, str]) -> tuple[Word, ...]:
    return split_words(Example("1", "nli", inputs))


def marks(html: str) -> list[tuple[str, str, str]]:
    """Classes, title and text of each word."""
    found = re.findall(
        r'<span class="rx-w([^"]*)"(?: style="[^"]*")?(?: title="([^"]*)")?>\u2068(.*?)\u2069</span>', html
    )
    return [(classes.strip(), title, text) for classes, title, text in found]


def test_a_word_says_its_score_and_rank_and_is_outlined_and_underlined() -> None:
    place = words(INPUTS)
    scores = np.array([0.0, 0.5, 0.1, 0.0, 1.0, 0.0, 0.0, 0.0, 0.25, np.nan])
    gold = np.array([False] * 4 + [True] + [False] * 5)
    found = marks(highlights(Marking(INPUTS, place, [Line("saliency", scores)], gold)))
    assert [text for *_, text in found] == ["A", "man", "on", "a", "ladder", ".", "He", "is", "outside", "."]
    assert found[4] == ("rx-gold rx-top", "1.00, rank 1 of 9; marked by people", "ladder")
    assert found[1] == ("rx-top", "0.500, rank 2 of 9", "man")
    assert found[8] == ("", "0.250, rank 3 of 9", "outside")
    assert found[9] == ("rx-unseen", "no score: the model did not see it, or the method cannot say", ".")


def test_the_same_words_stand_under_each_other() -> None:
    place = words(INPUTS)
    both = [Line("one", np.linspace(0, 1, len(place))), Line("two", np.linspace(-1, 1, len(place)))]
    html = highlights(Marking(INPUTS, place, both))
    parts = html.split('<div class="rx-part">')[1:]
    assert len(parts) == 2  # one for each field
    for part in parts:
        first, second = part.split('<div class="rx-line">')[1:]
        assert [text for *_, text in marks(first)] == [text for *_, text in marks(second)]


def test_the_greatest_score_has_the_end_of_its_scale_in_both_themes() -> None:
    place = words({"text": "a b"})
    unsigned = highlights(Marking({"text": "a b"}, place, [Line("one", np.array([0.2, 0.4]))]))
    signed = highlights(Marking({"text": "a b"}, place, [Line("one", np.array([-0.4, 0.2]))]))
    assert f"light-dark({css(sequential(1))},{css(sequential(1, dark=True))})" in unsigned
    assert f"light-dark({css(sequential(0.5))},{css(sequential(0.5, dark=True))})" in unsigned
    assert f"light-dark({css(diverging(-1))},{css(diverging(-1, dark=True))})" in signed
    assert ">-0.400" not in signed and "-0.400<span" in signed  # the legend: from minus to plus the greatest


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("share", np.linspace(-1, 1, 41))
def test_words_can_be_read_on_every_colour(share: float, dark: bool) -> None:
    black_white = {"#000000": (0, 0, 0), "#ffffff": (255, 255, 255)}
    for back in (diverging(share, dark=dark), sequential(abs(share), dark=dark)):
        assert contrast(back, black_white[readable_on(back)]) >= 4.5


def test_systems_that_differ_in_nothing_have_no_first_words() -> None:
    place = words(INPUTS)
    html = highlights(Marking(INPUTS, place, [Line("flat", np.full(len(place), 0.3))]))
    assert "rx-top" not in "".join(classes for classes, *_ in marks(html))


def test_a_long_text_folds_to_sentences_that_carry_weight_and_to_gold() -> None:
    numbers = [f"Sentence number {place} says a thing of some length and then it ends here." for place in range(40)]
    inputs = {"document": " ".join(numbers)}
    place = words(inputs)
    scores, gold = np.zeros(len(place)), np.zeros(len(place), dtype=bool)
    at = {
        sentence: next(n for n, word in enumerate(place) if inputs["document"][word.start : word.end] == str(sentence))
        for sentence in range(40)
    }
    for rank, sentence in enumerate((7, 9, 11, 13, 15, 17)):
        scores[at[sentence]] = 6.0 - rank
    gold[at[30]] = True
    of = Marking(inputs, place, [Line("one", scores)], gold)
    found = highlights(of)
    told = {text for *_, text in marks(found) if text.isdigit()}
    assert told == {"0", "7", "9", "11", "13", "15", "17", "30"}
    assert _Layout.of(of, fold=True).hidden == 40 - KEPT - 2
    assert "6 sentences not shown" in found and "1 sentence not shown" in found
    whole = highlights(of, fold=False)
    assert "not shown" not in whole and len(marks(whole)) == len(place)
    assert all(len(line) <= LINE for line in _lines(whole))


def _lines(html: str) -> list[str]:
    return [
        "".join(text + " " for *_, text in marks(part)).strip().replace(" .", ".")
        for part in html.split('<div class="rx-part">')[1:]
    ]


class Tags(HTMLParser):
    """All elements and attributes that a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[str, str]] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {(tag, name) for name, _ in attrs} | {(tag, "")}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script> ends here",
        '"><img src=x onerror=alert(1)> and more',
        "' onmouseover='alert(1) \u202eevil \x00 \ud800 text",
        "</style><style>*{display:none}</style> text",
    ],
)
def test_hostile_text_is_text(hostile: str) -> None:
    inputs = {hostile[:30]: hostile, "second": "plain"}
    place = words(inputs)
    html = highlights(Marking(inputs, place, [Line(hostile, np.linspace(-1, 1, len(place)))]))
    tags = Tags()
    tags.feed(html)
    assert {tag for tag, _ in tags.seen} == {"style", "div", "span"}
    assert {name for _, name in tags.seen} <= {"", "class", "style", "title"}
    assert "alert" in tags.text or "display" in tags.text
