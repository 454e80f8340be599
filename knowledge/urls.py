from django.urls import path

from knowledge.views import public

app_name = "knowledge"
urlpatterns = [
    path("help/<uuid:faq_id>/", public.public_faq, name="public_faq"),
]
