"""The pages of knowledge, by part."""
