"""Who asks: people sign in here, with a provider or an account of this machine, and prove it again.

Law: a request without a proof is nobody's. What is kept is kept by digest (secrets, tokens) or
sealed (cookies); what a person may decide is not decided here but in the incident. ``Identity`` of
``hemostat.identity.desk`` is all that other parts need.
"""
