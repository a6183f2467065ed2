"""One endpoint, again and again."""

from locust import HttpUser, constant, task


class User(HttpUser):
    wait_time = constant(0)

    @task
    def orders(self):
        self.client.get("/orders")
