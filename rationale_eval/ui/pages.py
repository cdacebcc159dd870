"""The pages there are: their places in the menu, their addresses, and the question each answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st

ROOT: Final = Path(__file__).resolve().parents[2]
ICON: Final = Path(__file__).with_name("icon.png")
"""Of the browser's tab. Streamlit would fetch a symbol or an emoji from elsewhere."""


@dataclass(frozen=True, slots=True)
class PageFacts:
    """A page of the dashboard.

    Args:
        name: Its address, and what the program calls it; its file is `pages/NAME_page.py`.
        title: In the menu and at the top.
        icon: A Material symbol.
        section: The group of the menu.
        sentence: What the page answers.
    """

    name: str
    title: str
    icon: str
    section: str
    sentence: str


PAGES: Final = (
    PageFacts("home", "Home", "home", "Look", "What is here, what is running, and where to begin."),
    PageFacts(
        "examples", "Examples", "article", "Look", "Which words or sentences were the reason, example by example?"
    ),
    PageFacts("compare", "Compare", "compare_arrows", "Look", "Which system is better, and could it be chance?"),
    PageFacts(
        "frame", "FRAME", "fact_check", "Look", "Can the metrics of free-text rationales be trusted on this data?"
    ),
    PageFacts("probe", "Probe", "science", "Do", "What moves the model's decision when a word or a rationale changes?"),
    PageFacts("train", "Train", "model_training", "Do", "Train a model that explains itself, and watch it learn."),
    PageFacts("data", "Data", "table_view", "Do", "What is in a data set, and is it fit for use?"),
    PageFacts(
        "methods", "Methods", "menu_book", "Know", "What does each metric, method and recipe compute, and when not?"
    ),
)


def facts(name: str) -> PageFacts:
    """The record of a page."""
    return next(each for each in PAGES if each.name == name)


def page(name: str) -> Any:
    """The page as Streamlit knows it, for links and switches."""
    found = facts(name)
    return st.Page(
        ROOT / "pages" / f"{name}_page.py",
        title=found.title,
        icon=f":material/{found.icon}:",
        url_path=name,
        default=name == "home",
    )


def navigation() -> Any:
    """The menu; returns the page that the address names."""
    sections: dict[str, list[Any]] = {}
    for each in PAGES:
        sections.setdefault(each.section, []).append(page(each.name))
    return st.navigation(sections)
