"""HTTP: the work pages for people, and the API for programs."""
