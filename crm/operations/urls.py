from django.urls import path

from crm.operations import views

app_name = "operations"
urlpatterns = [
    path("health", views.health, name="health"),
    path("ready", views.ready, name="ready"),
    path("health/deep", views.health_deep, name="health_deep"),
    path("metrics", views.metrics, name="metrics"),
]
