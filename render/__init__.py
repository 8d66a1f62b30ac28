"""Rendering: a diagnosis, a proof or the rule base as text for people or data for machines."""
