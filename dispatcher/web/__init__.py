"""The HTTP side: the policy API over REST, gRPC-Web and gRPC, and what else answers over HTTP."""
