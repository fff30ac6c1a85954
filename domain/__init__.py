"""Status model as pure functions: items, commands, rules, deadlines, due dates; no clock, no IO."""
