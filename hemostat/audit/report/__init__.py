"""Reports that people read: the post-mortem, the board's page, and metrics over many incidents.

Law: facts are generated from the record and carry nothing that it does not show; what is unknown is
shown as unknown. What people add is an annotation, signed, kept apart and marked as such. People
appear as roles.
"""
