"""Widgets as their owners manage them: pages, API, pausing, and where the loader was seen."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.models import Widget
from chat.services.widgets import pause_widget, resume_widget
from crm.core.executor import run_sync
from crm.organizations.models import Membership
from tests.chat.clients import calling, visit
from tests.forms.browsers import form_of as sent_form_of
from tests.servers import LiveServer

SHOP = "https://shop.example"


def page(client: Client, name: str, *args: Any) -> str:
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def form_of(widget: Widget, **changes: Any) -> dict[str, Any]:
    """Return what the page of a widget, opened now, sends."""
    return {
        "_version": Widget.objects.get(pk=widget.pk).version,
        "name": widget.name,
        "allowed_domains": "\n".join(widget.allowed_domains),
        "color": widget.color,
        "position": widget.position,
        "bot_enabled": "on",
        **changes,
    }


@pytest.fixture
def as_owner(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client


def test_owner_makes_styles_and_installs_a_widget_by_pages(as_owner: Client) -> None:
    assert "There is no widget yet" in page(as_owner, "chat:widgets")
    made = as_owner.post(
        reverse("chat:new_widget"),
        {"name": "Sunbean", "allowed_domains": "https://www.sunbean.example/vi/\nкофе.рф"},
    )
    widget = Widget.objects.get()
    assert made["Location"] == reverse("chat:edit_widget", args=[widget.pk])
    assert widget.allowed_domains == ["sunbean.example", "xn--e1ajmy.xn--p1ai"]
    assert widget.styled_at is None
    edit = page(as_owner, "chat:edit_widget", widget.pk)
    assert "кофе.рф" in edit
    texts = {"vi-title": "Hạt Nắng", "vi-bot_name": "Trợ lý Nắng", "en-suggestions": "A?\r\nB?"}
    saved = as_owner.post(
        reverse("chat:edit_widget", args=[widget.pk]),
        form_of(widget, color="#1f6f5c", position="left", **texts),
    )
    assert saved.status_code == 302
    widget.refresh_from_db()
    assert (widget.color, widget.position) == ("#1f6f5c", "left")
    assert widget.texts == {
        "vi": {"title": "Hạt Nắng", "bot_name": "Trợ lý Nắng"},
        "en": {"suggestions": "A?\nB?"},
    }
    assert widget.styled_at is not None
    install = page(as_owner, "chat:install_widget", widget.pk)
    assert f"data-site-key=&quot;{widget.site_key}&quot;" in install.replace('"', "&quot;")
    assert "Waiting for the first visitor" in install


def test_one_name_of_the_bot_is_for_all_languages(as_owner: Client, widget: Widget) -> None:
    edit = reverse("chat:edit_widget", args=[widget.pk])
    as_owner.post(edit, form_of(widget, bot_name="Finn", **{"ru-bot_name": "Финн"}))
    widget.refresh_from_db()
    names = {language: texts["bot_name"] for language, texts in widget.texts.items()}
    assert names == {"en": "Finn", "vi": "Finn", "ru": "Финн"}
    shown = forms_of_fields(as_owner.get(edit), "bot_name")
    assert shown == {
        "bot_name": "Finn",
        "en-bot_name": "",
        "vi-bot_name": "",
        "ru-bot_name": "Финн",
    }
    as_owner.post(edit, form_of(widget, bot_name="Olaf"))
    widget.refresh_from_db()
    assert {widget.text("bot_name", language) for language in ("en", "vi", "ru")} == {"Olaf"}
    as_owner.post(edit, form_of(widget, bot_name=""))
    widget.refresh_from_db()
    assert widget.texts == {}


def test_name_of_the_bot_in_one_language_is_the_one_for_all(
    as_owner: Client, widget: Widget
) -> None:
    """As visitors see it: where a language has no name, another's is taken."""
    Widget.objects.update(texts={"vi": {"bot_name": "Bếp"}})
    shown = forms_of_fields(as_owner.get(reverse("chat:edit_widget", args=[widget.pk])), "bot_name")
    assert shown == {"bot_name": "Bếp", "en-bot_name": "", "vi-bot_name": "", "ru-bot_name": ""}


