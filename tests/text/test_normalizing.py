"""Old rows are brought to their form without stopping an upgrade, and nobody is merged."""

from typing import Any

from django.db import connection

from crm.accounts.models import Organization, Team, User
from crm.core.text.normalization import normalize_email, normalize_line
from crm.core.text.renormalization import _in_form, normalize_rows
from crm.customers.models import Customer

# One letter as typed, two when it is composed.
GROWS = "\u0958"
PERSON = {"name": normalize_line, "email": normalize_email}


def _typed(row: Any, **columns: Any) -> None:
    """Store columns as they were typed before text was normalized."""
    table = row._meta.db_table
    with connection.cursor() as cursor:
        for name, value in columns.items():
            cursor.execute(f'UPDATE "{table}" SET "{name}" = %s WHERE id = %s', [value, row.pk])  # noqa: S608  our own names


def test_text_that_grows_beyond_its_column_does_not_stop_the_upgrade(
    organization: Organization,
) -> None:
    long = Customer.objects.create(organization=organization, name="x")
    other = Customer.objects.create(organization=organization, name="y")
    _typed(long, name=GROWS * 255, email="KH@A.example")
    _typed(other, name="Vu\u0303")
    assert normalize_rows(Customer, PERSON) == 2
    rows = dict(Customer.objects.values_list("pk", "name"))
    assert (rows[long.pk], rows[other.pk]) == (GROWS * 255, "Vũ")
    long.refresh_from_db(fields=["email"])
    assert long.email == "kh@a.example", "the other columns of the row are normalized"


def test_same_address_twice_leaves_two_people(organization: Organization) -> None:
    first = User.objects.create_user(email="kim@пример.example", name="Kim")
    second = User.objects.create_user(email="two@a.example", name="Kim")
    _typed(second, email="kim@xn--e1afmkfd.example", name="Ki\u200bm")
    normalize_rows(User, PERSON)
    second.refresh_from_db()
    assert second.name == "Kim"
    stored = set(User.objects.filter(pk__in=[first.pk, second.pk]).values_list("email", flat=True))
    assert stored == {"kim@пример.example", "kim@xn--e1afmkfd.example"}


def test_same_team_name_twice_leaves_two_teams(organization: Organization) -> None:
    for name in ("a", "b"):
        Team.objects.create(organization=organization, name=name)
    one, two = Team.objects.order_by("name")
    _typed(one, name="Té")
    _typed(two, name="Te\u0301")
    assert normalize_rows(Team, {"name": normalize_line}) == 0
    assert Team.objects.count() == 2


def test_lists_lose_what_is_blank_or_there_twice() -> None:
    assert _in_form(normalize_line, ["VI\u0323P", "VỊP", "\u3164", "b"]) == ["VỊP", "b"]
