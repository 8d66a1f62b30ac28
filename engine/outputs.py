"""The names of the tables that a pipeline is scored into."""

OUTPUTS = ("deals", "criteria", "findings", "actions", "questions", "fired")
CONDITIONS = "conditions"  # the one that explains; it is long, so only on request
