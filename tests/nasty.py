"""Text as attackers write it, for every place where somebody else's words are shown."""

NASTY = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "'><svg onload=alert(1)>",
    '" autofocus onfocus=alert(1) x="',
    "</textarea></title></style></script><script>alert(1)</script>",
    "--><b>out</b><!--",
    "]]><![CDATA[<b>out</b>",
    "javascript:alert(1)",
    "//evil.example/x",
    "{{ 7 * 7 }}{% include '/etc/passwd' %}${7*7}",
    "&lt;script&gt;&#60;b&#62;&amp;",
    "\u202egnp.exe\u202c \u2066isolated\u2069 zero\u200bwidth \ufeff",
    "null\x00byte \x1b[31mred\x1b[0m bell\x07",
    "W" * 5000,
    "a long\n" * 300,
    "\u0300" * 400,
    "نص من اليمين إلى اليسار",
    "`;'\"\\ onerror=x <!-- <%= %> <?php ?>",
)
