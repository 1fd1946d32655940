"""The API's messages and services: our .proto files, and what `make protos` makes of them."""
