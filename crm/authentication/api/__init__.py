"""Accounts over HTTP, by part."""
