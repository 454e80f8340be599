from django.urls import path

from crm.core.transfer import api, imports_api
from crm.core.transfer.views import exports, imports

app_name = "transfer"
_one = "app/import/<uuid:import_id>/"
_imports = "api/v1/imports"
_api = f"{_imports}/<uuid:import_id>"

urlpatterns = [
    path("api/v1/exports", api.Exports.as_view(), name="api_exports"),
    path(_imports, imports_api.Imports.as_view(), name="api_imports"),
    path(_api, imports_api.ImportDetail.as_view(), name="api_import"),
    path(f"{_api}/parts", imports_api.ImportParts.as_view(), name="api_parts"),
    path(f"{_api}/read", imports_api.ImportReading.as_view(), name="api_read"),
    path(f"{_api}/check", imports_api.ImportChecking.as_view(), name="api_check"),
    path(f"{_api}/run", imports_api.ImportRun.as_view(), name="api_run"),
    path(f"{_api}/cancel", imports_api.ImportCancellation.as_view(), name="api_cancel"),
    path(f"{_api}/undo", imports_api.ImportUndo.as_view(), name="api_undo"),
    path(f"{_api}/faults", imports_api.ImportFaults.as_view(), name="api_faults"),
    path("app/export/<slug:slug>/", exports.export, name="export"),
    path("app/import/<slug:slug>/new/", imports.new_import, name="new_import"),
    path("app/import/<slug:slug>/template/", imports.template, name="template"),
    path(_one, imports.import_page, name="import"),
    path(f"{_one}parts/", imports.parts, name="parts"),
    path(f"{_one}read/", imports.read, name="read"),
    path(f"{_one}check/", imports.check, name="check"),
    path(f"{_one}run/", imports.run, name="run"),
    path(f"{_one}undo/", imports.undo, name="undo"),
    path(f"{_one}faults/", imports.faults, name="faults"),
    path(f"{_one}discard/", imports.discard, name="discard"),
]
