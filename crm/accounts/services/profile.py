"""Verbs about what people say of themselves, and owners of their organization."""

from uuid import UUID

from django.db import transaction

from crm.accounts.models import Organization, User


@transaction.atomic
def update_profile(
    *, user_id: UUID, name: str, phone: str, language_code: str, timezone: str
) -> User:
    user = User.objects.select_for_update().get(pk=user_id)
    user.name, user.phone = name, phone
    user.language_code, user.timezone = language_code, timezone
    user.save(update_fields=["name", "phone", "language_code", "timezone", "updated_at"])
    return user


@transaction.atomic
def update_organization(
    *, organization_id: UUID, name: str, language_code: str, timezone: str
) -> Organization:
    organization = Organization.objects.select_for_update().get(pk=organization_id)
    organization.name = name
    organization.language_code, organization.timezone = language_code, timezone
    organization.save(update_fields=["name", "language_code", "timezone", "updated_at"])
    return organization
