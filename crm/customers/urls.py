from django.urls import include, path

from crm.core.records import get_record
from crm.core.records.pages import record_urls
from crm.customers.api import company_api_urls, customer_api_urls

_customers = [*record_urls(get_record("customers")), *customer_api_urls()]
_companies = [*record_urls(get_record("companies")), *company_api_urls()]
urlpatterns = [
    path("", include((_customers, "customers"))),
    path("", include((_companies, "companies"))),
]
