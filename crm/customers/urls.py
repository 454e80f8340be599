from django.urls import path

from crm.customers import api

app_name = "customers"
urlpatterns = [
    path("api/v1/customers", api.Customers.as_view(), name="customers"),
    path("api/v1/customers/<uuid:customer_id>", api.CustomerDetail.as_view(), name="customer"),
]
