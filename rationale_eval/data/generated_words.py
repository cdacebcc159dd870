"""Vocabulary of the generated tasks. No word stands in two lists of one task, so that a cue can only be a cue."""

from __future__ import annotations

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PEOPLE: Final = _words(
    "Anna Bruno Clara Dmitri Elena Farid Greta Hugo Ines Jonas Kamala Leo Mira Nadia Oskar Priya Quentin Rosa Samir "
    "Tessa Umar Vera Wanda Xavier Yuki Zoltan"
)
VERBS: Final = _words(
    "described noticed remembered mentioned sketched photographed recognised admired examined recalled"
)
SIDES: Final = _words("near behind beside opposite outside past beyond")
SITES: Final = _words(
    "library station museum bridge market garden school tower fountain bakery courthouse hotel cinema workshop "
    "archive square"
)
THINGS: Final = _words(
    "ladder envelope bicycle curtain lantern notebook statue suitcase carpet window mirror pencil calendar magazine "
    "basket blanket bench ribbon candle poster drawer ticket"
)

TOPICS: Final[dict[str, tuple[str, ...]]] = {
    "music": _words("violin trumpet orchestra melody drummer choir piano guitarist flute symphony"),
    "cooking": _words("recipe oven chef sauce dough spatula roast soup skillet casserole"),
    "sailing": _words("anchor harbour captain mast regatta rudder sailor lighthouse yacht keel"),
}
"""Cue words of `keyword`, by class."""

POSITIVE: Final = _words(
    "delightful excellent charming superb wonderful pleasant brilliant lovely impressive enjoyable splendid marvellous"
)
NEGATIVE: Final = _words(
    "dreadful awful dull terrible horrible unpleasant disappointing tedious shabby miserable annoying mediocre"
)
PLAIN: Final = _words(
    "wooden round upstairs square blue narrow indoor rectangular outdoor yellow carpeted tiled downstairs heated "
    "painted"
)
ASPECTS: Final = _words(
    "room lobby terrace hall museum shop pool lounge kitchen garden library theatre studio courtyard cafe gallery"
    " corridor workshop"
)

COLOURS: Final = _words("red blue green yellow black white purple pink brown grey")
OBJECTS: Final = _words("cup ball box hat kite scarf vase plate chair bag lamp clock towel bucket")
SURFACES: Final = _words("table shelf porch floor counter stage")

PLACES: Final = _words("attic cellar garage kitchen pantry shed office hallway bedroom wardrobe basement studio")
BELONGINGS: Final = _words("key passport camera umbrella ring wallet diary helmet")
