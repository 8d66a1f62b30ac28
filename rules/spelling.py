"""Conditions as their authors would write them."""

from __future__ import annotations

from .language import Absent, All, Any, Condition, FactTest, Holds, Listed, Quantifier


def spell(condition: Condition, depth: int = 0) -> list[str]:
    """Return a condition line by line, as its author would write it."""
    indent = "  " * depth
    match condition:
        case FactTest(path, _, _, written):
            return [f"{indent}{path}: {{{written}}}"]
        case Holds(name):
            return [f"{indent}holds: {name}"]
        case Absent(name):
            return [f"{indent}absent: {name}"]
        case Listed(of, wanted):
            return [f"{indent}{of}: {'listed' if wanted else 'not listed'}"]
        case All(parts) | Any(parts):
            name = "all" if isinstance(condition, All) else "any"
            lines = [f"{indent}{name}:"] if depth or name == "any" else []
            inner = depth + 1 if lines else depth
            return lines + [line for part in parts for line in spell(part, inner)]
        case Quantifier(name, of, where, have, _, written):
            bound = f" ({written})" if written else ""
            lines = [f"{indent}{name} of {of}{bound}:", *spell(where, depth + 1)]
            return lines + ([f"{indent}  have:", *spell(have, depth + 2)] if have is not None else [])


def spell_in_line(condition: Condition) -> str:
    """Return a condition in one line."""
    return "; ".join(line.strip() for line in spell(condition)).replace(":; ", ": ")
