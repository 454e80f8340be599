from django.urls import path

from crm.core.transfer.views import exports, imports

app_name = "transfer"
_one = "app/import/<uuid:import_id>/"

urlpatterns = [
    path("app/export/<slug:slug>/", exports.export, name="export"),
    path("app/import/<slug:slug>/new/", imports.new_import, name="new_import"),
    path(_one, imports.import_page, name="import"),
    path(f"{_one}parts/", imports.parts, name="parts"),
    path(f"{_one}read/", imports.read, name="read"),
    path(f"{_one}check/", imports.check, name="check"),
    path(f"{_one}run/", imports.run, name="run"),
    path(f"{_one}undo/", imports.undo, name="undo"),
    path(f"{_one}faults/", imports.faults, name="faults"),
    path(f"{_one}discard/", imports.discard, name="discard"),
]
