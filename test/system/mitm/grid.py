"""grid: the rows, and how one is run and judged."""
import time

from harness import wait_until
import scripts
from scripts import active


class Row:
    """One script between one pair. refuse: the other hub must not be joined, however honestly.
    fresh: C knows nobody at that address. first: others need its recording."""

    def __init__(self, pair, name, script, message='', refuse=False, fresh=False, first=False):
        self.pair, self.script, self.message = pair, script, message
        self.refuse, self.fresh, self.first = refuse, fresh, first
        self.name = '%s: %s%s' % (pair.method, name, ', ' + message if message else '')

    def made(self):
        return self.script(self.pair, self.message)


def both(names):
    return ['%s_%s' % (n, side) for n in names for side in 'CS']


def altered(pair, prefix, kinds, messages, wrap=lambda s: s):
    return [Row(pair, prefix + kind, wrap(script), message)
            for message in messages for kind, script in kinds.items()]


def hellos(pair, prefix='', wrap=lambda s: s):
    return [Row(pair, prefix + 'hello with ' + kind, wrap(script), message)
            for message in ('HELLO_C', 'HELLO_S') for kind, script in scripts.HELLOS.items()
            if kind != scripts.OWN_METHOD[pair.method]]


def codes(pair, prefix='', wrap=lambda s: s):
    return [Row(pair, '%sgoodbye with code %d' % (prefix, n), wrap(scripts.code(n)))
            for n in scripts.CODES]


def whole(pair):
    made = [Row(pair, 'led to another hub, which was expected', scripts.Reroute, refuse=True),
            Row(pair, 'led to itself', scripts.Home),
            Row(pair, 'reflected', scripts.ReflectAll),
            Row(pair, 'reflected, byte for byte', scripts.ReflectRaw),
            Row(pair, 'replayed to C', scripts.ReplayToC),
            Row(pair, 'replayed to S', scripts.ReplayToS),
            Row(pair, 'replayed to S at once', scripts.ReplayAllToS),
            Row(pair, 'two diallers', scripts.TwoDiallers),
            Row(pair, 'two acceptors', scripts.TwoAcceptors),
            Row(pair, 'to the other port', scripts.OtherPort)]
    if pair.method == 'invite':
        made.append(Row(pair, 'led to another hub after the invite', scripts.RerouteAfter,
                        refuse=True, fresh=True))
    else:
        made.append(Row(pair, 'led to another hub at first contact', scripts.Reroute, fresh=True))
    return made


def password_rows(pair):
    made = whole(pair) + altered(pair, '', scripts.BYTES, both(scripts.CLEAR)) + hellos(pair)
    made += altered(pair, 'of another cluster, ', {'instead': scripts.Foreign}, both(scripts.CLEAR))
    made += codes(pair)
    if 'tls+password' in pair.world.pairs:
        made += [Row(pair, 'clothed in TLS', scripts.Clothed),
                 Row(pair, 'clothed in TLS, as it is', scripts.ClothedAsItIs)]
    return made


def tls_rows(pair):
    """The bytes of TLS, altered from outside; then TLS that ends at the proxy."""
    outside = scripts.HANDSHAKE_NAMES + both(scripts.WITHIN[pair.method][:-1])
    outside += ['FIRST_C'] if pair.method == 'invite' else both(['FIRST'])
    made = whole(pair) + altered(pair, 'bytes: ', scripts.RECORDS, outside)
    made += [Row(pair, 'answered in clear by ' + kind, scripts.clear(word))
             for kind, word in scripts.CLEARS.items()]
    made += [Row(pair, 'stripped of TLS', scripts.Stripped),
             Row(pair, 'stripped of TLS, as it is', scripts.StrippedAsItIs)]
    return made + within(pair, 'plain') + \
        ([] if pair.method == 'invite' else within_named(pair))


def within(pair, which):
    def wrap(script):
        return active(script, which)
    reached = {'tls': ['HELLO_C', 'HELLO_S', 'PROOF_C']}.get(
        pair.method, ['HELLO_C', 'HELLO_S', 'SHARE_C', 'SHARE_S', 'CONFIRM_C'])
    made = [Row(pair, 'within: relayed', wrap(scripts.Relay), first=True),
            Row(pair, 'within: reflected', wrap(scripts.ReflectAll)),
            Row(pair, 'within: two diallers', scripts.TwoDiallersWithin),
            Row(pair, 'within: two acceptors', scripts.TwoAcceptorsWithin)]
    made += altered(pair, 'within: ', scripts.BYTES, reached, wrap)
    made += hellos(pair, 'within: ', wrap) + codes(pair, 'within: ', wrap)
    if pair.method == 'tls':
        made += [Row(pair, 'within: proof with ' + kind, wrap(script), 'PROOF_C')
                 for kind, script in scripts.PROOFS.items()]
    return made


def within_named(pair):
    """The proxy's certificates bear the names of the two ends."""
    def wrap(script):
        return active(script, 'named')
    made = [Row(pair, 'in their names: relayed', wrap(scripts.Relay))]
    if pair.method == 'tls':
        made += [Row(pair, 'in their names: proof with ' + kind, wrap(script), 'PROOF_C')
                 for kind, script in scripts.PROOFS.items()]
    return made


