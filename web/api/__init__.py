"""The HTTP API, version 1: items, commands, queues, robots, catalog, webhooks."""
