"""The embedded stack: Temporal's dev server and a worker as processes of ours."""