def rows(world):
    made = []
    for pair in world.pairs.values():
        made += tls_rows(pair) if pair.tls else password_rows(pair)
    return made


class Outcome:
    def __init__(self):
        self.wrong, self.taken = [], 0


class Judge:
    """Runs rows. Knows every verdict that was given so far, and which of them were right."""

    def __init__(self, world):
        self.world, self.seen, self.honest, self.slowest = world, {}, 0, (0, '')
        self.right = set()   # (cluster, verdict id): established, and rightly

    def news(self):
        """The verdicts given since the last time: (cluster, verdict)."""
        new = []
        for c in self.world.clusters:
            seen = self.seen.setdefault(c.name, set())
            for v in c.ask('verdicts')['result']:
                if (v['verdict_id'], v['code']) not in seen:
                    seen.add((v['verdict_id'], v['code']))
                    new.append((c, v))
        return new

    def learn(self):
        """What was said until now was said in conversations that nobody altered."""
        for c, v in self.news():
            if v['code'] == 'ILS-100':
                self.right.add((c.name, v['verdict_id']))

    def _alike(self, cluster, verdict, talks, row):
        """Whether that end says rightly that it is established."""
        for talk in talks:
            side = 'C' if verdict['dialler'] else 'S'
            if talk.c.verdict_id() != verdict['verdict_id'] or not talk.seen_alike(side):
                continue
            ends = {row.pair.c.peer_id, talk.peer}
            if {cluster.peer_id, verdict['peer_id']} == ends:
                self.world.rightful.add(talk.local)
                return True
        return False

    def _past_the_proxy(self, cluster, verdict):
        """Whether that was a link which the two made by themselves, from socket to socket (a spoke
        visits the other hubs that its hub names): the one who dialled says that it reached the
        other's own port, from where the other saw it come."""
        peer = next((c for c in self.world.clusters if c.peer_id == verdict['peer_id']), None)
        if peer is None:
            return False
        dialler, acceptor = (cluster, peer) if verdict['dialler'] else (peer, cluster)
        if verdict['dialler']:
            dialled = verdict
        else:
            dialled = wait_until(lambda: [v for v in dialler.ask('verdicts')['result'] if
                                          v['dialler'] and v['code'] == 'ILS-100' and
                                          v['verdict_id'] == verdict['verdict_id'] and
                                          v['local'] == verdict['address']], 2, 0.01)
            dialled = dialled[0] if dialled else None
        return dialled is not None and dialled['address'] in [
            '%s:%d' % (acceptor.address, port) for port in (acceptor.port, acceptor.tls_port)]

    def _judge(self, row, talks, outcome):
        for c, v in self.news():
            if v['code'] != 'ILS-100':
                continue
            astray = row.refuse and self.world.other.peer_id in (c.peer_id, v['peer_id'])
            if self._alike(c, v, talks, row) and not astray:
                self.right.add((c.name, v['verdict_id']))
                self.honest += 1
                continue
            if self._past_the_proxy(c, v):
                self.right.add((c.name, v['verdict_id']))
                continue
            outcome.taken += 1
            outcome.wrong.append('%s says established: %s' % (c.name, v))

    def run(self, row):
        outcome, pair, began = Outcome(), row.pair, time.monotonic()
        act = pair.knock if row.script.knock else pair.join
        if row.fresh:
            pair.forget()
        _, talks = pair.proxy.during(row.made, act)
        pair.tidy()
        outcome.wrong += [t.error for t in talks if t.error]
        if not any(t.altered for t in talks):
            outcome.wrong.append('the script was not reached')
        self._judge(row, talks, outcome)
        self._linked(row, outcome)
        if row.first and talks:  # what is said within TLS is known from here alone
            pair.recorded_active = talks[0]
        if row.fresh:
            pair.forget()
        verdict = pair.control()
        if verdict.get('code') != 'ILS-100':
            outcome.wrong.append('unaltered it does not join: %s' % verdict)
        self.learn()
        seconds = time.monotonic() - began
        self.slowest = max(self.slowest, (seconds, row.name))
        return outcome

    def _linked(self, row, outcome):
        """What the hub calls a link with C is the connection of a conversation that was right."""
        for r in self.world.hub.ask('peers')['result']:
            if r['peer_id'] == row.pair.c.peer_id and r['linked'] and \
                    r['link_peer'] not in self.world.rightful:
                outcome.wrong.append('the hub shows a link: %s' % r)

    def traces(self, tap, loose):
        """T3 and T9 stand only for attempts that were rightly established. loose: somewhere not."""
        found = 0
        for c in self.world.clusters:
            wrong = [r['text'] for r in c.trace_records() if r['event'] in ('T3', 'T9')
                     and (c.name, r['verdict_id']) not in self.right]
            said = sum(r['event'] in ('T3', 'T9') for r in c.trace_records())
            found += len(wrong)
            if not loose:
                tap.ok(not wrong, '%s: the trace says established %d times, rightly'
                       % (c.name, said), *wrong)
        if loose:
            tap.ok(found > 0, 'the traces say established where they must not: %d lines' % found)
