from django.urls import path

from crm.core.records import get_record
from crm.core.records.pages import record_urls
from knowledge import api
from knowledge.views import categories, faqs, public

app_name = "knowledge"
_faq = "app/knowledge/<uuid:faq_id>"
_category = "app/knowledge/categories/<uuid:category_id>"
urlpatterns = [
    *record_urls(get_record("faqs")),
    path("app/knowledge/ask/", faqs.ask, name="ask"),
    path("app/knowledge/import/", faqs.import_page, name="import"),
    path("app/knowledge/deleted/", faqs.deleted, name="deleted_faqs"),
    path(f"{_faq}/index/", faqs.index_state, name="index_state"),
    path(f"{_faq}/restore/", faqs.restore, name="restore_faq"),
    path("app/knowledge/categories/", categories.categories, name="categories"),
    path(f"{_category}/rename/", categories.rename, name="rename_category"),
    path(f"{_category}/delete/", categories.delete, name="delete_category"),
    path("api/v1/knowledge/categories", api.Categories.as_view(), name="api_categories"),
    path(
        "api/v1/knowledge/categories/<uuid:category_id>",
        api.CategoryDetail.as_view(),
        name="api_category",
    ),
    *api.faq_api_urls(),
    path("help/<uuid:faq_id>/", public.public_faq, name="public_faq"),
    path("help/<slug:slug>/", public.help_entrance, name="help"),
    path("help/<slug:slug>/brand.css", public.brand_styles, name="help_brand"),
    path("help/<slug:slug>/<str:language>/", public.help_home, name="help_home"),
]
