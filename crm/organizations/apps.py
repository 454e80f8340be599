from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    name = "crm.organizations"
    label = "organizations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.core import quotas  # models exist only from here on
        from crm.core.permissions import register_lookup
        from crm.core.records.pages.record import set_access_page
        from crm.organizations import settings_navigation  # noqa: F401  pages that are found
        from crm.organizations.models import Membership
        from crm.organizations.operators import Operator, find_member, find_operator
        from crm.organizations.services import invitations, roles, teams  # noqa: F401  what can be undone
        from crm.organizations.services.guards import taken_seats
        from crm.organizations.views.access_explanation import reasons_page

        quotas.register_gauge("members", "organizations", taken_seats)
        register_lookup(Membership.kind, find_member)
        register_lookup(Operator.kind, find_operator)
        set_access_page(reasons_page)
