from django.urls import path

from crm.billing import api, views

app_name = "billing"
_page = "app/settings/plan-and-usage"

urlpatterns = [
    path(f"{_page}/", views.plan_and_usage, name="plan_and_usage"),
    path(f"{_page}/change/<slug:plan>/", views.change, name="change"),
    path(f"{_page}/cancel/", views.cancel, name="cancel"),
    path(f"{_page}/resume/", views.resume, name="resume"),
    path("api/v1/usage", api.Usage.as_view(), name="usage"),
    path("api/v1/plans", api.Plans.as_view(), name="plans"),
    path("api/v1/subscription", api.SubscriptionDetail.as_view(), name="subscription"),
    path("api/v1/subscription/change", api.ChangePlan.as_view(), name="change_plan"),
    path("api/v1/subscription/cancel", api.CancelSubscription.as_view(), name="cancel_plan"),
    path("api/v1/subscription/resume", api.ResumeSubscription.as_view(), name="resume_plan"),
]
