from django.urls import path

from crm.core.records import get_record
from crm.core.records.pages import record_urls
from crm.customers import api

app_name = "customers"
urlpatterns = [
    *record_urls(get_record("customers")),
    path("api/v1/customers", api.Customers.as_view(), name="customers"),
    path("api/v1/customers/<uuid:customer_id>", api.CustomerDetail.as_view(), name="customer"),
]
