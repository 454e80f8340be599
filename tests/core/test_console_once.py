"""A form of the operator's admin that is sent twice, also at once, does its work once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule

from crm.billing.models import FeatureOverride
from crm.core import tenancy
from crm.core.admin.model_admin import ConsoleAdmin
from crm.core.jobs.models import Job
from crm.core.models import IdempotentRequest
from crm.organizations.models import Organization, User
from tests.core.consoles import EDITED
from tests.core.test_console import add_rows
from tests.core.test_console_saving import _additions, page
from tests.forms.browsers import form_of, forms_of

pytestmark = pytest.mark.django_db(transaction=True)

TOGETHER = 3


def _send_together(user: User, path: str, form: dict[str, Any]) -> list[tuple[int, str]]:
    """Post one form of a user from several browsers at the same moment."""
    clients = [Client() for _each in range(TOGETHER)]
    for client in clients:
        client.force_login(user)
    ready = Barrier(TOGETHER)

    def send(client: Client) -> tuple[int, str]:
        try:
            ready.wait()
            answer = client.post(path, form)
            return answer.status_code, answer.headers.get("Location", "")
        finally:
            connection.close()

    with ThreadPoolExecutor(TOGETHER) as pool:
        return list(pool.map(send, clients))


def _action(row: Any, name: str) -> str:
    options = row._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_{name}", args=[row.pk])


def test_every_page_that_adds_a_row_adds_one_for_a_form_sent_twice(
    operator: Client, root: User, organization: Organization
) -> None:
    additions = _additions(organization, root)
    models = {model._meta.label: model for model in admin.site._registry}
    for label, typed in additions.items():
        address = page(models[label], "add")
        form = form_of(operator.get(address), EDITED.get(label, "role")) | typed
        before = models[label]._default_manager.count()
        answers = [operator.post(address, form) for _time in range(2)]
        assert [answer.status_code for answer in answers] == [302, 302], label
        assert models[label]._default_manager.count() == before + 1, label
        assert len({answer.headers["Location"] for answer in answers}) == 1, label


def test_widgets_added_at_once_are_one(root: User, operator: Client) -> None:
    """Nothing of a widget is unique: two would both be stored."""
    add_rows(0)
    organization = Organization.objects.get(slug="o0")
    model = next(each for each in admin.site._registry if each._meta.label == "chat.Widget")
    address = page(model, "add")
    form = form_of(operator.get(address), "name") | _additions(organization, root)["chat.Widget"]
    answers = _send_together(root, address, form)
    assert model._default_manager.filter(name="New").count() == 1
    assert answers == [(302, page(model, "changelist"))] * TOGETHER


@pytest.mark.parametrize(
    ("name", "having", "filled", "count"),
    [
        ("export-audit", "since", {"format": "csv"}, Job.objects.count),
        (
            "override-quota",
            "reason",
            {"metric": "members", "limit": "7", "reason": "A pilot of theirs"},
            FeatureOverride.objects.count,
        ),
    ],
)
def test_actions_run_at_once_are_one(
    root: User,
    operator: Client,
    organization: Organization,
    name: str,
    having: str,
    filled: dict[str, str],
    count: Callable[[], int],
) -> None:
    address = _action(organization, name)
    form = form_of(operator.get(address), having) | filled | {"confirm": "yes"}
    answers = _send_together(root, address, form)
    assert count() == 1
    assert answers == [(302, page(Organization, "change", organization.pk))] * TOGETHER


def test_a_popup_that_is_sent_twice_adds_one_and_answers_the_same(operator: Client) -> None:
    address = f"{page(IntervalSchedule, 'add')}?_popup=1"
    form = form_of(operator.get(address), "every") | {"every": "77", "period": "days"}
    first, second = operator.post(address, form), operator.post(address, form)
    assert IntervalSchedule.objects.filter(every=77).count() == 1
    assert first.content == second.content
    assert "data-popup-response" in second.content.decode()


def test_a_form_that_was_refused_is_read_again(operator: Client) -> None:
    """Django's admin answers a refused form with 200, which must not be repeated."""
    Organization.objects.create(name="First", slug="taken")
    address = page(Organization, "add")
    form = form_of(operator.get(address), "name")
    form |= {"name": "Second", "slug": "taken", "language_code": "en", "timezone": "UTC"}
    assert operator.post(address, form).status_code == 200
    assert not IdempotentRequest.objects.exists()
    Organization.objects.update(slug="free")
    assert operator.post(address, form).status_code == 302


def test_another_content_under_the_same_key_is_another_row(operator: Client) -> None:
    address = page(IntervalSchedule, "add")
    form = form_of(operator.get(address), "every") | {"period": "days"}
    for every in ("77", "78", "77"):
        assert operator.post(address, form | {"every": every}).status_code == 302
    assert IntervalSchedule.objects.filter(every__in=[77, 78]).count() == 2


def test_the_answer_belongs_to_one_operator_and_is_seen_by_no_organization(
    operator: Client, root: User, organization: Organization
) -> None:
    other = User.objects.create_superuser("second@nextflow.example", "x", name="Sam")
    colleague = Client()
    colleague.force_login(other)
    address = page(IntervalSchedule, "add")
    form = form_of(operator.get(address), "every") | {"every": "77", "period": "days"}
    del form["_person"]
    for client in (operator, colleague):
        assert client.post(address, form).status_code == 302
    assert IntervalSchedule.objects.filter(every=77).count() == 2
    stored = IdempotentRequest.objects.all()
    assert {each.actor for each in stored} == {str(root.pk), str(other.pk)}
    assert form["_once"][0] not in "".join(each.key + each.body for each in stored)
    with tenancy.organization(organization.pk):
        assert not IdempotentRequest.objects.exists()


def test_every_form_of_the_admin_has_a_once_key(operator: Client, root: User) -> None:
    add_rows(0)
    request = RequestFactory().get("/admin/")
    request.user = root
    lacking = []
    for model, its_admin in admin.site._registry.items():
        assert isinstance(its_admin, ConsoleAdmin)
        row: Any = model._default_manager.order_by("-pk").first()
        addresses = [page(model, "changelist"), page(model, "change", row.pk)]
        if its_admin.has_add_permission(request):
            addresses.append(page(model, "add"))
        addresses += [_action(row, action.name) for action in its_admin.admin_actions]
        for address in addresses:
            for form in forms_of(operator.get(address)):
                if "csrfmiddlewaretoken" in form["fields"] and "_once" not in form["fields"]:
                    lacking.append((address, form["action"]))
    assert lacking == []
