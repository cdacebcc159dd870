"""Tables to take away: CSV for spreadsheets, with formulas made harmless, and JSONL, which is exact."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from rationale_eval.ui.text import md_text
from rationale_eval.verbs.export import Format, export

if TYPE_CHECKING:
    import pandas as pd

_TYPES = {
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "latex": "application/x-tex",
    "parquet": "application/octet-stream",
}
_ENDINGS = {"csv": "csv", "jsonl": "jsonl", "latex": "tex", "parquet": "parquet"}


def table(
    frame: pd.DataFrame | Callable[[], pd.DataFrame],
    name: str,
    *,
    key: str,
    formats: tuple[Format, ...] = ("csv", "jsonl"),
) -> None:
    """Buttons that download a table.

    Args:
        frame: The table, or what makes it once it is asked for.
        name: File name without ending.
        key: Unique on the page.
        formats: Which files to offer.
    """
    with st.container(horizontal=True):
        for each in formats:
            st.download_button(
                f"Download {'LaTeX' if each == 'latex' else each.upper()}",
                # Written when it is asked for, not at every look at the page.
                data=lambda each=each: written(frame() if callable(frame) else frame, each),  # type: ignore[misc]
                file_name=f"{name}.{_ENDINGS[each]}",
                mime=_TYPES[each],
                key=f"{key}-{each}",
                on_click="ignore",
                icon=":material/download:",
                type="tertiary",
            )


def text(content: Callable[[], str], file_name: str, label: str, *, key: str) -> None:
    """A button that downloads a text of our own making, written when it is asked for.

    Args:
        content: Makes it.
        file_name: With its ending.
        label: On the button, a constant of ours.
        key: Unique on the page.
    """
    st.download_button(
        md_text(label),
        data=content,
        file_name=file_name,
        mime="text/plain",
        key=key,
        on_click="ignore",
        icon=":material/download:",
        type="tertiary",
    )


def written(frame: pd.DataFrame, as_format: Format) -> bytes:
    """A table as the bytes of a file; see `verbs.export`."""
    with tempfile.TemporaryDirectory(prefix="rationale-eval-") as folder:
        path = Path(folder) / f"table.{_ENDINGS[as_format]}"
        export(frame, path, as_format)
        return path.read_bytes()
