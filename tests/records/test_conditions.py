"""The filter language: read from JSON and addresses, written back, put in words, compared."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict
from django.utils import timezone, translation

from crm.core.ids import uuid7
from crm.core.records import FilterInvalid, Group, get_record, parse_json
from crm.core.records.conditions import MAX_CONDITIONS, parse_parameters
from crm.core.records.periods import PERIODS, period
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization
from tests.api.conftest import Api
from tests.umbrellas.models import Umbrella

pytestmark = pytest.mark.django_db

CUSTOMERS = get_record("customers")
# The fields of customers do not ask who reads.
NOBODY: Any = None
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


def found(where: Group) -> set[str]:
    return set(Customer.objects.filter(where.q(NOBODY)).values_list("name", flat=True))


@pytest.fixture
def people(organization: Organization, db: None) -> None:
    for name, email, phone, language, stage in (
        ("An", "an@shop.example", "", "vi", "customer"),
        ("Boris", "", "+7 903 555-77-88", "ru", "customer"),
        ("Carla", "", "", "", "visitor"),
    ):
        Customer.objects.create(
            organization=organization,
            name=name,
            email=email,
            phone=phone,
            language_code=language,
            stage=stage,
        )


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ({"field": "name", "op": "is", "value": " An "}, {"An"}),
        ({"field": "name", "op": "is", "value": "AN"}, {"An"}),
        ({"field": "name", "op": "is", "value": "ân"}, set()),
        ({"field": "name", "op": "not", "value": "an"}, {"Boris", "Carla"}),
        ({"field": "email", "op": "is", "value": "AN@Shop.example"}, {"An"}),
        ({"field": "email", "op": "empty"}, {"Boris", "Carla"}),
        ({"field": "phone", "op": "filled"}, {"Boris"}),
        ({"field": "stage", "op": "in", "value": ["customer"]}, {"An", "Boris"}),
        ({"field": "stage", "op": "in", "value": "visitor"}, {"Carla"}),
        ({"field": "stage", "op": "not_in", "value": ["customer"]}, {"Carla"}),
        ({"field": "language_code", "op": "in", "value": ["vi", "ru"]}, {"An", "Boris"}),
        ({"field": "created_at", "op": "last", "value": "1"}, {"An", "Boris", "Carla"}),
        ({"field": "created_at", "op": "during", "value": "yesterday"}, set()),
        ({"field": "created_at", "op": "gte", "value": "2020-02-29"}, {"An", "Boris", "Carla"}),
        ({"field": "created_at", "op": "lt", "value": "2020-02-29T10:00:00Z"}, set()),
    ],
)
def test_each_operator_selects_what_it_says(
    people: None, condition: dict[str, Any], names: set[str]
) -> None:
    assert found(parse_json(CUSTOMERS, condition)) == names


def test_groups_nest_and_are_the_same_from_json_and_from_an_address(people: None) -> None:
    told = {
        "any": [
            {"field": "name", "op": "is", "value": "Carla"},
            {
                "all": [
                    {"field": "stage", "op": "in", "value": ["customer"]},
                    {"field": "phone", "op": "filled"},
                ]
            },
        ]
    }
    where = parse_json(CUSTOMERS, told)
    assert found(where) == {"Boris", "Carla"}
    assert where.as_json() == told
    (parameter,) = where.parameters()
    assert parameter[0] == "where"
    assert json.loads(parameter[1]) == told
    again = QueryDict(mutable=True)
    again.setlist(parameter[0], [parameter[1]])
    assert parse_parameters(CUSTOMERS, again) == where


def test_conditions_that_must_all_hold_are_parameters(people: None) -> None:
    where = parse_parameters(
        CUSTOMERS, QueryDict("stage__in=customer&stage__in=visitor&email__empty=true&sort=name")
    )
    assert found(where) == {"Boris", "Carla"}
    assert where.parameters() == [
        ("stage__in", "customer"),
        ("stage__in", "visitor"),
        ("email__empty", "true"),
    ]
    assert where.without(1).parameters() == [("stage__in", "customer"), ("stage__in", "visitor")]


def test_a_name_is_told_from_one_that_differs_in_an_accent(organization: Organization) -> None:
    for name in ("Bò", "Bơ", "Bo", "O’Brien", "Đỗ Ân"):
        Customer.objects.create(organization=organization, name=name, stage="customer")

    def named(operator: str, value: str) -> set[str]:
        told = {"field": "name", "op": operator, "value": value}
        return found(parse_json(CUSTOMERS, told))

    assert named("is", "BÒ") == {"Bò"}
    assert named("is", "bo") == {"Bo"}
    assert named("is", "o'brien") == {"O’Brien"}
    assert named("is", "ĐỖ ÂN") == {"Đỗ Ân"}
    assert named("not", "bơ") == {"Bò", "Bo", "O’Brien", "Đỗ Ân"}


def test_two_conditions_of_one_kind_both_count(people: None) -> None:
    told = {"all": [{"field": "name", "op": "not", "value": name} for name in ("An", "Boris")]}
    where = parse_json(CUSTOMERS, told)
    assert found(where) == {"Carla"}
    assert [name for name, _value in where.parameters()] == ["where"]


def test_an_address_holds_no_deeper_filter_than_json() -> None:
    inner = {"all": [{"field": "email", "op": "filled"}, {"field": "phone", "op": "filled"}]}
    where = json.dumps({"any": [inner, {"field": "name", "op": "is", "value": "An"}]})
    given = QueryDict(mutable=True)
    given["where"] = where
    assert parse_parameters(CUSTOMERS, given).is_any
    given["stage__in"] = "customer"
    with pytest.raises(FilterInvalid):
        parse_parameters(CUSTOMERS, given)


def _deep(levels: int) -> dict[str, Any]:
    told: dict[str, Any] = {"field": "name", "op": "is", "value": "An"}
    for _level in range(levels):
        told = {"all": [told]}
    return told


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        "x",
        {},
        {"all": {}},
        {"all": [], "any": []},
        {"all": [{"field": "nothing", "op": "is", "value": "x"}]},
        {"field": "organization_id", "op": "is", "value": "x"},
        {"field": "organization__name", "op": "is", "value": "x"},
        {"field": "name", "op": "regex", "value": "x"},
        {"field": "name", "op": "is"},
        {"field": "name", "op": "is", "value": ""},
        {"field": "name", "op": "is", "value": "\u200b"},
        {"field": "name", "op": "is", "value": "a\0b"},
        {"field": "name", "op": "is", "value": "a\ud800b"},
        {"field": "name", "op": "is", "value": "x" * 256},
        {"field": "name", "op": "is", "value": ["a", "b"]},
        {"field": "name", "op": "is", "value": {"a": 1}},
        {"field": "name", "op": "is", "value": 7},
        {"field": ["name"], "op": "is", "value": "x"},
        {"field": "name", "op": "is", "value": "x", "more": 1},
        {"field": "email", "op": "empty", "value": False},
        {"field": "email", "op": "filled", "value": "false"},
        {"field": "stage", "op": "in", "value": ["king"]},
        {"field": "stage", "op": "in", "value": []},
        {"field": "stage", "op": "in", "value": ["customer"] * 51},
        {"field": "created_at", "op": "last", "value": "0"},
        {"field": "created_at", "op": "last", "value": "-1"},
        {"field": "created_at", "op": "last", "value": "99999999999"},
        {"field": "created_at", "op": "during", "value": "next_century"},
        {"field": "created_at", "op": "gte", "value": "2020-02-30"},
        {"field": "created_at", "op": "gte", "value": "0001-01-01"},
        {"field": "created_at", "op": "gte", "value": "9999-12-31"},
        {"field": "created_at", "op": "gte", "value": "2020-01-01T00:00"},
        {"field": "created_at", "op": "gte", "value": "\ud800"},
        _deep(4),
        {"all": [{"any": []}]},
        {"all": [{"field": "name", "op": "is", "value": "x"}, {"all": [{"all": []}]}]},
        {"all": [{"field": "name", "op": "is", "value": "x"}] * (MAX_CONDITIONS + 1)},
    ],
)
def test_what_cannot_be_used_is_refused_with_one_code(told: Any) -> None:
    with pytest.raises(FilterInvalid) as refused:
        parse_json(CUSTOMERS, told)
    assert refused.value.code == "filter_invalid"
    assert refused.value.message


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[" * 5000,
        '"x"',
        "x" * 9000,
        '{"all": [], "all": []}',
        '{"field": "name", "op": "is", "value": "\\ud800"}',
    ],
)
def test_broken_json_in_an_address_is_refused(text: str) -> None:
    given = QueryDict(mutable=True)
    given["where"] = text
    with pytest.raises(FilterInvalid):
        parse_parameters(CUSTOMERS, given)


def test_a_filter_reads_as_a_sentence_in_each_language() -> None:
    told = {
        "any": [
            {"field": "stage", "op": "in", "value": ["customer", "visitor"]},
            {"field": "created_at", "op": "last", "value": "7"},
        ]
    }
    where = parse_json(CUSTOMERS, told)
    plain = str.maketrans("", "", "\u2068\u2069")
    with translation.override("en"):
        sentence = where.sentence(NOBODY).translate(plain)
    assert sentence == "Stage is Customer or Visitor or Created in the last 7 days"
    for language, words in (("vi", ("Giai đoạn", "7 ngày")), ("ru", ("Стадия", "7 дней"))):
        with translation.override(language):
            sentence = where.sentence(NOBODY)
        assert all(word in sentence for word in words), sentence


# Sunday evening in UTC is Monday in Hanoi, of another week, month and year.
NEW_YEAR = datetime(2028, 1, 2, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("today", (2028, 1, 3), (2028, 1, 4)),
        ("yesterday", (2028, 1, 2), (2028, 1, 3)),
        ("this_week", (2028, 1, 3), (2028, 1, 10)),
        ("last_week", (2027, 12, 27), (2028, 1, 3)),
        ("this_month", (2028, 1, 1), (2028, 2, 1)),
        ("last_month", (2027, 12, 1), (2028, 1, 1)),
        ("this_quarter", (2028, 1, 1), (2028, 4, 1)),
        ("this_year", (2028, 1, 1), (2029, 1, 1)),
        ("last_year", (2027, 1, 1), (2028, 1, 1)),
    ],
)
def test_periods_are_of_the_readers_calendar(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    start: tuple[int, int, int],
    end: tuple[int, int, int],
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NEW_YEAR)
    with timezone.override(HANOI):
        assert period(name) == (
            datetime(*start, tzinfo=HANOI),
            datetime(*end, tzinfo=HANOI),
        )


def test_every_period_holds_its_own_length() -> None:
    for name in PERIODS:
        start, end = period(name)
        assert timedelta(hours=23) <= end - start <= timedelta(days=367)


def test_an_amount_is_told_as_it_is_compared(owner: Membership) -> None:
    """The currency of the organization may have fewer decimal places."""
    deals = get_record("deals")
    Organization.objects.filter(pk=owner.organization_id).update(currency="VND")
    data = {"field": "amount", "op": "gte", "value": "1234,5"}
    with translation.override("vi"):
        assert "1.234,5" in parse_json(deals, data).sentence(owner)
        assert "1.234,5 ₫" in parse_json(deals, data).sentence(owner).replace("\xa0", " ")
    whole = parse_json(deals, {**data, "value": "1200"})
    assert "₫1,200" in whole.sentence(owner).replace("\xa0", " ")


def test_a_relation_to_a_record_takes_as_many_values_as_a_list_does(owner: Membership) -> None:
    deals = get_record("deals")
    ids = [str(uuid7()) for _each in range(51)]
    data = {"field": "customer_id", "op": "in", "value": ids[:50]}
    where = parse_json(deals, data)
    assert where.as_json() == {"all": [data]}
    assert parse_json(deals, {**data, "value": ids[0]}).as_json() == {
        "all": [{**data, "value": ids[:1]}]
    }
    with pytest.raises(FilterInvalid):
        parse_json(deals, {**data, "value": ids})


def test_rows_of_several_related_rows_are_found(owner: Membership) -> None:
    organization = owner.organization
    people = [Customer.objects.create(organization=organization, name=each) for each in "ABC"]
    for each in people:
        Umbrella.objects.create(organization=organization, name=each.name, lent_to=each)
    ids = [str(each.pk) for each in people[:2]]
    where = json.dumps({"field": "lent_to_id", "op": "in", "value": ids})
    api = Api(owner)
    found = api.get("/api/v1/umbrellas", {"where": where}).json()["results"]
    assert sorted(each["name"] for each in found) == ["A", "B"]
    query = urlencode([("lent_to_id__in", each) for each in ids])
    shown = api.client.get(f"/app/umbrellas/?{query}")
    assert shown.status_code == 200
    assert {row.name for row in shown.context["rows"]} == {"A", "B"}
