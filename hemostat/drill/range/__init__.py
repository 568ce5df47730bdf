"""The range: real services on loopback that can really be attacked."""
