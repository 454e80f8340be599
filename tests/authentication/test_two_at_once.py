"""Two posts of one person at the same moment: one wins, or they take turns."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from crm.core import tenancy
from crm.organizations.models import Membership, Organization, User
from tests.authentication.letters import follow, kinds, last_letter, link_in
from tests.conftest import PASSWORD

RESET = reverse("account_reset_password")
NEW_PASSWORD = "a lighthouse at dusk"
NEW_EMAIL = "linh.tran@sunbean.example"


def set_at_once(user: User, forms: list[str], browsers: list[Client]) -> None:
    """Post a password from each browser at the same moment; exactly one is set."""
    passwords = [NEW_PASSWORD, "a harbour at dawn"]

    def post(number: int) -> tuple[int, str]:
        try:
            answer = browsers[number].post(forms[number], {"password1": passwords[number]})
            return answer.status_code, answer.content.decode()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            User.objects.select_for_update().get(pk=user.pk)
            waiting = [pool.submit(post, number) for number in range(2)]
            await_lock_waits(2)
        answers = [each.result(timeout=60) for each in waiting]
    assert sorted(status for status, _page in answers) == [302, 409]
    first = next(number for number, (status, _page) in enumerate(answers) if status == 302)
    assert "The link does not work any more." in answers[1 - first][1]
    user.refresh_from_db()
    assert user.check_password(passwords[first])


@pytest.mark.django_db(transaction=True)
def test_two_posts_of_one_reset_link_at_once_set_one_password(
    client: Client, agent: Membership
) -> None:
    client.post(RESET, {"email": agent.user.email})
    link = link_in(last_letter(agent.user.email))
    browsers = [Client(), Client()]
    set_at_once(agent.user, [follow(each, link) for each in browsers], browsers)
    assert kinds().count(("password_reset", agent.user.email)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_posts_of_one_confirming_link_at_once_set_one_password(
    client: Client, stores_clean: None
) -> None:
    fields = {"name": "Nora", "organization": "Fjord", "email": NEW_EMAIL}
    client.post(reverse("account_signup"), fields | {"password1": PASSWORD})
    link = link_in(last_letter(NEW_EMAIL))
    set_at_once(User.objects.get(email=NEW_EMAIL), [link, link], [Client(), Client()])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("page", "statuses"), [("account_email", [200, 302]), ("mfa_activate_totp", [302, 302])]
)
def test_two_posts_of_ones_own_settings_at_once_take_turns(
    client: Client, agent: Membership, page: str, statuses: list[int]
) -> None:
    """The second one finds what the first one stored, as it would a moment later."""
    client.force_login(agent.user)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    path = reverse(page)
    form = {"email": NEW_EMAIL, "action_add": ""}
    if page == "mfa_activate_totp":
        found = re.search(
            r'class="factor-key"[^>]*>([A-Z2-7]+)<', client.get(path).content.decode()
        )
        assert found is not None
        form = {"code": format_hotp_value(hotp_value(found[1], int(time.time()) // 30))}
    cookies = dict(client.cookies)

    def post() -> int:
        other = Client()
        other.cookies.update(cookies)
        try:
            return other.post(path, form).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            User.objects.select_for_update().get(pk=agent.user_id)
            waiting = [pool.submit(post) for _number in range(2)]
            await_lock_waits(2)
        assert sorted(each.result(timeout=60) for each in waiting) == statuses
    if page == "account_email":
        assert EmailAddress.objects.filter(user=agent.user, email=NEW_EMAIL).count() == 1
    else:
        assert Authenticator.objects.filter(user=agent.user, type="totp").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("model", "form", "same"),
    [
        ("auth_group", {"name": "Support"}, lambda: Group.objects.create(name="Support")),
        (
            "organizations_organization",
            {"name": "Two", "slug": "same", "language_code": "en", "timezone": "UTC"},
            lambda: Organization.objects.create(name="One", slug="same"),
        ),
        (
            "organizations_user",
            {
                "email": NEW_EMAIL,
                "name": "Linh",
                "language_code": "en",
                "memberships-TOTAL_FORMS": "0",
                "memberships-INITIAL_FORMS": "0",
            },
            lambda: User.objects.create_user(NEW_EMAIL, name="Linh"),
        ),
    ],
)
def test_two_operators_who_add_the_same_at_once_make_one(
    operator: Client, model: str, form: dict[str, str], same: Callable[[], object]
) -> None:
    """The second one gets the form back, and not an error page without what was typed."""

    def post() -> Any:
        try:
            return operator.post(reverse(f"admin:{model}_add"), form)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic(), tenancy.all_tenants("The other operator."):
            same()
            waiting = pool.submit(post)
            await_lock_waits(1)
        answer = waiting.result(timeout=60)
    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    assert [each.code for each in next(iter(errors.as_data().values()))] == ["unique"]


def await_lock_waits(number: int) -> None:
    """Return once so many other sessions of this database wait for a lock."""
    deadline = time.monotonic() + 60
    waits = 0
    while waits < number:
        assert time.monotonic() < deadline, f"{waits} sessions wait for a lock."
        time.sleep(0.05)
        with connection.cursor() as cursor:
            # Other test processes have databases of their own on this server.
            cursor.execute(
                "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE NOT granted AND datname = current_database()"
            )
            (waits,) = cursor.fetchone()
