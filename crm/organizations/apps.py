from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    name = "crm.organizations"
    label = "organizations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.core import quotas, records  # models exist only from here on
        from crm.core.notifications.people import set_directory
        from crm.core.permissions import register_lookup
        from crm.core.records.members import set_member_directory
        from crm.core.records.pages.record import set_access_page
        from crm.organizations import (
            receivers,  # noqa: F401  connecting is importing
            settings_navigation,  # noqa: F401  pages that are found
        )
        from crm.organizations.access import Members, members_named
        from crm.organizations.models import Membership
        from crm.organizations.operators import Operator, find_member, find_operator
        from crm.organizations.record import EXCHANGE_RATES
        from crm.organizations.services import invitations, roles, teams  # noqa: F401  what can be undone
        from crm.organizations.services.guards import taken_seats
        from crm.organizations.views.access_explanation import reasons_page

        quotas.register_gauge("members", "organizations", taken_seats)
        records.register(EXCHANGE_RATES)
        register_lookup(Membership.kind, find_member)
        register_lookup(Operator.kind, find_operator)
        set_access_page(reasons_page)
        set_directory(members_named)
        set_member_directory(Members())
