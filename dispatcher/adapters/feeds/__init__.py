"""Where connections' events are fetched: RabbitMQ, streams, transmitters of security events."""
