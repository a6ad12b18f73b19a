"""The little Markdown that stands inside HTML of ours."""

import html
import re


def inline(text: str) -> str:
    """`code` and *emphasis*; the rest as it is."""
    text = html.escape(text, quote=False)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)
