"""What leaves for others, in their own formats: drafts, scrubbed, checked against what they require.

Law: nothing here sends anything. A draft leaves only by a step of class ``disclose``: two pairs of
eyes agree to exactly its text. What nobody but a person can know is left open and named.
"""
