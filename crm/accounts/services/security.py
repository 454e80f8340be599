"""Verbs about an organization's rules for logging in."""

from django.db import transaction

from crm.accounts.models import SecuritySettings
from crm.accounts.permissions import WRITE, Area, Principal, require


def security_of(principal: Principal) -> SecuritySettings:
    """Give the rules of an organization, or the defaults."""
    found = SecuritySettings.objects.filter(organization_id=principal.organization_id).first()
    return found or SecuritySettings(organization_id=principal.organization_id)


@transaction.atomic
def set_log_in_rules(*, by: Principal, session_hours: int, idle_minutes: int) -> SecuritySettings:
    """Say how long log-ins last; sessions that are known keep to the old rule for a minute."""
    require(by, Area.SETTINGS, WRITE)
    rules, _created = SecuritySettings.objects.update_or_create(
        organization_id=by.organization_id,
        defaults={"session_hours": session_hours, "idle_minutes": idle_minutes},
    )
    return rules
