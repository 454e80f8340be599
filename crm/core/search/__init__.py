"""Global search and the command palette."""
