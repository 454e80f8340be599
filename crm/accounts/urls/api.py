from django.urls import path

from crm.accounts.api import people

urlpatterns = [
    path("api/v1/me", people.Me.as_view(), name="me"),
    path("api/v1/organization", people.OrganizationDetail.as_view(), name="api_organization"),
    path("api/v1/members", people.Members.as_view(), name="members"),
    path("api/v1/members/<uuid:member_id>", people.MemberDetail.as_view(), name="member"),
]
