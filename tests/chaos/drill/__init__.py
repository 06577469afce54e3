"""An outage drill: the endpoint fails, the alert fires, the pages say what is so, and all is delivered in the end.

    make drill                                  the whole, about 7 minutes
    python -m tests.chaos.drill --short         the short form, under a minute
    python -m tests.chaos.drill --pictures docs keep what the pages looked like

Broker, workers, sandbox, exporter, monitor and browser are real processes. Each step is printed with its figure; the
exit code is 1 when one failed. `docs/drill.md` tells it for operators.
"""
