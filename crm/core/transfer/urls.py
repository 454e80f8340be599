from django.urls import path

from crm.core.transfer import views

app_name = "transfer"
urlpatterns = [path("app/export/<slug:slug>/", views.export, name="export")]
