"""What a text of somebody else's becomes where it is shown, so that it is read there and never obeyed.

A name, a label, a reason or an error may hold anything: somebody chose it, or wrote it into records. Each place has one
function, which takes the text as it is and is called where the text enters, once.
"""

import html
import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]")
"""What moves a cursor, colours, or turns text around, and what XML cannot hold; tab and line feed are text."""
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_MARKDOWN = re.compile(
    r"""
    (?P<backslash> [\\`*\[\]] | (?<![^\W_])_ | _(?![^\W_])      # within a word an underscore is one
                 | ^[#+=-](?=[#+=\s-]|$) | (?<=^\d)[.)] | (?<=^\d\d)[.)] | (?<=^\d\d\d)[.)] )
  | (?P<entity>    [<|~$] | ^> | &(?=[#\w]) | :(?=//) | (?i:(?<=mailto)|(?<=xmpp)): | (?i:(?<=\bwww))\. )
    """,
    re.VERBOSE,
)
"""Signs that some Markdown takes for more than text: CommonMark, GitHub's (links, formulas), TensorBoard's."""
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_WIDE = (
    "\N{FULLWIDTH EQUALS SIGN}",
    "\N{FULLWIDTH PLUS SIGN}",
    "\N{FULLWIDTH HYPHEN-MINUS}",
    "\N{FULLWIDTH COMMERCIAL AT}",
)
_FORMULAS = ("=", "+", "-", "@", "\t", "\n", *_WIDE)
"""How a cell begins that some spreadsheet computes."""
_LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
}


def visible(text: str) -> str:
    r"""Control characters are spelled: an escape is ``\x1b``, as Python writes it. Lines and tabs stay.

    >>> visible("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)


def one_line(text: str) -> str:
    """The same in one line, with one space for each stretch of white space; all of it can be encoded."""
    return visible(_SURROGATES.sub(lambda found: repr(found[0])[1:-1], " ".join(text.split())))


def in_markdown(text: str) -> str:
    r"""As plain text in Markdown: at the beginning of a block or in the middle, in a table, a list or a heading.

    >>> in_markdown("# <b> a_b *c* | http://d")
    '\\# &lt;b> a_b \\*c\\* &#124; http&#58;//d'
    """
    return _MARKDOWN.sub(_markdown_sign, one_line(text))


def as_code(name: str) -> str:
    """As code in Markdown; as plain text where it cannot be code in a table as well."""
    said = one_line(name)
    if "|" in said or not said:
        return in_markdown(said) or '""'
    if "`" not in said:
        return f"`{said}`"
    fence = "`" * (1 + max(map(len, re.findall("`+", said))))
    return f"{fence} {said} {fence}"


def in_html(text: str) -> str:
    """As text in HTML, and between quotes in its attributes."""
    return html.escape(one_line(text))


def in_plotly(text: str) -> str:
    """As text in a chart of Plotly's, which reads HTML of its own."""
    return html.escape(one_line(text), quote=False)


def in_latex(text: str) -> str:
    """As text in LaTeX."""
    return "".join(_LATEX.get(sign, sign) for sign in one_line(text))


def in_cell(text: str) -> str:
    """In a CSV that may be opened with a spreadsheet: what it would compute has an apostrophe before it.

    Numbers, and a sign by itself, are no formulas. Of line ends, only line feeds stay: a reader would begin a row at
    another one.

    >>> in_cell("=1+1"), in_cell("-1.5"), in_cell("-")
    ("'=1+1", '-1.5', '-')
    """
    said = visible(text.replace("\r\n", "\n").replace("\r", "\n"))
    if not said.startswith(_FORMULAS) or len(said) == 1:
        return said
    try:
        float(said)
    except ValueError:
        return f"'{said}"
    return said


def _markdown_sign(found: re.Match[str]) -> str:
    sign = found[0]
    return f"\\{sign}" if found["backslash"] else _ENTITIES.get(sign, f"&#{ord(sign)};")
