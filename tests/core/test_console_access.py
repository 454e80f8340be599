"""Access to the operator's admin: permissions, second factor, idle sessions."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client, RequestFactory
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from chat.models import Conversation
from crm.authentication.models import EndReason, UserSession
from crm.compliance.filters import Filters
from crm.compliance.services.exports import start_export as start_audit_export
from crm.core.ids import uuid7
from crm.core.jobs.models import Job
from crm.core.records import ListState, get_record
from crm.core.transfer.exporting import start_export
from crm.core.transfer.formats import Format
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization, User
from tests.core.consoles import INBOX, browser, do, staff_with
from tests.downloads import downloaded
from tests.jobs.counting import finish
from tests.tenancy.addresses import addresses_of_views
from tests.tenancy.world import make_theirs

pytestmark = pytest.mark.django_db(transaction=True)


def test_staff_sees_what_their_rights_say(agent: Membership) -> None:
    client = staff_with("view_organization")
    page = client.get(reverse("admin:index")).content.decode()
    assert reverse("admin:organizations_organization_changelist") in page
    assert reverse("admin:organizations_user_changelist") not in page
    address = reverse("admin:organizations_organization_change", args=[agent.organization_id])
    shown = client.get(address).content.decode()
    assert "Sunbean" in shown
    assert "/deactivate/" not in shown
    assert do(client, "deactivate", agent.organization).status_code == 403
    assert client.get(reverse("admin:organizations_user_changelist")).status_code == 403


def test_staff_cannot_make_themselves_or_others_powerful(root: User, agent: Membership) -> None:
    client = staff_with("view_user", "change_user", "view_group", "change_group")
    address = reverse("admin:organizations_user_change", args=[agent.user_id])
    form = {
        "name": "Linh",
        "language_code": "en",
        "timezone": "UTC",
        "is_staff": "on",
        "is_superuser": "on",
        "email": "mine@evil.example",
        "is_active": "",
    }
    assert client.post(address, form | no_inlines()).status_code == 302
    agent.user.refresh_from_db()
    assert (agent.user.is_staff, agent.user.is_superuser) == (False, False)
    assert (agent.user.email, agent.user.is_active) == ("linh@sunbean.example", True)
    own = User.objects.get(email="staff@nextflow.example")
    for user in (root, own):
        where = reverse("admin:organizations_user_change", args=[user.pk])
        assert client.post(where, form | no_inlines()).status_code == 403
        assert do(client, "deactivate", user).status_code == 403
    group = Group.objects.create(name="All")
    assert client.post(reverse("admin:auth_group_change", args=[group.pk]), {}).status_code == 403


def no_inlines() -> dict[str, int]:
    return {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}


def test_who_becomes_an_operator_logs_in_anew(operator: Client, agent: Membership) -> None:
    client = browser(agent)
    address = reverse("admin:organizations_user_change", args=[agent.user_id])
    form = {"name": "Linh", "language_code": "en", "timezone": "UTC", "is_staff": "on"}
    assert operator.post(address, form | no_inlines()).status_code == 302
    assert client.get(INBOX).status_code == 302


def test_operators_need_a_second_factor(operator: Client, root: User, settings: Any) -> None:
    settings.OPERATOR_REQUIRES_MFA = True
    index = reverse("admin:index")
    led = operator.get(index, follow=True)
    assert led.redirect_chain[-1][0] == reverse("mfa_index")
    assert "Operators need a second factor" in led.content.decode()
    assert operator.get(reverse("admin:organizations_user_changelist")).status_code == 302
    Authenticator.objects.create(user=root, type="totp", data={"secret": "x"})
    assert operator.get(index).status_code == 200


def test_an_idle_operator_logs_in_again(operator: Client, root: User) -> None:
    index = reverse("admin:index")
    assert operator.get(index).status_code == 200
    session = operator.session
    session["operator_seen"] -= 31 * 60
    session.save()
    asked = operator.get(index)
    assert asked.status_code == 302
    led = operator.get(asked["Location"])
    assert led["Location"] == f"{reverse('authentication:log_in')}?next=%2Fadmin%2F"
    assert UserSession.objects.get(user=root).ended_because == EndReason.LOGGED_OUT


def test_use_keeps_an_operator_in(operator: Client) -> None:
    index = reverse("admin:index")
    for _visit in range(3):
        session = operator.session
        session["operator_seen"] -= 20 * 60
        session.save()
        assert operator.get(index).status_code == 200


def test_what_a_page_asks_with_nobody_at_it_keeps_no_operator_in(operator: Client) -> None:
    index = reverse("admin:index")
    session = operator.session
    session["operator_seen"] -= 20 * 60
    session.save()
    seen = session["operator_seen"]
    assert operator.get(index, headers={"X-Unattended": "1"}).status_code == 200
    assert operator.session["operator_seen"] == seen
    assert operator.get(index).status_code == 200
    assert operator.session["operator_seen"] > seen


def test_the_policy_is_looser_here_and_nowhere_else(operator: Client, agent: Membership) -> None:
    def scripts(client: Client, address: str) -> str:
        policy = client.get(address)["Content-Security-Policy"]
        return next(part.strip() for part in policy.split(";") if "script-src" in part)

    assert scripts(operator, reverse("admin:index")) == "script-src 'self' 'unsafe-eval'"
    assert scripts(browser(agent), INBOX) == "script-src 'self'"
    assert scripts(Client(), reverse("authentication:log_in")) == "script-src 'self'"
    policy = operator.get(reverse("admin:index"))["Content-Security-Policy"]
    assert "style-src 'self';" in f"{policy};"
    assert "unsafe-inline" not in policy


def test_ones_own_password_is_changed_where_everybody_changes_theirs(operator: Client) -> None:
    answer = operator.post(reverse("admin:password_change"), {"new_password1": "x"})
    assert answer["Location"] == reverse("account_change_password")


def test_the_language_is_changed_where_one_is(operator: Client, root: User) -> None:
    address = reverse("admin:organizations_user_changelist") + "?q=rita"
    page = operator.get(address).content.decode()
    assert f'name="next" type="hidden" value="{address}"' in page
    form = {"language": "vi", "next": address}
    changed = operator.post(reverse("authentication:set_language"), form)
    assert changed["Location"] == address
    assert "Người vận hành" in operator.get(reverse("admin:index")).content.decode()


def test_who_may_only_look_at_the_schedule_changes_nothing(root: User) -> None:
    """beat's own actions ask for no permission."""
    every = IntervalSchedule.objects.create(every=100, period="seconds")
    task = PeriodicTask.objects.create(name="T", task="operations.canary", interval=every)
    address = reverse("admin:django_celery_beat_periodictask_changelist")
    chosen = {"index": "0", "_selected_action": str(task.pk)}
    staff = staff_with("view_periodictask")
    for action in ("disable_tasks", "toggle_tasks", "run_tasks"):
        staff.post(address, {**chosen, "action": action})
    task.refresh_from_db()
    assert (task.enabled, task.total_run_count) == (True, 0)
    assert "disable_tasks" not in staff.get(address).content.decode()
    User.objects.get(email="staff@nextflow.example").user_permissions.set(
        Permission.objects.filter(codename__in=["view_periodictask", "change_periodictask"])
    )
    staff.post(address, {**chosen, "action": "disable_tasks"})
    task.refresh_from_db()
    assert not task.enabled


