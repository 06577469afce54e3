"""Handing events over: into the queue in one call that ends in time, or else into the spool.

`core` decides between the two and keeps the breaker; `door` opens the connection beside the calls, `link` and `aio`
call over it, from threads and from event loops; `sender` has deadlines that the broker keeps too; `keeper` drains.
"""
