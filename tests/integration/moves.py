"""The queue's moves as a worker makes them, one by one."""

from leadrelay.queue import Entry, Settlement

LANE = "a" * 16


def entry(number, lane="", scope="11111111"):
    return Entry(f"{number:032x}", lane, scope, b'{"n":%d,"empty":[],"big":12345678901234567890}' % number)


def entries(count, **kwargs):
    return [entry(number, **kwargs) for number in range(1, count + 1)]


class Requests:
    """A worker's side: new request ids, and tokens by sequence number."""

    def __init__(self, queue, name="w"):
        self.queue, self.name, self.number, self.tokens = queue, name, 0, {}

    def claim(self, limit=10, max_bytes=10**6):
        self.number += 1
        claim = self.queue.claim(self.name, f"c{self.number}", limit, max_bytes, len(self.tokens))
        self.tokens |= {claimed.message.seq: claimed.token for claimed in claim.messages}
        return claim

    def settle(self, seq, kind="delivered", argument="", attempt="1:1:accepted:200:5"):
        self.number += 1
        settlement = Settlement(self.tokens.pop(seq), kind, argument, attempt)
        return self.queue.settle(self.name, f"s{self.number}", [settlement])


def seqs(claim):
    return [claimed.message.seq for claimed in claim.messages]
