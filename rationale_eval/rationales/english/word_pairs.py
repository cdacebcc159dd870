"""Which synonyms and antonyms of the lexicon can stand for a word without knowing what the sentence is about.

The Open English WordNet lists "son" among the synonyms of "word", and "ripe" as the opposite of "green": each is right
in one sense of the word. Of the pairs that it lists for the words of explanations, those stand here that read right in
plain sentences whatever the topic. A pair that the lexicon does not list is never used, and a test holds the two
together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Pairs = Mapping[str, tuple[str, ...]]

_SAME: Final = {
    "NOUN": (
        "place spot; store shop; car auto automobile; animal creature; student pupil; "
        "movie film; kind sort; photo photograph; teacher instructor; process procedure; phone telephone; "
        "source origin; purpose aim intention; trash rubbish; "
        "airplane plane; cupboard closet; couch sofa; story tale; tiredness fatigue; rug carpet; sunlight sunshine; "
        "effort attempt; mistake error; religion faith; teenager teen; sickness illness; theatre theater; "
        "partner spouse; vacation holiday; subway metro; neighbour neighbor; colour color; "
        "jewellery jewelry; favourite favorite; neighbourhood neighborhood; behavior conduct; "
        "baggage luggage; lawyer attorney; duty obligation responsibility; cellar basement; "
        "achievement accomplishment; mathematics math; cargo freight; author writer; gift present; "
        "doctor physician; stone rock; cab taxi; bicycle bike; sidewalk pavement; ocean sea; job occupation; "
        "task undertaking; competitor rival contender; stockholder shareholder; "
        "neighborhood vicinity; schoolroom classroom; comedian comic; bungalow cottage; spectator viewer"
    ),
    "VERB": (
        "happen occur; buy purchase; jump leap; try attempt; start begin commence; fix repair; remember recall; "
        "choose select; rent lease; examine analyze; end finish; "
        "discover find; battle combat; accomplish fulfill; assist aid; desire want; supervise oversee; "
        "deserve merit; bounce rebound; frighten scare; notice observe; infer deduce; "
        "assume presume; own possess; ruin destroy; locate place; imprison jail; ignore disregard; "
        "assess evaluate; divide split; require need"
    ),
    "ADJ": (
        "large big; incorrect wrong; sick ill; huge immense vast; wide broad; blond blonde; favourite favorite; "
        "main chief principal; famous renowned; glad happy; fast quick; strange unusual; "
        "deceitful fraudulent; financial fiscal; round circular; "
        "alike similar"
    ),
    "ADV": (
        "usually normally commonly; mostly largely; therefore hence; really truly; quickly rapidly; almost nearly; "
        "simply merely; immediately instantly; especially particularly; completely entirely totally wholly; "
        "surely certainly; exactly precisely; primarily mainly; abruptly suddenly; possibly perhaps maybe; "
        "maybe perhaps; partially partly; often frequently; outdoors outside; eventually finally; "
        "strictly purely; fairly reasonably"
    ),
}
"""Words that can stand for each other, in both directions where the lexicon lists the pair."""

_ONE_WAY: Final = {
    "NOUN": "child kid; person individual; baby infant; exercise workout; waiter server; "
    "automobile car; program programme; beast animal creature; "
    "serving helping; hazard risk; help assistance; consequence result; fault mistake",
    "VERB": "seem appear; assist help; injure hurt; want desire; show demonstrate; expect anticipate; provide supply; "
    "approach near; need require; confine limit; advise counsel; talk speak; collect gather; eat consume; "
    "permit allow; perish die",
    "ADJ": "correct right; little small; inexpensive cheap; difficult hard; dangerous unsafe",
    "ADV": "soon presently; perfectly absolutely",
}
"""The first word can be replaced by the others, but not the other way round."""

_OPPOSITE: Final = {
    "NOUN": (
        "man woman; boy girl; front back; day night; male female; mother father; son daughter; sister brother; "
        "wife husband; parent child; king queen; war peace; death birth; happiness sadness; pleasure pain; "
        "beginning end; success failure; danger safety; strength weakness; sunset sunrise; south north; "
        "truth falsehood; presence absence; advantage disadvantage; winner loser; employee employer; wealth poverty; "
        "sorrow joy; victory defeat; leader follower; question answer; love hate; increase decrease; "
        "east west; friend foe; adult juvenile; difference sameness; ability inability"
    ),
    "VERB": (
        "sit stand; sell buy; fall rise; show hide; like dislike; laugh cry; start stop; push pull; "
        "leave arrive; cover uncover; love hate; raise lower; believe disbelieve; open close; fill empty; "
        "begin end; increase decrease; include exclude; follow precede; enter exit; float sink; attach detach; "
        "agree disagree; fold unfold; tie untie; remember forget; connect disconnect; attack defend; "
        "descend ascend; attract repel; pack unpack; encourage discourage; borrow lend; survive succumb; "
        "prove disprove; ignore notice; refuse accept; appear disappear; reject accept; allow disallow; "
        "finish start; walk ride; avoid confront; wake sleep; enjoy suffer; promote demote"
    ),
    "ADJ": (
        "young old; large small; big small; good bad; white black; many few; first last; "
        "long short; happy unhappy; hot cold; high low; full empty; wet dry; true false; hard soft; dark light; "
        "open closed; public private; fast slow; busy idle; warm cool; dangerous safe; dead alive; "
        "common uncommon; physical mental; specific general; close distant; female male; heavy light; asleep awake; "
        "sad glad; clean dirty; natural artificial; deep shallow; real unreal; tired rested; colorful colorless; "
        "beautiful ugly; wrong right; strong weak; nice nasty; outdoor indoor; bright dull; expensive cheap; "
        "near far; late early; wide narrow; positive negative; fat thin; difficult easy; rural urban; "
        "useful useless; helpful unhelpful; outer inner; rich poor; painful painless; quiet noisy; eastern western; "
        "northern southern; innocent guilty; strange familiar; calm stormy; sweet sour; sudden gradual; "
        "interesting uninteresting; thick thin; rough smooth; careful careless; stupid smart; valuable worthless; "
        "simple complex; multiple single; major minor; tight loose; active inactive; harmful harmless; "
        "tasty tasteless; powerful powerless; wild tame; foreign domestic; new old; outside inside"
    ),
    "ADV": (
        "inside outside; outdoors indoors; often rarely; quickly slowly; first last; generally specifically; "
        "forward backward; early late; loudly softly; quietly noisily; here there; "
        "directly indirectly; privately publicly; carefully carelessly; happily sadly; frequently infrequently"
    ),
}
"""Words of opposite meaning, in both directions."""

_NEGATIVE: Final = ("un", "in", "im", "il", "ir", "dis", "non")


def _both_ways(groups: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for group in groups.split(";"):
        words = group.split()
        for word in words:
            found[word] = (*found.get(word, ()), *(other for other in words if other != word))
    return found


def _one_way(groups: str) -> dict[str, tuple[str, ...]]:
    return {first: tuple(others) for first, *others in (group.split() for group in groups.split(";"))}


def _joined(one: Pairs, other: Pairs) -> dict[str, tuple[str, ...]]:
    return {word: tuple(dict.fromkeys((*one.get(word, ()), *other.get(word, ())))) for word in {**one, **other}}


SYNONYMS: Final[Mapping[str, Pairs]] = {
    pos: _joined(_both_ways(groups), _one_way(_ONE_WAY[pos])) for pos, groups in _SAME.items()
}
"""Part of speech and dictionary form to the words that may stand for it."""

ANTONYMS: Final[Mapping[str, Pairs]] = {pos: _both_ways(groups) for pos, groups in _OPPOSITE.items()}
"""Part of speech and dictionary form to its opposites."""


def negates(one: str, other: str) -> bool:
    """Whether two words differ by a negative prefix alone, or by "-ful" and "-less"."""
    short, long = sorted((one, other), key=len)
    if any(long == prefix + short for prefix in _NEGATIVE):
        return True
    return short.endswith("ful") and long == short.removesuffix("ful") + "less"
