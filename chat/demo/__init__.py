"""Demo data: two fictitious organizations, a coffee roastery and a bookshop."""
