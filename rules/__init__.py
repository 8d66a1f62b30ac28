"""Rules: the language, its meaning, and the rule base of the article as data."""
