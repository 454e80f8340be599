from django.urls import path

from crm.customers import api, views

app_name = "customers"
urlpatterns = [
    path(
        "app/customers/<uuid:customer_id>/access/",
        views.customer_reasons,
        name="customer_reasons",
    ),
    path("api/v1/customers", api.Customers.as_view(), name="customers"),
    path("api/v1/customers/<uuid:customer_id>", api.CustomerDetail.as_view(), name="customer"),
]
