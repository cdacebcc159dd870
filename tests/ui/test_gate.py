"""Who gets in, and with what rights: every way a login can be, on every page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from rationale_eval.desk.access import READ_ONLY, Access
from rationale_eval.desk.settings import SHARED
from rationale_eval.ui.crowd import Crowd
from rationale_eval.ui.pages import PAGES

ROOT = Path(__file__).resolve().parents[2]
AUTH = {"redirect_uri": "http://localhost:8501/oauth2callback", "cookie_secret": "x" * 40, "client_id": "me"}
ACCESS = {"emails": ["Boss@Example.org"], "read_only": ["guest@example.org"]}
NOT_LISTED = "This account is not on the list of those who may enter. Ask the person who runs the dashboard."


class Person(dict[str, Any]):
    """What Streamlit knows of who is logged in."""

    @property
    def is_logged_in(self) -> bool:
        return bool(self)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.delenv(SHARED, raising=False)
    monkeypatch.delenv(READ_ONLY, raising=False)
    monkeypatch.setattr("rationale_eval.desk.warm.client.Warm.begin", lambda self, after=0.0: None)
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)


def entered(app: AppTest, monkeypatch: pytest.MonkeyPatch, person: Person, access: Any = None) -> AppTest:
    monkeypatch.setattr("streamlit.user", person)
    app.secrets["auth"] = AUTH
    app.secrets["access"] = ACCESS if access is None else access
    app.run()
    assert not app.exception
    return app


def mark(app: AppTest) -> Access | None:
    return app.session_state.get("gate", None)


def test_without_a_login_the_person_at_this_machine_may_do_everything(app: AppTest) -> None:
    app.run()
    assert [each.value for each in app.title] == ["Home"]
    assert mark(app) == Access()


def test_a_read_only_start_holds_for_everybody(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(READ_ONLY, "1")
    app.run()
    assert mark(app) == Access(read_only=True)
    boss = entered(app, monkeypatch, Person(email="boss@example.org", email_verified=True))
    assert mark(boss) == Access(user="boss@example.org", read_only=True)


def test_who_is_not_logged_in_sees_the_way_in_and_nothing_else(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = entered(app, monkeypatch, Person())
    assert [each.label for each in seen.button] == ["Log in"] and mark(seen) is None
    assert [each.value for each in seen.text] == ["This dashboard is shared. Log in to see it."]


@pytest.mark.parametrize("email", ["boss@example.org", "BOSS@EXAMPLE.ORG", " boss@example.org "])
def test_who_is_on_the_list_enters_under_their_name(app: AppTest, monkeypatch: pytest.MonkeyPatch, email: str) -> None:
    seen = entered(app, monkeypatch, Person(email=email, email_verified=True))
    assert [each.value for each in seen.title] == ["Home"] and mark(seen) == Access(user="boss@example.org")


def test_guests_may_look(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = entered(app, monkeypatch, Person(email="guest@example.org", email_verified="true"))
    assert mark(seen) == Access(user="guest@example.org", read_only=True)


@pytest.mark.parametrize(
    "person",
    [
        Person(email="other@example.org", email_verified=True),
        Person(email="boss@example.org.evil.example", email_verified=True),
        Person(email="xboss@example.org", email_verified=True),
        Person(email="boss@example.org", email_verified=False),
        Person(email="boss@example.org", email_verified="false"),
        Person(email="boss@example.org"),
        Person(email="", email_verified=True),
        Person(name="boss@example.org", email_verified=True),
        Person(email=None, email_verified=True),
        Person(email="bo\u017f\u017f@example.org", email_verified=True),
    ],
)
def test_everybody_else_is_turned_away(app: AppTest, monkeypatch: pytest.MonkeyPatch, person: Person) -> None:
    seen = entered(app, monkeypatch, person)
    assert [each.value for each in seen.text] == [NOT_LISTED] and [each.label for each in seen.button] == ["Log out"]
    assert mark(seen) is None


def test_letters_that_only_look_like_ascii_are_others(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Kelvin sign is lowered to k."""
    seen = entered(
        app, monkeypatch, Person(email="\u212aim@example.org", email_verified=True), {"emails": ["kim@example.org"]}
    )
    assert mark(seen) is None


