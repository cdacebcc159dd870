"""Colours can be read: by contrast, by lightness, and by those who see fewer of them."""

from __future__ import annotations

import itertools

import pytest

from rationale_eval.ui import colours

Colour = tuple[int, int, int]


@pytest.mark.parametrize("share", [place / 20 for place in range(-20, 21)])
def test_words_on_every_shade_have_contrast(share: float) -> None:
    for colour in (colours.diverging(share), colours.sequential(abs(share))):
        text = (0, 0, 0) if colours.readable_on(colour) == "#000000" else (255, 255, 255)
        assert colours.contrast(colour, text) >= 4.5


def test_scales_grow_darker_step_by_step() -> None:
    for scale, sign in ((colours.sequential, 1), (colours.diverging, 1), (colours.diverging, -1)):
        light = [colours.contrast(scale(sign * place / 10), (0, 0, 0)) for place in range(11)]
        assert light == sorted(light, reverse=True)
        assert light[0] - light[-1] > 10


def test_zero_is_neutral_and_nothing_leaves_the_scale() -> None:
    assert len(set(colours.diverging(0.0))) == 1
    assert colours.sequential(7.0) == colours.sequential(1.0)
    assert colours.diverging(float("nan")) == colours.diverging(0.0)


def test_systems_differ_and_controls_are_grey() -> None:
    found = colours.of_systems(["saliency", "random", "run/lime", "run/gold"])
    assert found["random"] == found["run/gold"] == colours.CONTROL
    assert found["saliency"] != found["run/lime"]


@pytest.mark.parametrize("theme", [(255, 255, 255), (18, 22, 28)])
def test_systems_stand_out_from_both_themes(theme: Colour) -> None:
    for each in (*colours.CATEGORIES, colours.CONTROL):
        assert colours.contrast(_rgb(each), theme) >= 2.0


@pytest.mark.parametrize("kind", ["protanopia", "deuteranopia"])
def test_the_first_six_systems_differ_for_colour_blind_readers(kind: str) -> None:
    """Machado et al. 2009, severity 1, in linear light; a difference of 10 in CIE Lab is plain to see side by side."""
    seen = [_lab(_simulated(_rgb(each), kind)) for each in colours.CATEGORIES[:6]]
    for one, other in itertools.combinations(seen, 2):
        assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 > 10


MATRICES = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
}


def _rgb(text: str) -> Colour:
    return (int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16))


def _linear(colour: Colour) -> list[float]:
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]


def _simulated(colour: Colour, kind: str) -> list[float]:
    linear = _linear(colour)
    return [min(1.0, max(0.0, sum(m * c for m, c in zip(row, linear, strict=True)))) for row in MATRICES[kind]]


def _lab(linear: list[float]) -> tuple[float, float, float]:
    red, green, blue = linear
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    f = [v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z)]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])
