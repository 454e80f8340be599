from django.urls import URLPattern, path

from chat.views import widget

urlpatterns: list[URLPattern] = [
    path("widget/loader.js", widget.loader, name="widget_loader"),
    path("widget/settings.js", widget.settings_script, name="widget_settings"),
    path("widget/frame/", widget.frame, name="widget_frame"),
]
