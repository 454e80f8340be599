from django.urls import path

from crm.accounts.views import accept_invitation, members, undo
from crm.accounts.views import settings as pages

_member = "app/settings/members/<uuid:membership_id>"
_invitation = "app/settings/invitations/<uuid:invitation_id>"

urlpatterns = [
    path("app/undo/<uuid:action_id>/", undo.undo_action, name="undo"),
    path("app/settings/", pages.index, name="settings"),
    path("app/settings/profile/", pages.profile, name="profile"),
    path("app/settings/organization/", pages.organization, name="organization"),
    path("app/settings/organization/second-factor/", pages.second_factor_rule, name="factor_rule"),
    path("app/settings/organization/leave/", members.leave, name="leave"),
    path("app/settings/members/", members.members, name="members"),
    path(f"{_member}/role/", members.set_role, name="set_role"),
    path(f"{_member}/deactivate/", members.deactivate, name="deactivate_member"),
    path(f"{_member}/reactivate/", members.reactivate, name="reactivate_member"),
    path(f"{_invitation}/resend/", members.resend, name="resend_invitation"),
    path(f"{_invitation}/revoke/", members.revoke, name="revoke_invitation"),
    path("join/<str:token>/", accept_invitation.join, name="join"),
]
