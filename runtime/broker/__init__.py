"""RabbitMQ: connections, publishing with confirms, consuming, streams, declaring queues."""
