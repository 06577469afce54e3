from leadrelay_worker.monitor.loader import Templates


def _rendered(name, **given):
    links = {"reverse_url": lambda *names: "/" + "-".join(names), "static_url": lambda name: name}
    given = {"active_tab": "delivery", "current_user": None, **links, **given}

    class Options:
        auth = None

    class Application:
        options = Options

    class Handler:
        application = Application

    return Templates().load(name).generate(handler=Handler, **given).decode()


def test_our_pages_come_first_in_flowers_navigation():
    shown = _rendered("navbar.html")
    places = [
        shown.index(f'href="/{name}"')
        for name in ("delivery", "dead-letters", "event", "ledger", "workers", "tasks", "broker")
    ]
    assert places == sorted(places)
    assert shown.count('aria-current="page"') == 1


def test_flowers_own_templates_are_found():
    assert Templates().load("broker.html").name == "broker.html"
