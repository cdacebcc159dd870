"""Which words or sentences were the reason, example by example?"""

from rationale_eval.ui import examples, page

with page.frame("examples") as desk:
    examples.show(desk)
