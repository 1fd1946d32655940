"""Our worker with messages taken in the order of arrival, whoever's they are."""

from dispatcher.celery import app

app.conf.broker_transport_options = {**app.conf.broker_transport_options, "fair": False}
