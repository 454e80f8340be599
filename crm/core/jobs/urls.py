from django.urls import path

from crm.core.jobs import api, views

app_name = "jobs"
_page, _api = "app/settings/jobs/", "api/v1/jobs"

urlpatterns = [
    path(_page, views.job_list, name="list"),
    path(f"{_page}<uuid:job_id>/", views.job_page, name="job"),
    path(f"{_page}<uuid:job_id>/cancel/", views.cancel, name="cancel"),
    path(f"{_page}<uuid:job_id>/file/", views.fetch, name="fetch"),
    path(_api, api.Jobs.as_view(), name="api_list"),
    path(f"{_api}/<uuid:job_id>", api.JobDetail.as_view(), name="api_job"),
    path(f"{_api}/<uuid:job_id>/files/<slug:name>", api.JobFile.as_view(), name="api_file"),
    path(f"{_api}/<uuid:job_id>/cancel", api.JobCancellation.as_view(), name="api_cancel"),
    path(f"{_api}/<uuid:job_id>/undo", api.JobUndo.as_view(), name="api_undo"),
]
