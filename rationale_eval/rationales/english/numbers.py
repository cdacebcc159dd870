"""Numbers in digits and in words, from 0 to 20 and the tens."""

from __future__ import annotations

from typing import Final

UNITS: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
IN_WORDS: Final = {str(value): word for value, word in enumerate(UNITS)} | {
    str(10 * tens): word
    for tens, word in enumerate(("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 3)
}
IN_DIGITS: Final = {word: digits for digits, word in IN_WORDS.items()}
