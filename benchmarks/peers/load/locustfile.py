"""Locust: users that each send ten requests a second, as long as they are answered."""

from locust import FastHttpUser, constant_throughput, task

BODY = b"x" * 600


class Sender(FastHttpUser):
    """One user."""

    wait_time = constant_throughput(10)

    @task
    def post(self) -> None:
        """POST."""
        self.client.post("/", BODY, headers={"Content-Type": "application/json"})
