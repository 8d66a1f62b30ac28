"""The interview: asks for the facts that matter most and writes the answers back into the deal file."""