def test_no_page_of_any_list_offers_an_action_to_who_may_only_look() -> None:
    """An action that names no permission is open to whoever sees the list."""
    request = RequestFactory().get("/")
    request.user = User(is_staff=True)
    for model, model_admin in admin.site._registry.items():
        actions: dict[str, Any] = model_admin.get_actions(request)
        for name, action in actions.items():
            assert getattr(action[0], "allowed_permissions", ()), (model, name)


def test_there_is_no_search_of_unfold(operator: Client) -> None:
    assert operator.get(reverse("admin:search"), {"s": "o"}).status_code == 404


def test_no_address_tells_an_operator_without_rights_which_rows_exist(
    organization: Organization,
) -> None:
    theirs = make_theirs()
    operator = staff_with()
    operator.raise_request_exception = False
    keys = {*theirs.ids(), *(str(row.pk) for row in theirs.rows.values())}
    asked, telling = 0, []
    for address in addresses_of_views(theirs, is_admin=True):
        pieces = address.path.split("/")
        for key in keys.intersection(pieces):
            other = str(uuid7()) if "-" in key else str(2**31 - 1)
            told = set()
            for shown in (key, other):
                path = address.path.replace(f"/{key}/", f"/{shown}/")
                for method in ("get", "post"):
                    answer = getattr(operator, method)(path)
                    to = answer.headers.get("Location", "").replace(shown, "")
                    told.add((method, answer.status_code, to))
            asked += 1
            if len(told) > 2:
                telling.append((address.name, told))
    assert asked > 50
    assert telling == []
    kind = ContentType.objects.get_for_model(theirs.faq)
    assert operator.get(f"/admin/r/{kind.pk}/{theirs.faq.pk}/").status_code == 404


