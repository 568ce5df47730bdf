"""The console: pages for people who respond, rendered on the server and useful without scripts.

Law: whatever is shown goes through one Jinja2 environment that escapes all of it and makes what
acts instead of being read visible (``words.seen``). Pages carry no inline script and no inline
style, load nothing from anybody else, and never decide: what a person says goes to the desk.
"""
