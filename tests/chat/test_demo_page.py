"""The demo shop as a browser gets it."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import Settings

from chat.demo.content import page_text, products, read
from chat.models import Widget
from crm.organizations.models import Organization

LANGUAGES = ["en", "vi", "ru"]


@pytest.fixture
def shop_widget(db: None) -> Widget:
    organization = Organization.objects.create(name="Bazanta", slug="bazanta")
    return Widget.objects.create(organization=organization, name="Shop")


def shape(value: Any) -> Any:
    """Give a text's structure without its words."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    return bool(value)


def test_the_page_says_the_same_in_each_language():
    shapes = [shape(page_text(language)) for language in LANGUAGES]
    assert shapes[0] == shapes[1] == shapes[2]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_shown_in_the_asked_language(
    client: Client, shop_widget: Widget, language: str
):
    page = client.get("/demo/", {"lang": language})
    assert page.status_code == 200
    text = page.content.decode()
    assert f'<html lang="{language}">' in text
    for words in (page_text(language)["hero"]["title"], page_text(language)["footer"]["inbox"]):
        assert words in text
    for product in products(kind="coffee", language=language):
        assert product["name"] in text
        assert product["price"] in text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("vi-VN,vi;q=0.9", "vi"), ("ru", "ru"), ("en-PH", "en"), ("fi", "en")],
)
def test_the_browser_chooses_the_language(
    client: Client, shop_widget: Widget, accepted: str, language: str
):
    page = client.get("/demo/", headers={"accept-language": accepted})
    assert f'<html lang="{language}">' in page.content.decode()


def test_an_unknown_language_is_the_browsers(client: Client, shop_widget: Widget):
    page = client.get("/demo/?lang=xx", headers={"accept-language": "ru"})
    assert '<html lang="ru">' in page.content.decode()


def test_the_widget_is_installed_by_the_public_snippet(client: Client, shop_widget: Widget):
    page = client.get("/demo/?lang=vi", headers={"host": "localhost:8123"}).content.decode()
    assert (
        '<script async src="http://localhost:8123/widget/loader.js"'
        f' data-site-key="{shop_widget.site_key}" data-language="vi"></script>'
    ) in page


def test_nothing_stands_inline(client: Client, shop_widget: Widget):
    page = client.get("/demo/").content.decode()
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    assert "<style" not in page
    assert not re.search(r"\s(style|on[a-z]+)=", page)


def test_everything_the_page_loads_is_there(client: Client, shop_widget: Widget):
    page = client.get("/demo/").content.decode()
    loaded = set(re.findall(r'(?:href|src)="/static/([^"#?]+)', page))
    assert {"chat/demo/shop.css", "chat/demo/shop.js", "chat/demo/products.svg"} <= loaded
    for path in loaded:
        assert finders.find(path), path


def test_every_drawing_of_the_page_is_in_the_sheet(client: Client, shop_widget: Widget):
    page = client.get("/demo/").content.decode()
    sheet = Path(finders.find("chat/demo/products.svg") or "").read_text(encoding="utf-8")
    drawn = set(re.findall(r'<symbol id="([^"]+)"', sheet))
    used = set(re.findall(r'products\.svg#([^"]+)"', page))
    assert used <= drawn
    assert {
        f"print-{one['key']}" for one in read("products.json") if one["kind"] == "coffee"
    } <= used


def test_an_inactive_widget_is_not_installed(client: Client, shop_widget: Widget):
    shop_widget.is_active = False
    shop_widget.save(update_fields=["is_active"])
    page = client.get("/demo/").content.decode()
    assert "loader.js" not in page
    assert "manage.py load_demo" in page


def test_without_the_demo_there_is_no_page(client: Client, shop_widget: Widget, settings: Settings):
    settings.DEMO_ENABLED = False
    assert client.get("/demo/").status_code == 404


def test_the_page_only_reads(client: Client, shop_widget: Widget):
    assert client.post("/demo/").status_code == 405
