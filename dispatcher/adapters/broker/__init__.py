"""The Celery engine: a transport that takes whole batches without losing any, and a pool of one
coroutine per event.

The app module names the parts; Celery finds them by these settings:

    broker_transport   dispatcher.adapters.broker.transport:Transport  (or in the URL's place)
    worker_pool        dispatcher.adapters.broker.pool:TaskPool
    worker_consumer    dispatcher.adapters.broker.consumer:Consumer
"""
