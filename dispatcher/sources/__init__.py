"""Kinds of IAM: each module here turns what one kind sends into events.

This is the edge: what comes from outside is checked here, once, and is a core
value from then on. Sources are pure: no clock, no network, no store.
"""
