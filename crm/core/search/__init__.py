"""The search over everything, and the palette that it opens in."""
