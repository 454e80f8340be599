"""The views of deals, and what the forecast asks for, are read from indexes as the application."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.core import tenancy
from crm.core.database.owner import as_owner
from crm.core.records import ListState, get_record, parse_json
from crm.deals.models import Deal, DealMove, Stage
from crm.organizations.models import Membership, Organization, Role
from tests.conftest import make_member

DEALS = get_record("deals")
MANY = 3_000


@pytest.fixture
def many(organization: Organization, owner: Membership) -> None:
    """Make deals of which most are closed, one in a hundred of the owner's."""
    stages = list(Stage.objects.filter(organization=organization).order_by("position"))
    others = [make_member(organization, f"M{number}", Role.AGENT).user_id for number in range(9)]
    now = timezone.now()
    rows = []
    for number in range(MANY):
        stage = stages[number % 4 if number % 10 == 0 else 4 + number % 2]
        since = now - timedelta(days=number % 700)
        is_open = stage.kind == "open"
        rows.append(
            Deal(
                organization=organization,
                name=f"Deal {number}",
                stage=stage,
                pipeline_id=stage.pipeline_id,
                status=stage.kind,
                currency="USD",
                owner_id=owner.user_id if number % 100 == 0 else others[number % 9],
                stage_changed_at=since,
                closed_at=None if is_open else since,
                rots_at=now - timedelta(days=1) if number % 200 == 0 else None,
            )
        )
    Deal.objects.bulk_create(rows)
    DealMove.objects.bulk_create(
        DealMove(
            organization=organization,
            deal=row,
            to_stage_id=row.stage_id,
            to_name="x",
            to_status=row.status,
            at=row.stage_changed_at,
        )
        for row in rows
    )
    with as_owner() as connection, connection.cursor() as cursor:
        cursor.execute("ANALYZE deals_deal, deals_dealmove")


def plan_of(where: dict[str, Any], reader: Membership) -> str:
    state = ListState(DEALS, where=parse_json(DEALS, where))
    return state.rows(reader).order_by(*state.order)[:20].explain()


@pytest.mark.django_db(transaction=True)
def test_each_view_and_each_figure_s_list_is_read_from_an_index(
    organization: Organization, owner: Membership, many: None
) -> None:
    lately = {"field": "closed_at", "op": "last", "value": "7"}
    filters = [*(view.where for view in DEALS.views), lately]
    with tenancy.organization(organization.pk):
        for where in filters:
            plan = plan_of(dict(where), owner)
            assert "Seq Scan" not in plan, plan
            assert "Index" in plan, plan
        moves = DealMove.objects.filter(
            organization_id=organization.pk, at__gte=timezone.now() - timedelta(days=7)
        )
        assert "deal_moves_by_time" in moves.order_by("at", "pk").explain()
