"""Facts: the vocabulary of what can be known of a deal, and deal files read against it."""
