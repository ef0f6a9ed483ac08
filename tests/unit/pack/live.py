"""What a browser would run or fetch in a page, found by a real HTML parser."""

from __future__ import annotations

import html5lib

RUNNING = {
    "script",
    "iframe",
    "object",
    "embed",
    "applet",
    "form",
    "input",
    "button",
    "link",
    "base",
    "math",
    "video",
    "audio",
}
LOADING = {"src", "srcset", "data", "action", "formaction", "poster", "background", "xlink:href"}


def live(page: str) -> list[str]:
    """Every tag and attribute in a page that could run, load, submit or navigate away; none in a safe page."""
    found = []
    for tag in html5lib.parse(page, treebuilder="etree", namespaceHTMLElements=False).iter():
        name = str(tag.tag).rpartition("}")[2]
        if name in RUNNING:
            found.append(f"<{name}>")
        for attribute, value in tag.attrib.items():
            plain = str(attribute).rpartition("}")[2].lower()
            local = value.startswith(("#", "../")) or ":" not in value.split("#")[0]
            if plain.startswith("on"):
                found.append(f"{name} {plain}")
            if plain in LOADING and not (name == "img" and value.startswith("data:image/")):
                found.append(f"{name} {plain}={value[:40]}")
            if plain == "href" and not local:
                found.append(f"{name} href={value[:40]}")
            if plain == "style" and ("url(" in value.lower() or "position" in value.lower()):
                found.append(f"{name} style={value[:40]}")
    return found


PAYLOADS = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<script>alert(1)",
    "<svg/onload=alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='//evil.example/x'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<form action=//evil.example><input type=submit></form>",
    "<body onload=alert(1)>",
    "<img src='https://evil.example/x.png' alt='x'>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>' alt=x>",
    "<div style='position:fixed;inset:0;background:url(//evil.example)'>x</div>",
    "<style>*{background:url(//evil.example)}</style>",
    "<link rel=stylesheet href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example>",
    "<details open ontoggle=alert(1)>x</details>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<textarea><img src=x onerror=alert(1)>",
    "<title></title><img src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<x onclick=alert(1)>x</x>",
    "<p title='\"><img src=x onerror=alert(1)>'>x</p>",
    "<a href='#x' onclick=alert(1)>x</a>",
]
