"""Pages about getting in, about oneself, and about one's organization."""
