"""The gateway: the Track API itself, in front of the queue, so that any language can point its base URL at it.

A request becomes an event (`reading`, `upload`), is put into the queue together with what came at the same time
(`intake`), and is answered as LeadBoxer would answer it. One rule governs all answers: **a body means that the event is
safe**. Some clients take any answer with a body for success, whatever its status (facts.md, "What clients make of the
answer"), so everything else has none: the reason stands in the header `leadrelay-reason`.
"""
