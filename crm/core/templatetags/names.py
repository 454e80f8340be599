"""Names of people in templates."""

from django import template

from crm.core.text.person_names import initial

register = template.Library()
register.filter("initial", initial)
