"""What Streamlit does with the texts it is given: which arguments it reads as Markdown, which calls no page may use.

Every public function of Streamlit stands in one of these tables; a new release that adds one fails a test until
somebody has looked at it.
"""

from __future__ import annotations

MARKDOWN: dict[str, tuple[str, ...]] = {
    "badge": ("label",),
    "button": ("label",),
    "caption": ("body",),
    "checkbox": ("label",),
    "date_input": ("label",),
    "datetime_input": ("label",),
    "dialog": ("title",),
    "download_button": ("label",),
    "error": ("body",),
    "expander": ("label",),
    "file_uploader": ("label",),
    "form_submit_button": ("label",),
    "header": ("body",),
    "info": ("body",),
    "link_button": ("label", "url"),
    "markdown": ("body",),
    "menu_button": ("label", "options"),
    "metric": ("label", "value", "delta"),
    "multiselect": ("label",),
    "number_input": ("label",),
    "page_link": ("page", "label"),
    "pills": ("label", "options"),
    "popover": ("label",),
    "progress": ("value", "text"),
    "radio": ("label", "options"),
    "segmented_control": ("label", "options"),
    "select_slider": ("label", "options"),
    "selectbox": ("label",),
    "slider": ("label",),
    "spinner": ("text",),
    "status": ("label",),
    "subheader": ("body",),
    "success": ("body",),
    "tabs": ("tabs",),
    "text_area": ("label",),
    "text_input": ("label",),
    "time_input": ("label",),
    "title": ("body",),
    "toast": ("body",),
    "toggle": ("label",),
    "warning": ("body",),
}
"""Positional arguments that are read as Markdown (or lead a click somewhere), by name and in order."""

MARKDOWN_WORDS = ("help", "icon", "captions", "delta_description")
"""Keywords that are read as Markdown wherever they stand, and `title` beside an error, info, success or warning."""

CHOICES = ("menu_button", "pills", "radio", "segmented_control", "select_slider")
"""Their options are Markdown, as `format_func` writes them."""

# fmt: off
PLAIN = frozenset((
    "App", "Page", "area_chart", "bar_chart", "cache_data", "cache_resource", "code", "columns", "container",
    "data_editor", "dataframe", "divider", "empty", "feedback", "form", "fragment", "get_option", "grid", "html",
    "json", "line_chart", "login", "logout", "navigation", "pagination", "plotly_chart", "rerun", "scatter_chart",
    "set_page_config", "skeleton", "space", "stop", "switch_page", "text",
))
# fmt: on
"""Show what they get, or no text at all. `html` has rules of its own."""

BANNED = {
    "altair_chart": "draw with charts.py",
    "audio": "pages have no sound",
    "audio_input": "pages do not record",
    "balloons": "nothing moves without being asked",
    "camera_input": "pages do not record",
    "chat_input": "no page is a chat",
    "chat_message": "no page is a chat",
    "color_picker": "colours are ours",
    "connection": "the desk looks into the workspace",
    "echarts_chart": "draw with charts.py",
    "echo": "shows source code",
    "exception": "an error's text may hold anything; use page.problem",
    "graphviz_chart": "draw with charts.py",
    "help": "shows source code",
    "iframe": "runs what it is given",
    "image": "may load an address",
    "latex": "formulas may hold links; write them as text",
    "logo": "may load an address",
    "map": "loads from elsewhere",
    "mermaid_chart": "draw with charts.py",
    "pdf": "may load an address",
    "pydeck_chart": "loads from elsewhere",
    "pyplot": "draw with charts.py",
    "set_option": "settings are fixed at the start",
    "snow": "nothing moves without being asked",
    "table": "its cells are Markdown; use st.dataframe",
    "vega_lite_chart": "draw with charts.py",
    "video": "may load an address",
    "write": "guesses what its text is; use st.text, or st.markdown with md_text",
    "write_stream": "guesses what its text is",
    "ImageColumn": "loads the addresses in its cells",
    "LinkColumn": "makes links of outside text",
    "MarkdownColumn": "its cells are Markdown",
    "AudioColumn": "loads the addresses in its cells",
    "VideoColumn": "loads the addresses in its cells",
}

BANNED_WORDS = ("unsafe_allow_html", "unsafe_allow_javascript")
BANNED_NAMES = ("eval", "exec", "compile", "__import__")
BANNED_MODULES = (
    "subprocess",
    "pickle",
    "marshal",
    "shelve",
    "ctypes",
    "pty",
    "streamlit.components",
    "torch",
    "transformers",
    "sqlite3",
    "requests",
    "urllib",
    "http",
    "socket",
)
BANNED_CALLS = ("os.system", "os.popen", "os.execv", "os.execve", "os.spawnv", "st.components")
