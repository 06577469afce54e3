"""The monitor: Flower with pages on delivery, dead letters, single events and the ledger.

`command` starts it, `app` is Flower with our routes, `guard` says who may look and who may act, `routes` lists every
address. A page is a template that holds no data; its script asks the addresses below it for JSON. What takes long (a
replay, a recount, a search) is a job (`jobs`): it runs in a thread, tells how far it is, and can be cancelled.

Personal data is in one answer only, the content of one dead letter (`letters.Content`). A search for a user travels in
the body of a POST, so it is in no address, no log and no history of the browser.
"""