def test_unverified_addresses_enter_only_where_the_operator_says_so(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = entered(app, monkeypatch, Person(email="boss@example.org"), ACCESS | {"unverified": True})
    assert mark(seen) == Access(user="boss@example.org")


@pytest.mark.parametrize("access", [{}, {"emails": []}, {"emails": [""]}, {"emails": ""}])
def test_a_login_without_a_list_lets_nobody_in(app: AppTest, monkeypatch: pytest.MonkeyPatch, access: Any) -> None:
    seen = entered(app, monkeypatch, Person(email="boss@example.org", email_verified=True), access)
    assert "nobody is on its list" in seen.text[0].value and mark(seen) is None


def test_one_address_need_not_be_a_list(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = entered(
        app, monkeypatch, Person(email="boss@example.org", email_verified=True), {"emails": "boss@example.org"}
    )
    assert mark(seen) == Access(user="boss@example.org")


def test_the_right_to_enter_ends_with_the_login(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = entered(app, monkeypatch, Person(email="boss@example.org", email_verified=True))
    assert mark(seen) is not None
    assert mark(entered(seen, monkeypatch, Person())) is None


@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_a_page_that_is_run_around_the_gate_shows_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(tmp_path / "workspace"))
    page = AppTest.from_file(str(ROOT / "pages" / f"{name}_page.py"), default_timeout=60)
    page.run()
    assert [each.value for each in page.text] == ["This page is part of the dashboard and opens there."]
    assert not page.title and not page.button and not page.dataframe and not page.selectbox


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("server.address", None, "listens on all addresses"),
        ("server.address", "0.0.0.0", "listens on 0.0.0.0"),
        ("server.allowedHosts", [], "must list the host names"),
        ("server.allowedHosts", ["*"], "must list the host names"),
        ("server.allowedHosts", ["localhost", "evil.example"], "names other hosts"),
        ("server.enableCORS", False, "enableCORS is off"),
        ("server.enableXsrfProtection", False, "enableXsrfProtection is off"),
        ("server.corsAllowedOrigins", ["https://evil.example"], "let other sites in"),
        ("client.allowedOrigins", ["https://*.streamlit.app"], "let other sites in"),
        ("server.trustedUserHeaders", {"X-User": "email"}, "name its own user"),
        ("server.enableAgentApi", True, "opens the pages to programs"),
        ("server.enableStaticServing", True, "serves files as pages"),
        ("server.maxUploadSize", 5000, "must be at most 50"),
        ("client.showErrorDetails", "full", "may hold what a data file says"),
        ("runner.magicEnabled", True, "are for developers"),
    ],
)
def test_an_unsafe_server_shows_why_and_nothing_else(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, option: str, value: Any, sentence: str
) -> None:
    from streamlit import config

    usual = config.get_option
    monkeypatch.setattr("streamlit.get_option", lambda name: value if name == option else usual(name))
    app.run()
    assert [each.value for each in app.title] == ["Not started"] and sentence in app.text[1].value
    assert mark(app) is None and not app.button


def test_a_shared_server_without_a_login_shows_nothing(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHARED, "1")
    app.run()
    assert [each.value for each in app.title] == ["Not started"] and "needs a login" in app.text[1].value


def test_a_crowd_is_held_to_a_number_and_places_come_free() -> None:
    connected = {"a", "b", "c", "d"}
    crowd = Crowd(2, connected.__contains__)
    assert crowd.admit("a") and crowd.admit("b") and not crowd.admit("c")
    connected.discard("a")
    assert crowd.admit("b") and crowd.admit("c") and not crowd.admit("d")


def test_who_finds_no_room_is_told_so_and_sees_nothing_else(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rationale_eval.ui.crowd._crowd", lambda most: crowd)
    crowd = Crowd(1, lambda session: True)
    assert crowd.admit("somebody else")
    app.run()
    assert [each.value for each in app.title] == ["rationale_eval"] and not app.exception
    assert "This dashboard is full: 1 page of it" in app.text[0].value and mark(app) is None
    crowd = Crowd(1, lambda session: False)
    app.run()
    assert [each.value for each in app.title] == ["Home"]
