"""The Celery engine: a transport that loses nothing, and a pool of one coroutine per event.

The app module calls `dispatcher.adapters.broker.transport.install()` and names the parts:

    worker_pool        dispatcher.adapters.broker.pool:TaskPool
    worker_consumer    dispatcher.adapters.broker.consumer:Consumer
"""
