"""Services of an organization's log-in rules."""

from django.db import transaction

from crm.authentication.models import SecuritySettings
from crm.core.permissions import WRITE, Module, Principal, require
from crm.core.versions import check_version


def security_of(principal: Principal) -> SecuritySettings:
    """Return the security settings of an organization, or the defaults."""
    found = SecuritySettings.objects.filter(organization_id=principal.organization_id).first()
    return found or SecuritySettings(organization_id=principal.organization_id)


@transaction.atomic
def set_log_in_rules(
    *, by: Principal, session_hours: int, idle_minutes: int, version: int | None = None
) -> SecuritySettings:
    """Set how long log-ins last; cached sessions keep the old rule for a minute.

    ``version`` is the version that the edit was made from. Raise EditedMeanwhile.
    """
    require(by, Module.SETTINGS, WRITE)
    SecuritySettings.objects.get_or_create(organization_id=by.organization_id)
    rules = SecuritySettings.objects.select_for_update().get(organization_id=by.organization_id)
    check_version(rules, version)
    rules.session_hours, rules.idle_minutes = session_hours, idle_minutes
    rules.save(update_fields=["session_hours", "idle_minutes", "updated_at"])
    return rules
