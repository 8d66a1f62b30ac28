"""Reads JSON text as a tree whose every node knows its line and column."""

from __future__ import annotations

import re
from bisect import bisect_right

from .nodes import DEEPEST_NESTING, Mapping, Names, Node, Scalar, Sequence, note_duplicate, refused, scalar
from .problems import Place, Problems, Rejected, quoted
from .texts import Text

_SPACE = re.compile(r"[ \t\r\n]*")
_LITERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null", re.ASCII)
_WORD = re.compile(r"[\w.+-]{1,20}|\\.|.", re.DOTALL)
_END = Text("the end of the file", "文件末尾")
_VALUE = Text("a value", "一个值")
_KEY = Text("a key in double quotes", "带双引号的键")
_ESCAPE = Text(r"an escape such as \\, \t or \u4e2d", r"转义写法，如 \\、\t、\u4e2d")
_COLON = Text("':'", "“:”")
_COMMA_OR_BRACKET = Text("',' or ']'", "“,”或“]”")
_COMMA_OR_BRACE = Text("',' or '}'", "“,”或“}”")


class JsonReader:
    """A JSON reader that keeps places; strings are read by the standard library's own scanner."""

    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self.text = text
        self.file = file
        self.problems = problems
        self.at = 0
        self.lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def parse(self) -> Node:
        """Return the tree. Raises :class:`Rejected` if the text is no JSON."""
        self._skip()
        if self.at == len(self.text):
            raise refused(Place(self.file), "empty")
        node = self._node(())
        self._skip()
        if self.at < len(self.text):
            raise self._error(_END)
        return node

    def _place(self) -> Place:
        line = bisect_right(self.lines, self.at)
        return Place(self.file, line, self.at - self.lines[line - 1] + 1)

    def _error(self, expected: Text) -> Rejected:
        found = _WORD.match(self.text, self.at)
        return refused(self._place(), "json", expected=expected, found=quoted(found.group()) if found else _END)

    def _skip(self) -> None:
        match = _SPACE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def _take(self, sign: str) -> bool:
        self._skip()
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def _string(self) -> Scalar:
        from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]

        place = self._place()
        try:
            text, self.at = scanstring(self.text, self.at + 1, True)
        except JSONDecodeError as error:
            if error.msg.startswith("Unterminated") or self.text[error.pos] in "\r\n":
                raise refused(place, "json-quote") from None
            self.at = error.pos
            raise self._error(_ESCAPE) from None
        return scalar(text, place, quoted=True)

    def _node(self, path: Names) -> Node:
        self._skip()
        place = self._place()
        if len(path) >= DEEPEST_NESTING:
            raise refused(place, "too-deep", limit=DEEPEST_NESTING)
        if self.text.startswith('"', self.at):
            return self._string()
        if self._take("["):
            return self._sequence(place, path)
        if self._take("{"):
            return self._mapping(place, path)
        match = _LITERAL.match(self.text, self.at)
        if match is None:
            raise self._error(_VALUE)
        self.at = match.end()
        return Scalar(match.group(), place)

    def _sequence(self, place: Place, path: Names) -> Sequence:
        items: list[Node] = []
        if self._take("]"):
            return Sequence((), place)
        while True:
            items.append(self._node((*path, f"[{len(items)}]")))
            if self._take("]"):
                return Sequence(tuple(items), place)
            if not self._take(","):
                raise self._error(_COMMA_OR_BRACKET)

    def _mapping(self, place: Place, path: Names) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        if self._take("}"):
            return Mapping((), place)
        while True:
            self._skip()
            if not self.text.startswith('"', self.at):
                raise self._error(_KEY)
            key = self._string()
            if not self._take(":"):
                raise self._error(_COLON)
            value = self._node((*path, f".{key.text}"))
            if key.text in entries:
                note_duplicate(self.problems, key, entries[key.text][0].place, path)
            else:
                entries[key.text] = (key, value)
            if self._take("}"):
                return Mapping(tuple(entries.values()), place)
            if not self._take(","):
                raise self._error(_COMMA_OR_BRACE)
