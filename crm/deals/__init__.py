"""Deals in pipelines of stages."""
