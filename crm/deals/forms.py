"""Forms of pipelines and stages."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.form_guard.edits import EditForm
from crm.core.models.named import NAME_LENGTH
from crm.deals.models import Pipeline, Stage, StageKind


class _Name(forms.CharField):
    def __init__(self) -> None:
        super().__init__(
            label=pgettext_lazy("thing", "Name"),
            max_length=NAME_LENGTH,
            widget=forms.TextInput(
                attrs={"class": "form-control", "autocomplete": "off", "dir": "auto"}
            ),
        )


class PipelineForm(EditForm):
    name = _Name()

    @staticmethod
    def initial_of(pipeline: Pipeline) -> dict[str, Any]:
        return {"name": pipeline.name}


class StageForm(EditForm):
    name = _Name()
    kind = forms.ChoiceField(
        label=pgettext_lazy("of a stage", "Outcome"),
        choices=StageKind.choices,
        help_text=_("A deal in a stage that is won or lost is closed."),
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    probability = forms.IntegerField(
        label=_("Probability, %"),
        min_value=0,
        max_value=100,
        help_text=_("By it the forecast weighs amounts. Of won and lost deals it is 100 and 0."),
        widget=forms.NumberInput(attrs={"class": "form-control"}),
    )
    rotting_days = forms.IntegerField(
        label=_("Days until a deal rots"),
        min_value=1,
        max_value=3_660,
        required=False,
        help_text=_("A deal that stands here for longer is marked. Empty: never."),
        widget=forms.NumberInput(attrs={"class": "form-control"}),
    )

    @staticmethod
    def initial_of(stage: Stage) -> dict[str, Any]:
        return {
            "name": stage.name,
            "kind": stage.kind,
            "probability": stage.probability,
            "rotting_days": stage.rotting_days,
        }
