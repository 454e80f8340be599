"""Access to the demo's JSON files beside this module."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from crm.organizations.models import Language

SHOP = "bazanta"

_FOLDER = Path(__file__).parent


@cache
def read(name: str) -> Any:
    """Return a file's JSON; the object is cached, so do not modify it."""
    return json.loads((_FOLDER / name).read_text(encoding="utf-8"))


def page_text(language: str) -> dict[str, Any]:
    """Return the texts of the shop page."""
    text: dict[str, Any] = read(f"page_{language}.json")
    return text


def products(*, kind: str, language: str) -> list[dict[str, str]]:
    """Return the products of a kind, ``coffee`` or ``gear``, with texts and formatted prices."""
    text = page_text(language)
    shown = []
    for product in read("products.json"):
        if product["kind"] != kind:
            continue
        words = text["products"][product["key"]]
        shown.append(
            {
                "key": product["key"],
                "name": words["name"],
                "origin": words.get("origin", ""),
                "notes": words["notes"],
                "use": words.get("for", ""),
                **_prices(product, language),
            }
        )
    return shown


def _prices(product: dict[str, Any], language: str) -> dict[str, str]:
    """Return the price in the currency of the language's country, and in dong for Russian."""
    if language == Language.VIETNAMESE:
        return {"price": f"{_grouped(product['vnd'], '.')} ₫"}
    if language == Language.RUSSIAN:
        return {
            "price": f"{_grouped(product['rub'], ' ')} ₽",
            "price_at_home": f"{_grouped(product['vnd'], ' ')} ₫",
        }
    return {
        "price": f"₱{_grouped(product['php'], ',')}",
        "price_at_home": f"{_grouped(product['vnd'], ',')} ₫",
    }


def _grouped(amount: int, separator: str) -> str:
    """Group thousands; a Russian number of four digits stays whole."""
    if separator == " " and amount < 10_000:
        return str(amount)
    return f"{amount:,}".replace(",", "\N{NO-BREAK SPACE}" if separator == " " else separator)
