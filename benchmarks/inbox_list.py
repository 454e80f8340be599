"""A page of the inbox's list: how long it takes and how many queries it makes."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.measure import Figure, Spread, figure_of, one_by_one
from benchmarks.web import agent_session, main_organization, serving
from chat.models import Conversation
from crm.organizations.models import User
from tests.chaos.stack import Stack

LIMIT = 50
PATH = "/api/v1/inbox/conversations"
PAGE = "/app/inbox/"
QUERY = {"box": "all", "status": "open", "limit": str(LIMIT)}
MAX_QUERIES = 6


def run(stack: Stack, *, quick: bool) -> list[Figure]:
    times = 60 if quick else 300
    floor = _bare(times)
    with serving(stack) as base_url, agent_session(base_url) as agent:

        def page() -> None:
            response = agent.get(PAGE)
            assert response.status_code == 200

        def rows() -> None:
            assert len(agent.get(PATH, params=QUERY).json()["rows"]) == LIMIT

        spread = one_by_one(rows, times)
        whole = one_by_one(page, times // 2)
    floor_of = "the list's SQL alone in bare psycopg, rows fetched"
    return [
        figure_of(
            "inbox list, 50 rows",
            spread,
            floor=floor,
            floor_of=floor_of,
            budget=100,
            how=f"`GET {PATH}`, logged in, one after the other",
        ),
        figure_of(
            "inbox page, complete",
            whole,
            floor=floor,
            floor_of=floor_of,
            budget=100,
            how=f"`GET {PAGE}`: the page with its first list and all counts",
        ),
        _queries("queries of the inbox list", PATH, QUERY),
        _queries("queries of the inbox page", PAGE, {}),
    ]


def _bare(times: int) -> Spread:
    """Run the statement that Django makes for the list, on a connection of psycopg itself."""
    found = (
        Conversation.objects.filter(organization=main_organization())
        .with_status("open")
        .select_related("customer", "assignee")
        .newest_first()[: LIMIT + 1]
    )
    sql, parameters = found.query.sql_with_params()
    with connection.cursor() as cursor:

        def query() -> Sequence[Any]:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

        return one_by_one(query, times)


def _queries(work: str, path: str, query: dict[str, str]) -> Figure:
    client = Client(headers={"Host": settings.ALLOWED_HOSTS[0]})
    client.force_login(User.objects.get(email="agent0@sunbean.example"))
    client.get(path, query)
    with CaptureQueriesContext(connection) as made:
        assert client.get(path, query).status_code == 200
    return Figure(
        work=work,
        value=len(made),
        unit="queries",
        budget=MAX_QUERIES,
        floor_of="none",
        how="counted in one warm request, the session's included",
    )
