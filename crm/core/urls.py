"""URLs that every page uses."""

from django.urls import path
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog

from crm.core.search.views import search
from crm.core.styleguide import styleguide
from crm.core.undo.api import Undo
from crm.core.undo.views import undo_action

app_name = "core"
urlpatterns = [
    path("app/search/", search, name="search"),
    path("app/styleguide/", styleguide, name="styleguide"),
    path("app/undo/<uuid:action_id>/", undo_action, name="undo"),
    path("api/v1/undo/<uuid:action_id>", Undo.as_view(), name="api_undo"),
    # The texts that scripts show, in the language of the page (its code is in the query).
    path(
        "texts.js",
        cache_control(private=True, max_age=300)(
            JavaScriptCatalog.as_view(packages=["crm.core", "chat"])
        ),
        name="javascript_catalog",
    ),
]
