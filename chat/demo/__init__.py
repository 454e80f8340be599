"""The demo's two organizations: a coffee roastery and a bookshop, both invented."""