def test_what_an_operator_may_not_view_is_not_found_by_searching(
    operator: Client, agent: Membership, conversation: Conversation
) -> None:
    customer = conversation.customer
    customer.email = "minh@fjord.example"
    customer.save(update_fields=["email"])
    lists = {
        "admin:chat_conversation_changelist": "minh@fjord.example",
        "admin:organizations_membership_changelist": agent.user.email,
    }
    narrow = staff_with("view_conversation", "view_membership", "view_organization")
    for name, text in lists.items():
        found = [
            client.get(reverse(name), {"q": text}).context["cl"].result_count
            for client in (operator, narrow)
        ]
        assert found == [1, 0], name
        by_organization = narrow.get(reverse(name), {"q": agent.organization.name})
        assert by_organization.context["cl"].result_count >= 1, name


@pytest.mark.parametrize(
    ("of", "needed"),
    [
        ("customers", ["view_customer"]),
        ("faqs", ["view_faq"]),
        ("audit", ["view_auditentry", "view_company", "view_conversation", "view_customer"]),
    ],
)
def test_a_file_of_a_job_is_for_operators_who_may_view_what_is_in_it(
    owner: Membership, of: str, needed: list[str]
) -> None:
    if of == "audit":
        job = start_audit_export(by=owner, file_format=Format.CSV, filters=Filters())
    else:
        state = ListState(get_record(of))
        job = start_export(by=owner, state=state, form=Format.CSV, has_bom=True, all_columns=True)
    finish(job)
    # And what an extension of the tests declares.
    others = ["view_deal", "view_exchangerate", "view_faq"] if of == "audit" else []
    client = staff_with("view_job", "view_umbrella", *others)
    staff = User.objects.get(email="staff@nextflow.example")
    for codename in needed:
        refused = do(client, "fetch", job)
        assert refused.headers.get("Content-Disposition") is None
        staff.user_permissions.add(Permission.objects.get(codename=codename))
    assert "attachment" in do(client, "fetch", job)["Content-Disposition"]


@pytest.mark.parametrize("extra", [[], ["view_customer"]])
def test_the_audit_names_customers_to_operators_who_may_view_them(
    customer: Customer, extra: list[str]
) -> None:
    client = staff_with("view_job", "view_organization", "view_auditentry", *extra)
    do(client, "export-audit", customer.organization, format="jsonl")
    job = finish(Job.objects.get())
    file = downloaded(do(client, "fetch", job)).decode()
    assert str(customer.pk) in file
    page = client.get(reverse("admin:compliance_auditentry_changelist")).content.decode()
    assert [customer.name in text for text in (file, page)] == [bool(extra)] * 2


def test_list_of_conversations_names_customers_to_who_may_view_them(
    conversation: Conversation,
) -> None:
    Customer.objects.filter(pk=conversation.customer_id).update(name="", email="sue@secret.example")
    paths = (
        reverse("admin:chat_conversation_changelist"),
        reverse("admin:chat_conversation_change", args=[conversation.pk]),
    )
    for rights, is_named in (
        (["view_conversation", "view_customer"], True),
        (["view_conversation"], False),
    ):
        User.objects.filter(email="staff@nextflow.example").delete()
        client = staff_with(*rights)
        for path in paths:
            page = client.get(path).content.decode()
            assert ("sue@secret.example" in page) is is_named, (path, rights)
