"""Stage 6: what a person looks at."""
