"""Plans, a ledger that nobody changes, and a subscription for every organization that is there.

Those get the plan without limits: an update takes nothing away from anybody. What signs up later
begins as the settings say.
"""

from typing import Any

from django.db import migrations
from django.utils import timezone

from crm.core.ids import uuid7
from crm.billing.periods import month_later
from crm.billing.plans import DEFAULTS, ENTERPRISE

# Rights withhold this from the application; the trigger also from the owner of the tables.
_KEEP = """
CREATE OR REPLACE FUNCTION nextflow_usage_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'Rows of % are kept as they were written.', TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER nextflow_usage_keep BEFORE UPDATE OR DELETE ON "billing_usagerecord"
  FOR EACH ROW EXECUTE FUNCTION nextflow_usage_guard();
CREATE TRIGGER nextflow_usage_keep BEFORE UPDATE OR DELETE ON "billing_subscriptionevent"
  FOR EACH ROW EXECUTE FUNCTION nextflow_usage_guard();
"""
_LET_GO = """
DROP TRIGGER nextflow_usage_keep ON "billing_usagerecord";
DROP TRIGGER nextflow_usage_keep ON "billing_subscriptionevent";
DROP FUNCTION nextflow_usage_guard();
"""


def begin(apps: Any, schema_editor: Any) -> None:
    plans = apps.get_model("billing", "Plan")
    for each in DEFAULTS:
        plans.objects.get_or_create(
            key=each.key,
            defaults={
                "position": each.position,
                "limits": dict(each.limits),
                "features": list(each.features),
                "is_offered": each.is_offered,
            },
        )
    subscriptions = apps.get_model("billing", "Subscription")
    events = apps.get_model("billing", "SubscriptionEvent")
    now = timezone.now()
    end = month_later(now, now.day)
    there = apps.get_model("accounts", "Organization").objects.values_list("pk", flat=True)
    for organization_id in there.iterator():
        subscriptions.objects.create(
            id=uuid7(),
            organization_id=organization_id,
            plan_id=ENTERPRISE,
            period_start=now,
            period_end=end,
            anchor_day=now.day,
        )
        events.objects.create(
            id=uuid7(),
            organization_id=organization_id,
            kind="started",
            plan_after=ENTERPRISE,
            period_start=now,
            period_end=end,
        )


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_keep_plans_and_usage")]

    operations = [
        migrations.RunSQL(_KEEP, _LET_GO),
        migrations.RunPython(begin, migrations.RunPython.noop),
    ]
