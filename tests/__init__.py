"""All tests, one folder for each kind; the docstrings below say what each kind needs."""
