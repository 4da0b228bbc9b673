"""RabbitMQ: connections, publishing with confirms, consuming, streams, topology."""
