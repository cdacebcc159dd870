"""data."""

from rationale_eval.ui import data_add, data_import, data_look, data_parts, page

with page.frame("data") as desk:
    data_parts.undo(desk)
    part = data_parts.picked()
    if part == "add":
        data_add.show(desk)
    elif part == "import":
        data_import.show(desk)
    else:
        data_look.show(desk)
