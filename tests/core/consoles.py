"""Helpers of the tests of the operator's admin."""

from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from crm.organizations.models import Membership, User
from tests.conftest import PASSWORD

# Of each model whose rows operators edit: a field of its form.
EDITED = {
    "organizations.Organization": "name",
    "organizations.User": "name",
    "auth.Group": "name",
    "billing.Plan": "position",
    "chat.Widget": "name",
    "customers.Customer": "name",
    "django_celery_beat.CrontabSchedule": "minute",
    "django_celery_beat.IntervalSchedule": "every",
    "django_celery_beat.PeriodicTask": "name",
    "knowledge.Faq": "question",
    "knowledge.FaqCategory": "name",
}

INBOX = reverse("chat:inbox")


def staff_with(*codenames: str) -> Client:
    user = User.objects.create_user("staff@nextflow.example", PASSWORD, name="Stan", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def do(operator: Client, name: str, row: Any, **form: str) -> Any:
    model = row._meta
    address = reverse(f"admin:{model.app_label}_{model.model_name}_{name}", args=[row.pk])
    # The page that asks does nothing, whatever its address says.
    asked = operator.get(address, {"confirm": "yes"})
    if asked.status_code != 200:
        return asked
    return operator.post(address, {"confirm": "yes", **form})


def browser(membership: Membership) -> Client:
    client = Client()
    client.force_login(membership.user)
    assert client.get(INBOX).status_code == 200
    return client
