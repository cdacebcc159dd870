"""Colours: one set for systems, one scale for sizes, one for signed values; the same on every page and in both themes.

The categorical set is that of Okabe and Ito (2008), made for colour-blind readers, without its black and its yellow,
which one of the two themes would swallow. The scales are interpolated in linear light between colours that differ in
lightness first, so that they can be read without hue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rationale_eval.desk.systems import is_control

CATEGORIES: Final = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8a6d3b", "#7f7f9f")
CONTROL: Final = "#8a8f98"
"""Grey: controls stand beside, and never look like a system."""

LOW: Final = (247, 251, 255)
HIGH: Final = (8, 81, 156)
NEGATIVE: Final = (179, 88, 6)
MIDDLE: Final = (247, 247, 247)

DARK_LOW: Final = (20, 26, 36)
DARK_HIGH: Final = (128, 195, 255)
DARK_NEGATIVE: Final = (255, 176, 92)
"""The same scales on a dark page: small values are near its ground there too, great ones stand out."""

RGB = tuple[int, int, int]


def of_systems(systems: Sequence[str]) -> dict[str, str]:
    """A colour for each system, by its place in the order all pages use; controls are grey."""
    real = [name for name in systems if not is_control(name)]
    colours = {name: CATEGORIES[place % len(CATEGORIES)] for place, name in enumerate(real)}
    return {name: colours.get(name, CONTROL) for name in systems}


def sequential(share: float, *, dark: bool = False) -> RGB:
    """The colour of a size between 0 and 1."""
    return _between(DARK_LOW, DARK_HIGH, share) if dark else _between(LOW, HIGH, share)


def diverging(share: float, *, dark: bool = False) -> RGB:
    """The colour of a signed value between -1 and 1; 0 is nearly the ground of the page."""
    high, negative, middle = (DARK_HIGH, DARK_NEGATIVE, DARK_LOW) if dark else (HIGH, NEGATIVE, MIDDLE)
    return _between(middle, high, share) if share >= 0 else _between(middle, negative, -share)


def readable_on(colour: RGB) -> str:
    """Black or white, whichever has more contrast on a colour (WCAG 2.2 relative luminance)."""
    light = _luminance(colour)
    return "#000000" if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else "#ffffff"


def css(colour: RGB) -> str:
    """A colour for a style attribute."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def contrast(one: RGB, other: RGB) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    first, second = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (first + 0.05) / (second + 0.05)


def _between(low: RGB, high: RGB, share: float) -> RGB:
    clamped = min(1.0, max(0.0, share if share == share else 0.0))
    mixed = [
        _encoded(_linear(start) + (_linear(end) - _linear(start)) * clamped)
        for start, end in zip(low, high, strict=True)
    ]
    return (mixed[0], mixed[1], mixed[2])


def _luminance(colour: RGB) -> float:
    red, green, blue = (_linear(part) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: int) -> float:
    value = part / 255
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _encoded(value: float) -> int:
    shown = value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return round(255 * shown)