def test_a_page_that_is_saved_unchanged_names_the_bot_in_no_other_language(
    as_owner: Client, widget: Widget
) -> None:
    edit = reverse("chat:edit_widget", args=[widget.pk])
    for texts in ({"vi": {"bot_name": "Bếp"}}, {"en": {"bot_name": "Finn"}}):
        Widget.objects.update(texts=texts)
        as_owner.post(edit, sent_form_of(as_owner.get(edit), "bot_name"))
        widget.refresh_from_db()
        assert widget.texts == texts


def forms_of_fields(answer: Any, ending: str) -> dict[str, str]:
    """Return the fields of the widget's form whose names end so, with their values."""
    fields = sent_form_of(answer, "bot_name")
    return {
        name: values[-1]
        for name, values in fields.items()
        if name.endswith(ending) and not name.startswith("initial-")
    }


def test_sentence_of_one_language_is_shown_in_no_other(widget: Widget) -> None:
    """An owner who wrote English only: whoever reads Russian has our Russian wording."""
    names = ("title", "greeting", "suggestions", "placeholder", "offline")
    widget.texts = {"en": {**dict.fromkeys(names, "Hi!"), "bot_name": "Beanie"}}
    assert {name: widget.text(name, "en") for name in names} == dict.fromkeys(names, "Hi!")
    assert {name: widget.text(name, "ru") for name in names} == dict.fromkeys(names, "")
    assert widget.text("bot_name", "ru") == "Beanie"


def test_pages_that_the_checklist_leads_to_lead_back(as_owner: Client, widget: Widget) -> None:
    start, edit = reverse("chat:start"), reverse("chat:edit_widget", args=[widget.pk])
    checklist = as_owner.get(start).content.decode()
    assert f"{edit}?to=start" in checklist
    as_owner.post(reverse("chat:dismiss_start"))
    back = "Back to the setup checklist"
    assert back not in page(as_owner, "chat:edit_widget", widget.pk)
    assert back in as_owner.get(f"{edit}?to=start").content.decode()
    wrong = as_owner.post(edit, form_of(widget, allowed_domains="shop", to="start"))
    assert wrong.status_code == 422
    assert back in wrong.content.decode()
    saved = as_owner.post(edit, form_of(widget, to="start"), follow=True)
    assert back in saved.content.decode()
    assert as_owner.post(edit, form_of(widget, to="//evil.example"))["Location"] == edit


def test_every_wrong_value_is_told_at_its_field_and_nothing_is_lost(
    as_owner: Client, widget: Widget
) -> None:
    answer = as_owner.post(
        reverse("chat:edit_widget", args=[widget.pk]),
        form_of(
            widget,
            name="",
            allowed_domains="shop.example\nshop\na@b.example",
            color="red",
            **{"ru-title": "х" * 61, "ru-greeting": "Здравствуйте, это мой текст"},
        ),
    )
    body = answer.content.decode()
    assert answer.status_code == 422
    for words in (
        "Enter the name of the site.",
        "Line 2: “shop” lacks its ending",
        "Line 3: “a@b.example” is an email address",
        "Choose a colour",
        "at most 60 characters",
        "Здравствуйте, это мой текст",
    ):
        assert words in body
    widget.refresh_from_db()
    assert widget.allowed_domains == ["shop.example", "localhost"]


def test_a_colour_that_is_hard_to_see_is_told(as_owner: Client, widget: Widget) -> None:
    Widget.objects.update(color="#ffee99")
    assert "On a white page this colour is hard to see (1.2 : 1)" in page(
        as_owner, "chat:edit_widget", widget.pk
    )


@pytest.mark.parametrize("role", ["agent", "viewer"])
def test_who_has_no_right_to_settings_is_refused(
    request: pytest.FixtureRequest, client: Client, widget: Widget, role: str
) -> None:
    client.force_login(request.getfixturevalue(role).user)
    for name in ("edit_widget", "install_widget", "preview_widget", "widget_seen"):
        assert client.get(reverse(f"chat:{name}", args=[widget.pk])).status_code == 403
    for name in ("edit_widget", "pause_widget", "resume_widget", "allow_seen"):
        assert client.post(reverse(f"chat:{name}", args=[widget.pk])).status_code == 403


