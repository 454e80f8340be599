"""Pages of the settings, and the API of the organization and its members."""

from django.urls import include, path

from crm.core.records import get_record
from crm.core.records.api_views import record_api_urls
from crm.core.records.pages import record_urls
from crm.organizations import api
from crm.organizations.views import members, roles, settings, teams

_member = "app/settings/members/<uuid:membership_id>"
_invitation = "app/settings/invitations/<uuid:invitation_id>"

_rates = [
    *record_urls(get_record("exchange-rates")),
    *record_api_urls(
        get_record("exchange-rates"),
        path="api/v1/exchange-rates",
        names=("api_exchange_rates", "api_exchange_rate"),
        create_example={"currency": "EUR", "rate": "1.0845", "valid_from": "2026-12-01"},
        update_example={"rate": "1.0851"},
    ),
]

app_name = "organizations"
urlpatterns = [
    path("", include((_rates, "exchange_rates"))),
    path("api/v1/me", api.Me.as_view(), name="me"),
    path("api/v1/organization", api.OrganizationDetail.as_view(), name="api_organization"),
    path("api/v1/members", api.Members.as_view(), name="api_members"),
    path("api/v1/members/<uuid:member_id>", api.MemberDetail.as_view(), name="api_member"),
    path("app/settings/", settings.index, name="settings"),
    path("app/settings/profile/", settings.profile, name="profile"),
    path("app/settings/organization/", settings.organization, name="organization"),
    path(
        "app/settings/organization/second-factor/", settings.second_factor_rule, name="factor_rule"
    ),
    path("app/settings/organization/leave/", members.leave, name="leave"),
    path("app/settings/members/", members.members, name="members"),
    path(f"{_member}/role/", members.set_role, name="set_role"),
    path(f"{_member}/deactivate/", members.deactivate, name="deactivate_member"),
    path(f"{_member}/reactivate/", members.reactivate, name="reactivate_member"),
    path(f"{_invitation}/resend/", members.resend, name="resend_invitation"),
    path(f"{_invitation}/revoke/", members.revoke, name="revoke_invitation"),
    path("app/settings/roles/", roles.roles, name="roles"),
    path("app/settings/roles/<str:key>/", roles.role, name="role"),
    path("app/settings/roles/<uuid:role_id>/delete/", roles.delete, name="delete_role"),
    path("app/settings/teams/", teams.teams, name="teams"),
    path("app/settings/teams/new/", teams.new_team, name="new_team"),
    path("app/settings/teams/<uuid:team_id>/", teams.team, name="team"),
    path("app/settings/teams/<uuid:team_id>/delete/", teams.delete, name="delete_team"),
]
