"""The read model: publications of items written as rows, and repaired after a crash."""