def test_paused_widget_shows_nothing_and_says_so(
    as_owner: Client, widget: Widget, owner: Membership
) -> None:
    as_owner.post(reverse("chat:pause_widget", args=[widget.pk]))
    settings = Client().get("/widget/settings.js", {"site_key": widget.site_key, "origin": SHOP})
    assert '"code":"widget_paused"' in settings.content.decode()
    assert "max-age=0" in settings["Cache-Control"]
    refused = Client().post(
        "/api/v1/widget/sessions",
        {"site_key": widget.site_key, "parent_origin": SHOP},
        content_type="application/json",
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "widget_paused")
    assert "paused" in page(as_owner, "chat:widgets")
    resume_widget(by=owner, widget_id=widget.pk)
    again = Client().get("/widget/settings.js", {"site_key": widget.site_key, "origin": SHOP})
    assert '"error":' not in again.content.decode()


@pytest.mark.asyncio
async def test_pausing_closes_the_visitors_sockets(
    transactional_db: None, web_server: LiveServer, widget: Widget, owner: Membership
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as socket:
        await socket.receive("presence")
        await run_sync(pause_widget, by=owner, widget_id=widget.pk)
        refused = await socket.receive("refused")
        assert refused["code"] == "widget_paused"
        assert await socket.closed() == 4403
    async with calling(web_server) as http:
        ticket = await http.post("/api/v1/widget/tickets", headers=visitor.headers)
    assert ticket.status_code == 401


def test_loader_is_noted_where_it_runs_at_most_once_a_minute(
    as_owner: Client, widget: Widget, django_assert_num_queries: Callable[..., Any]
) -> None:
    query = {"site_key": widget.site_key, "origin": SHOP}
    Client().get("/widget/settings.js", query)
    widget.refresh_from_db()
    first = widget.last_seen_at
    assert (first is not None, widget.last_seen_origin) == (True, SHOP)
    with django_assert_num_queries(1):
        Client().get("/widget/settings.js", query)
    widget.refresh_from_db()
    assert widget.last_seen_at == first
    Widget.objects.update(last_seen_at=timezone.now() - timedelta(minutes=2))
    Client().get("/widget/settings.js", query)
    widget.refresh_from_db()
    assert first is not None
    assert widget.last_seen_at is not None
    assert widget.last_seen_at > first
    assert f"The chat was seen on {SHOP}" in page(as_owner, "chat:widget_seen", widget.pk)


def test_site_that_was_refused_is_allowed_by_one_click(as_owner: Client, widget: Widget) -> None:
    other = {"site_key": widget.site_key, "origin": "https://www.other.example"}
    refused = Client().get("/widget/settings.js", other)
    assert "origin_not_allowed" in refused.content.decode()
    shown = page(as_owner, "chat:widget_seen", widget.pk)
    assert "Your snippet was seen on other.example" in shown
    allowed = {"domain": "other.example"}
    assert 'name="domain" value="other.example"' in shown
    as_owner.post(reverse("chat:allow_seen", args=[widget.pk]), allowed)
    widget.refresh_from_db()
    assert widget.allowed_domains == ["shop.example", "localhost", "other.example"]
    assert "origin_not_allowed" not in Client().get("/widget/settings.js", other).content.decode()
    assert "other.example" in page(as_owner, "chat:widget_seen", widget.pk)
    assert "not among the allowed" not in page(as_owner, "chat:widget_seen", widget.pk)
    # A second click finds nothing to allow, and says so.
    assert as_owner.post(reverse("chat:allow_seen", args=[widget.pk]), allowed).status_code == 302


def test_only_the_site_that_the_owner_saw_is_allowed(as_owner: Client, widget: Widget) -> None:
    """Any page can be refused between the look and the click; it must not be let in by it."""
    for origin in ("https://other.example", "https://stranger.example"):
        given = {"site_key": widget.site_key, "origin": origin}
        Widget.objects.filter(pk=widget.pk).update(refused_at=None)
        Client().get("/widget/settings.js", given)
    for given in ({"domain": "other.example"}, {"domain": ""}, {}):
        as_owner.post(reverse("chat:allow_seen", args=[widget.pk]), given)
        widget.refresh_from_db()
        assert widget.allowed_domains == ["shop.example", "localhost"]
    assert widget.refused_origin == "https://stranger.example"


def test_an_origin_that_is_none_is_not_noted(widget: Widget) -> None:
    for origin in ("null", "javascript:alert(1)", "https://a b", "x" * 4000):
        Client().get("/widget/settings.js", {"site_key": widget.site_key, "origin": origin})
    widget.refresh_from_db()
    assert (widget.refused_at, widget.refused_origin) == (None, "")
