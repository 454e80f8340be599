"""Users and memberships of the demo."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.hashers import check_password, make_password

from chat.demo.content import read
from crm.billing.services import start_subscription
from crm.organizations.models import Membership, Organization, Role, User
from crm.organizations.services.members import add_member
from crm.organizations.services.organizations import create_organization

OPERATOR = "operator"


def load_organizations() -> dict[str, Organization]:
    """Create missing organizations. Return all by slug."""
    made = {}
    for wanted in read("organizations.json"):
        organization = create_organization(
            name=wanted["name"],
            slug=wanted["slug"],
            language_code=wanted["language_code"],
            timezone=wanted["timezone"],
        )
        start_subscription(organization_id=organization.pk, plan=wanted["plan"])
        made[wanted["slug"]] = organization
    return made


def load_people(*, organizations: dict[str, Organization], password: str) -> dict[str, User]:
    """Create missing users and set their passwords. Return all by key."""
    people = {wanted["key"]: _load_person(wanted) for wanted in read("people.json")}
    _let_in(people.values(), password)
    for wanted in read("people.json"):
        user = people[wanted["key"]]
        for place in wanted["memberships"]:
            organization = organizations[place["organization"]]
            # Only what is missing: a role that somebody changed since stays as it is.
            if not Membership.objects.filter(organization=organization, user=user).exists():
                add_member(
                    organization_id=organization.pk, user_id=user.pk, role=Role(place["role"])
                )
    return people


def logins(*, password: str) -> list[dict[str, str]]:
    """Return the log-in of each person, labelled with their role in their first organization."""
    names = {wanted["slug"]: wanted["name"] for wanted in read("organizations.json")}
    found = []
    for wanted in read("people.json"):
        first = next(iter(wanted["memberships"]), None)
        found.append(
            {
                "role": first["role"] if first else OPERATOR,
                "email": wanted["email"],
                "password": password,
                "name": wanted["name"],
                "organization": names[first["organization"]] if first else "",
            }
        )
    return found


def _load_person(wanted: dict[str, Any]) -> User:
    user = User.objects.filter(email=wanted["email"]).first()
    if user is not None:
        return user
    is_operator = wanted.get("is_operator", False)
    return User.objects.create_user(
        wanted["email"],
        None,
        name=wanted["name"],
        language_code=wanted["language_code"],
        timezone=wanted["timezone"],
        is_staff=is_operator,
        is_superuser=is_operator,
    )


def _let_in(users: Iterable[User], password: str) -> None:
    """Set the password that the command prints.

    Hashing is slow on purpose and the password is public, so all users share one hash.
    """
    known: dict[str, bool] = {}
    wrong = []
    for user in users:
        if not user.has_usable_password():
            # A new one: checking would cost as much as hashing.
            known[user.password] = False
        if user.password not in known:
            known[user.password] = check_password(password, user.password)
        if not known[user.password]:
            wrong.append(user)
    if not wrong:
        return
    encoded = make_password(password)
    for user in wrong:
        user.password = encoded
        user.save(update_fields=["password", "updated_at"])
