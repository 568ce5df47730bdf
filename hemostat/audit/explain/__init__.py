"""An auditor's questions, each answered from the record with the entries that show it."""
