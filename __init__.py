"""dealready: what to do next on a big deal, and exactly why.

The packages depend on one another in one direction only:
``facts`` (what is known) ← ``rules`` (what the article teaches) ← ``engine`` (what follows)
← ``render`` (what is shown) ← ``cli``.
"""

__version__ = "0.1.0"
