from django.urls import URLPattern, path

from chat.views import demo

urlpatterns: list[URLPattern] = [path("demo/", demo.shop, name="demo")]
