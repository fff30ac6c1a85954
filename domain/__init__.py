"""The status model, pure: items, commands, rules, deadlines and due dates; no clock, no IO."""
