"""Scores a whole pipeline: tables in, tables out."""
