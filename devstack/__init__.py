"""Development stack: Temporal's dev server, worker, mailroom and pages as child processes."""
