"""Things of one kind, for swapping one for another: closed lists of common words, each in one list alone.

Words that are often something else are left out (May, turkey, orange, "second").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rationale_eval.rationales.english.listed import listed

PROPER: Final[Mapping[str, tuple[str, ...]]] = {
    "weekday": listed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    "month": listed("January February April June July August September October November December"),
    "country": (
        *listed("America Argentina Australia Austria Brazil Canada China Egypt England France Germany Greece India"),
        *listed("Ireland Israel Italy Japan Kenya Mexico Norway Poland Portugal Russia Scotland Spain Sweden Thailand"),
        *("Vietnam", "South Korea", "New Zealand", "South Africa"),
    ),
    "city": (
        *listed("Amsterdam Athens Atlanta Bangkok Barcelona Beijing Berlin Boston Cairo Chicago Dallas Delhi Denver"),
        *listed("Dublin London Madrid Miami Moscow Mumbai Paris Rome Seattle Shanghai Sydney Tokyo Toronto Vienna"),
        *("Los Angeles", "New York", "San Francisco", "Hong Kong", "Las Vegas"),
    ),
    "continent": ("Africa", "Antarctica", "Asia", "Europe", "North America", "South America"),
    "planet": listed("Venus Mars Jupiter Saturn Uranus Neptune Earth"),
    "nationality": (
        *listed("American Australian British Canadian Chinese Dutch Egyptian English French German Greek Indian"),
        *listed("Irish Italian Japanese Korean Mexican Norwegian Russian Spanish Swedish Thai Vietnamese"),
    ),
}
"""Names: swapped as they stand, capital first."""

COMMON: Final[Mapping[str, tuple[str, ...]]] = {
    "colour": listed("black blue brown gray green pink purple red white yellow"),
    "season": listed("summer winter autumn"),
    "animal": (
        *listed("bear bird camel cat chicken cow crocodile deer dog dolphin donkey duck eagle elephant fox frog"),
        *listed("giraffe goat hamster horse lion monkey owl parrot pig pigeon rabbit shark sheep snake squirrel"),
        *listed("tiger turtle whale wolf zebra ant bee butterfly spider"),
    ),
    "fruit": listed("apple banana cherry grape lemon mango peach pear pineapple strawberry watermelon"),
    "dish": listed("burger cake hamburger pizza salad sandwich sausage steak taco"),
    "food": listed("bread cheese chocolate pasta soup spaghetti rice meat"),
    "vegetable": listed("cabbage carrot cucumber lettuce onion potato tomato"),
    "drink": listed("beer coffee juice milk tea wine lemonade"),
    "vehicle": (
        *listed("airplane ambulance bicycle boat bus car helicopter kayak motorcycle rocket scooter skateboard"),
        *listed("taxi tractor truck van submarine"),
    ),
    "sport": listed("baseball basketball football golf hockey rugby soccer tennis volleyball"),
    "instrument": listed("cello drum flute guitar piano saxophone trumpet violin"),
    "room": listed("bathroom bedroom classroom garage kitchen basement attic"),
    "building": (
        *listed("airport bakery bank barn castle church factory gym hospital hotel library museum restaurant"),
        *listed("school stadium supermarket theater"),
    ),
    "landscape": listed("beach desert forest jungle lake mountain ocean river valley field"),
    "furniture": listed("bed bench chair couch desk sofa table wardrobe"),
    "clothing": (
        *listed("apron blouse coat dress hat helmet hoodie jacket scarf shirt skirt suit sweater uniform vest"),
    ),
    "job": (
        *listed("actor baker butcher carpenter chef cowboy dentist doctor engineer farmer firefighter lawyer nurse"),
        *listed("photographer pilot plumber policeman sailor scientist soldier surgeon teacher waiter"),
    ),
    "body part": listed("arm ear elbow eye finger foot knee leg nose shoulder"),
    "material": listed("glass gold iron leather paper plastic silver steel wood cotton"),
    "tool": listed("axe broom hammer knife ladder rope saw scissors shovel spoon fork"),
}
"""Common words in their dictionary form: swapped in number and case as they stand."""


UNCOUNTED: Final = ("food", "drink", "sport", "material", "colour")
"""Kinds whose words have no plural of the same meaning, and no "a" before them."""


def by_word(kinds: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Each word to the others of its kind."""
    return {word: tuple(other for other in words if other != word) for words in kinds.values() for word in words}
