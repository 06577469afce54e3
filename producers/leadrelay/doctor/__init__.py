"""The doctor: what is about to go wrong, or already does, and what to do about it.

Facts are gathered first (`gather`, `probe`: all the input and output there is; of the broker only INFO and plain
reads, never CONFIG, which managed brokers refuse), then judged by `checks`, a table of pure functions. A check
says nothing about facts that are not there.
"""

from leadrelay.doctor.checks import examine
from leadrelay.doctor.facts import Facts
from leadrelay.doctor.finding import Finding, Level
from leadrelay.doctor.gather import broker_facts, gather

__all__ = ["Facts", "Finding", "Level", "broker_facts", "examine", "gather"]
