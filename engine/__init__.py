"""Engines: what follows from facts and rules, and the diagnosis made of it."""
