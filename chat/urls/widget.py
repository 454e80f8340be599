from django.urls import URLPattern, path

from chat.api import widgets as api
from chat.views import widget, widget_settings

_settings = "app/settings/widgets"
_one = f"{_settings}/<uuid:widget_id>"
_api = "api/v1/widgets/<uuid:widget_id>"

urlpatterns: list[URLPattern] = [
    path("widget/loader.js", widget.loader, name="widget_loader"),
    path("widget/settings.js", widget.settings_script, name="widget_settings"),
    path("widget/frame/", widget.frame, name="widget_frame"),
    path(f"{_settings}/", widget_settings.widgets, name="widgets"),
    path(f"{_settings}/new/", widget_settings.new_widget, name="new_widget"),
    path(f"{_one}/", widget_settings.edit_widget, name="edit_widget"),
    path(f"{_one}/install/", widget_settings.install, name="install_widget"),
    path(f"{_one}/preview/", widget_settings.preview, name="preview_widget"),
    path(f"{_one}/pause/", widget_settings.pause, name="pause_widget"),
    path(f"{_one}/resume/", widget_settings.resume, name="resume_widget"),
    path(f"{_one}/allow-seen/", widget_settings.allow_seen, name="allow_seen"),
    path(f"{_one}/seen/", widget_settings.seen, name="widget_seen"),
    path("api/v1/widgets", api.Widgets.as_view(), name="api_widgets"),
    path(_api, api.WidgetDetail.as_view(), name="api_widget"),
    path(f"{_api}/pause", api.WidgetPause.as_view(), name="api_widget_pause"),
    path(f"{_api}/resume", api.WidgetResume.as_view(), name="api_widget_resume"),
]
