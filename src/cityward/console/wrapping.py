"""English text of a template becomes messages of the catalogue: who writes a page writes plain English and no more.

What enters: the source of a template. What leaves: the same source with ``gettext`` around each run of text, its
expressions as named placeholders. A run is text with the expressions and the inline tags inside it. A block tag or a
statement (``{% if %}``) ends it: so no statement stands inside a sentence; each case has a sentence of its own.
Of the strings inside ``{{ }}`` those of a choice are messages too (``{{ "on" if lit else "off" }}``,
``{{ name or "nobody" }}``). Others, and those inside ``{% %}``, are left to ``_()``: the author knows what is read.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from jinja2 import Environment
from jinja2.ext import Extension

INLINE: Final = frozenset({"a", "abbr", "b", "code", "dfn", "em", "kbd", "strong", "time"})
"""Tags that stand inside a sentence; every other tag ends it."""

CODE: Final = frozenset({"code", "kbd"})
"""Tags whose text is for a machine."""

ATTRIBUTES: Final = ("aria-label", "alt", "title", "placeholder", "data-label", "label")
"""Attributes that people read or hear."""

SAME: Final = frozenset(
    {"cityward", "CSV", "JSON", "WHO", "SHA-256", "T1486", "Gini", "Theil T", "Q-…", "W-0123456789", "ol", "ul"}
)
"""Names, which are the same in every language."""

_JINJA = "\ue000\\d+\ue001"
_RAW = re.compile(r"(<(?:script|style)\b.*?</(?:script|style)\s*>)", re.DOTALL | re.IGNORECASE)
_PIECE = re.compile(rf"(</?[a-zA-Z][^>]*>|<![^>]*>|{_JINJA})")
_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9-]*)")
_ATTRIBUTE = re.compile(rf'(\s(?:{"|".join(ATTRIBUTES)})=")([^"]*)(?=")')
_LETTERS = re.compile(r"[^\W\d_]")
_ENTITY = re.compile(r"&#?\w+;")
_BETWEEN = re.compile(r"(\s*·\s*)")
_STRING = re.compile(r"\"[^\"]*\"|'[^']*'|\[[^\]]*\]")
_CHOSEN_FIRST = re.compile(r'^()"([^"%]*)"( if .*)$', re.DOTALL)
_CHOSEN_LAST = re.compile(r'^(.*(?: else| or) )"([^"%]*)"()$', re.DOTALL)
_MESSAGE = re.compile(r"\{\{[-+]?\s*(?:ngettext|gettext|_)\((?!.*\selse\s).*\)\s*[-+]?\}\}", re.DOTALL)
_WORDLESS = frozenset({"if", "else", "not", "or", "and", "is", "in", "none", "length", "class", "for", "from", "_"})


class Piece(NamedTuple):
    """A part of a template: ``text``, ``tag``, ``show`` (an expression) or ``rest`` (statement, comment, script)."""

    kind: str
    source: str

    @property
    def closes(self) -> bool:
        """Whether it is a closing tag."""
        return self.source.startswith("</")

    @property
    def name(self) -> str:
        """The name of a tag."""
        found = _TAG.match(self.source)
        return found[1].lower() if found else ""


class Wrapping(Extension):
    """Wraps the text of each template as it is read, at run time and when messages are gathered."""

    priority = 50

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002 (Jinja's)
        """The source with its text as messages; lines keep their numbers."""
        return Wrapper(source, self.environment).wrapped()


class Wrapper:
    """One template: its text, with a mark in the place of each expression, statement and comment."""

    def __init__(self, source: str, environment: Environment) -> None:
        self._jinja: list[str] = []
        parts, inside = [], ""
        for _, kind, value in environment.lexer.tokeniter(source, None):
            if inside:
                self._jinja[-1] += value
                inside = "" if kind == inside.replace("begin", "end") else inside
            elif kind in ("variable_begin", "block_begin", "comment_begin"):
                inside = kind
                parts.append(f"\ue000{len(self._jinja)}\ue001")
                self._jinja.append(value)
            else:
                parts.append(value)
        self._marked = "".join(parts)

    def wrapped(self) -> str:
        """``<h1>{{ n }} wait</h1>`` → ``<h1>{{ gettext('%(n)s wait', n=(n)) }}</h1>``."""
        out = []
        for at, part in enumerate(_RAW.split(self._marked)):
            out.append(part if at % 2 else self._through(self._pieces(part)))
        return re.sub(_JINJA, lambda found: self._source(found[0]), "".join(out))

    def _source(self, mark: str) -> str:
        return self._jinja[int(mark[1:-1])]

    def _shown(self, marked: str) -> bool:
        """Whether all marks in a text are expressions."""
        return all(self._source(mark).startswith("{{") for mark in re.findall(_JINJA, marked))

    def _is_message(self, mark: str) -> bool:
        """Whether an expression is a whole message already."""
        return bool(_MESSAGE.match(self._source(mark)))

    def _pieces(self, marked: str) -> list[Piece]:
        pieces = []
        for part in _PIECE.split(marked):
            if part.startswith("<"):
                pieces.append(Piece("tag", part))
            elif part.startswith("\ue000"):
                pieces.append(Piece("show" if self._shown(part) and not self._is_message(part) else "rest", part))
            elif part:
                texts = (one for one in _BETWEEN.split(part) if one)
                pieces += [Piece("rest" if _BETWEEN.fullmatch(one) else "text", one) for one in texts]
        return pieces

    def _through(self, pieces: list[Piece]) -> str:
        """The pieces with each run of them as a message."""
        out: list[str] = []
        run: list[Piece] = []
        for piece in pieces:
            if piece.kind in ("text", "show") or (piece.name in INLINE and self._shown(piece.source)):
                run.append(piece)
                continue
            out += [self._run(run), self._plain(piece)]
            run = []
        return "".join([*out, self._run(run)])

    def _run(self, run: list[Piece]) -> str:
        """A run as a message, with what only surrounds it outside."""
        parts = _balanced(run)
        if len(parts) > 1:
            return "".join(self._run(part) for part in parts)
        before, core, after = _bared(run)
        if not _speaks(core):
            return "".join(self._plain(piece) for piece in run)
        return "".join([*map(self._plain, before), self._message(core), *map(self._plain, after)])

    def _plain(self, piece: Piece) -> str:
        """A piece that is no part of a message; what is read of its attributes is one for itself."""
        if piece.kind == "show":
            return f"{{{{ {_chosen(self._source(piece.source)[2:-2].strip('+- '))} }}}}"
        if piece.kind != "tag":
            return piece.source
        return _ATTRIBUTE.sub(lambda found: found[1] + self._through(self._pieces(found[2])), piece.source)

    def _message(self, core: list[Piece]) -> str:
        values: dict[str, str] = {}
        said, at = "", 0
        source = "".join(piece.source for piece in core)
        for found in re.finditer(_JINJA, source):
            expression = _chosen(self._source(found[0])[2:-2].strip("+- \n"))
            said += source[at : found.start()].replace("%", "%%") + f"%({_called(expression, values)})s"
            at = found.end()
        said += source[at:].replace("%", "%%")
        quoted = re.sub(r"\s+", " ", said).replace("\\", "\\\\").replace("'", "\\'")
        given = "".join(f", {name}=({value})" for name, value in values.items())
        return f"{{{{ gettext('{quoted}'{given}){chr(10) * said.count(chr(10))} }}}}"


def _chosen(expression: str) -> str:
    """The strings between which an expression chooses, as messages."""

    def told(found: re.Match[str]) -> str:
        text = found[2]
        return found[0] if not _LETTERS.search(text) or text in SAME else f"{found[1]}gettext({text!r}){found[3]}"

    for pattern in (_CHOSEN_FIRST, _CHOSEN_LAST):
        expression = pattern.sub(told, expression)
    return expression


def _balanced(run: list[Piece]) -> list[list[Piece]]:
    """The run, cut at inline tags that are opened or closed outside it."""
    opened: list[int] = []
    alone: list[int] = []
    for at, piece in enumerate(run):
        if piece.kind != "tag":
            continue
        if not piece.closes:
            opened.append(at)
        elif opened and run[opened[-1]].name == piece.name:
            opened.pop()
        else:
            alone.append(at)
    if len(run) < 2:
        return [run]
    parts, start = [], 0
    for cut in sorted(alone + opened):
        parts += [run[start:cut], [run[cut]]]
        start = cut + 1
    return [part for part in [*parts, run[start:]] if part]


def _bared(run: list[Piece]) -> tuple[list[Piece], list[Piece], list[Piece]]:
    """Space, and a tag around the whole, are no part of what is said."""
    before: list[Piece] = []
    after: list[Piece] = []
    core = list(run)
    while core:
        first, last = core[0], core[-1]
        if first.kind == "text" and first.source[0].isspace():
            bare = first.source.lstrip()
            before.append(Piece("text", first.source[: len(first.source) - len(bare)]))
            core[:1] = [Piece("text", bare)] if bare else []
        elif last.kind == "text" and last.source[-1].isspace():
            bare = last.source.rstrip()
            after.insert(0, Piece("text", last.source[len(bare) :]))
            core[-1:] = [Piece("text", bare)] if bare else []
        elif first.name not in CODE and _around(core):
            before.append(first)
            after.insert(0, last)
            core = core[1:-1]
        else:
            break
    return before, core, after


def _around(core: list[Piece]) -> bool:
    """Whether the first tag is closed by the last piece."""
    depth = 0
    for at, piece in enumerate(core):
        depth += (-1 if piece.closes else 1) if piece.kind == "tag" else 0
        if depth == 0:
            return at > 0 and at == len(core) - 1
    return False


def _speaks(run: list[Piece]) -> bool:
    """Whether a person has something to read there: letters outside code that are no mere name."""
    words, code = [], 0
    for piece in run:
        if piece.kind == "tag" and piece.name in CODE:
            code += -1 if piece.closes else 1
        elif piece.kind == "text" and not code:
            words.append(_ENTITY.sub("", piece.source))
    bare = [one.strip(" ()\n") for one in words]
    return any(_LETTERS.search(one) and one not in SAME for one in bare) and not any('="' in one for one in bare)


def _called(expression: str, values: dict[str, str]) -> str:
    """A name for the value of an expression, the last word of what it takes: ``turn.as_of | day`` → ``as_of``."""
    bare = _STRING.sub("", expression.partition("|")[0]).replace("gettext", "")
    called = re.match(r"\w+\(\s*([a-z_][\w.]*)", bare)
    words = [one for one in re.findall(r"[a-z_]\w*", called[1] if called else bare) if one not in _WORDLESS]
    stem = words[-1] if words else "value"
    name, more = stem, 2
    while values.get(name, expression) != expression:
        name, more = f"{stem}_{more}", more + 1
    values[name] = expression
    return name
