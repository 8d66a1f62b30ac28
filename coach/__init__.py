"""The coach's bench: case files, coverage, mutation, lint, and what an edit of the rules would change."""
