"""Mail: how a draft becomes a message, and how a message reaches a relay.

``renderer`` makes messages (``templates``, ``catalogues``, ``locales`` and ``values``
say what stands in them; ``composer``, ``headers`` and ``addresses`` give them their
wire form). The ``smtp`` modules hand them over.
"""
