"""What it costs to count a use against a plan, and an API call."""

from django.db import connection, transaction

from benchmarks.measure import Figure, figure_of, one_by_one
from crm.billing import counters
from crm.billing.metrics import Metric
from crm.billing.services import consume
from crm.billing.services.api_calls import post_api_calls
from crm.core import ratelimit, stores, tenancy
from crm.core.ids import uuid7
from crm.core.ratelimit.limiter import Subjects, enforce_and_spend
from crm.organizations.models import Organization
from tests.chaos.stack import Stack


def run(stack: Stack, *, quick: bool) -> list[Figure]:
    del stack
    times = 100 if quick else 1000
    organization = Organization.objects.get(slug="sunbean")
    redis = stores.redis()

    def use() -> None:
        consume(organization_id=organization.pk, metric=Metric.BOT_ANSWERS, key=uuid7().hex)

    def bare() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        redis.ping()

    subjects: Subjects = {"address": "192.0.2.7", "organization": organization.pk}
    counter = counters.key_of(organization.pk, Metric.API_CALLS)
    with tenancy.organization(organization.pk):
        use()
        post_api_calls(organization_id=organization.pk)
        return [
            figure_of(
                "counting a use against a plan",
                one_by_one(use, times),
                floor=one_by_one(bare, times),
                floor_of="an empty transaction and one `PING`",
                how="a row of the ledger, a Lua script, the commit",
            ),
            figure_of(
                "counting an API call with its rates",
                one_by_one(lambda: enforce_and_spend("api", subjects, counter), times),
                floor=one_by_one(lambda: ratelimit.enforce("api", subjects), times),
                floor_of="the rates alone",
                how="one Lua script, one round trip, both",
            ),
        ]
