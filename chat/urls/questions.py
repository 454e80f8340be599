from django.urls import path

from chat.views import questions

_question = "app/knowledge/questions/<slug:question_id>"
urlpatterns = [
    path("app/knowledge/questions/", questions.unanswered, name="unanswered"),
    path(f"{_question}/answer/", questions.answer_question, name="answer_question"),
    path(f"{_question}/same/", questions.same_as, name="same_as"),
    path(f"{_question}/settle/", questions.settle_question, name="settle_question"),
    path(f"{_question}/unsettle/", questions.unsettle_question, name="unsettle_question"),
]
