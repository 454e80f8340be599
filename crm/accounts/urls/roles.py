from django.urls import path

from crm.accounts.views import roles, teams

urlpatterns = [
    path("app/settings/roles/", roles.roles, name="roles"),
    path("app/settings/roles/<str:key>/", roles.role, name="role"),
    path("app/settings/roles/<uuid:role_id>/delete/", roles.delete, name="delete_role"),
    path("app/settings/teams/", teams.teams, name="teams"),
    path("app/settings/teams/new/", teams.new_team, name="new_team"),
    path("app/settings/teams/<uuid:team_id>/", teams.team, name="team"),
    path("app/settings/teams/<uuid:team_id>/delete/", teams.delete, name="delete_team"),
]
