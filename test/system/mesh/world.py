"""world: three hubs and their spokes in network namespaces, and what may be said of them.

    with Lan() as lan:
        mesh = Mesh(lan, METHODS['password'](lan))
        mesh.build()                       # all joined; hubs 2 and 3 joined hub 1 alone
        mesh.complaint()                   # '' when all is as it should be, else what is not
        mesh.settles()                     # seconds until there is no complaint, None: never

Asked of whoever runs, and judged by both ends: every pair of hubs has exactly one link, every spoke
exactly one, to a hub, and none else has one; no pair has a TCP connection more; everybody serves
the
same plan of everybody, by epoch, USN and root.
"""
import collections
import concurrent.futures
import time

import live
from harness import wait_until
from netns import run

SETTLE = 30


class Mesh:
    def __init__(self, lan, method, hubs=3, spokes=2):
        self.lan, self.method = lan, method
        self.hubs = [lan.cluster('hub%d' % (i + 1), start=False) for i in range(hubs)]
        self.spokes = [lan.cluster('spoke%d%d' % (i + 1, j + 1), start=False)
                       for i in range(hubs) for j in range(spokes)]
        self.nodes = self.hubs + self.spokes
        self.home = {c: self.hubs[i // spokes] for i, c in enumerate(self.spokes)}
        self.changes = 0
        self.verdicts = []

    def build(self):
        for c in self.nodes:
            c.launch()
        for c in self.nodes:
            wait_until(c.answers)
        self.method.prepare(self.nodes)
        first = self.hubs[0]
        first.must('role', 'hub')
        for c in self.hubs[1:]:
            self.verdicts.append(self.method.join(c, first, 'hub'))
        for c in self.spokes:
            self.verdicts.append(self.method.join(c, self.home[c]))
        live.furnish(self.nodes)

    # --- asked

    def running(self):
        return [c for c in self.nodes if c.lives()]

    def ask(self, nodes, command):
        """{node: its answer}, all asked at once."""
        with concurrent.futures.ThreadPoolExecutor(len(nodes)) as pool:
            return dict(zip(nodes, pool.map(lambda c: c.ask(command)['result'], nodes)))

    def links(self, answers):
        """{(name, name)}: the first says that it is linked with the second."""
        return {(c.name, row['cluster_id']) for c, rows in answers.items()
                for row in rows if row['linked']}

    def connections(self, nodes):
        """{(name, name): TCP connections that the kernel of the first has with the second}"""
        names = {c.address: c.name for c in self.nodes}
        found = collections.Counter()
        for c in nodes:
            text = run('ip', 'netns', 'exec', c.space, 'ss', '-Htn', 'state', 'established')
            for line in text.splitlines():
                far = line.split()[3].rsplit(':', 1)[0]
                if far in names and far != c.address:
                    found[c.name, names[far]] += 1
        return found

    # --- judged

    def complaint(self, apart=()):
        """apart: pairs of hubs of whose links nothing is asked now."""
        nodes = self.running()
        answers = self.ask(nodes, 'clusters')
        return self.of_links(nodes, answers, apart) or self.of_plans(nodes, answers) or \
            self.of_sync(nodes)

    def of_links(self, nodes, answers, apart=()):
        apart = {(a.name, b.name) for pair in apart for a, b in (pair, pair[::-1])}
        links = self.links(answers) - apart
        one_sided = [p for p in links if (p[1], p[0]) not in links]
        if one_sided:
            return 'links that one end alone speaks of: %s' % one_sided
        hubs = [c for c in nodes if c in self.hubs]
        wanted = {(a.name, b.name) for a in hubs for b in hubs
                  if a is not b} - apart
        lacking = wanted - links
        if lacking:
            return 'hubs without a link: %s' % sorted(lacking)
        for c in nodes:
            if c in self.spokes:
                has = [p[1] for p in links if p[0] == c.name]
                if len(has) != 1 or has[0] not in [h.name for h in hubs]:
                    return '%s is linked with %s' % (c.name, has)
                wanted |= {(c.name, has[0]), (has[0], c.name)}
        more = links - wanted
        if more:
            return 'links that nobody wants: %s' % sorted(more)
        found = self.connections(nodes)
        odd = {p: n for p, n in found.items() if n != (1 if p in wanted else 0)}
        odd.update({p: 0 for p in wanted if found[p] == 0})
        odd = {p: n for p, n in odd.items() if p not in apart}
        return 'TCP connections: %s' % odd if odd else ''

    def of_plans(self, nodes, answers):
        """What each serves of each is what the origin itself serves."""
        own = {row['cluster_id']: row for rows in answers.values() for row in rows if row['local']}
        for c, rows in answers.items():
            at = {row['cluster_id']: row for row in rows}
            for name, mine in own.items():
                row = at.get(name)
                if row is None:
                    return '%s does not know %s' % (c.name, name)
                if row['usn_data_synchronization_status'] != 'Up to date':
                    return '%s of %s: %s' % (c.name, name, row['usn_data_synchronization_status'])
                if any(row[k] != mine[k] for k in ('epoch', 'usn', 'root', 'entries')):
                    return '%s serves another plan of %s: %s, not %s' % (
                        c.name, name, *[[r[k] for k in ('epoch', 'usn', 'entries')]
                                        for r in (row, mine)])
        return ''

    def of_sync(self, nodes):
        """`ils sync` says the same at everybody: of what is here, and of what each neighbour
        holds."""
        for c, said in self.ask(nodes, 'sync').items():
            for row in said['clusters']:
                theirs = row['theirs'] or {}
                bad = [r for r in (row, theirs) if r.get('exact') and not (
                    r['digest_equal'] and r['lag_s'] == 0 and r['status'] == 'Up to date')]
                if bad and row['cluster_id'] in [n.name for n in nodes]:
                    return 'ils sync at %s of %s: %s' % (c.name, row['cluster_id'], bad)
        return ''

    def settles(self, timeout=SETTLE, apart=()):
        began = time.monotonic()
        self.last, self.before = '', ''

        def good():
            self.last = self.complaint(apart)
            self.before = self.last or self.before
            return not self.last
        return time.monotonic() - began if wait_until(good, timeout, 0.1) else None

    # --- done to it

    def change(self, c):
        """One entry more at c; its number."""
        self.changes += 1
        number = '+8150%06d' % self.changes
        c.must('plan', 'add', 'E164', number)
        return number

    def links_stand(self, timeout=SETTLE):
        """Every pair has its link, whatever the plans do meanwhile; seconds, or None."""
        began = time.monotonic()

        def good():
            nodes = self.running()
            self.last = self.of_links(nodes, self.ask(nodes, 'clusters'))
            return not self.last
        return time.monotonic() - began if wait_until(good, timeout, 0.1) else None

    @staticmethod
    def finds(c, number):
        return c.ask('lookup', dialled=number)['result']['result'] in ('found', 'local')

    def served_by(self, hub):
        """The spokes that are linked with it now."""
        names = {row['cluster_id'] for row in hub.ask('peers')['result'] if row['linked']}
        return [c for c in self.spokes if c.name in names]

    def hub_of(self, c, but=None):
        """The hub, another than `but`, that c is linked with."""
        for row in c.ask('peers')['result']:
            for hub in self.hubs:
                if row['linked'] and row['cluster_id'] == hub.name and hub is not but:
                    return hub
        return None

    def rehomed(self, spokes, gone, since, timeout=40):
        """Seconds from `since` until the last of the spokes is linked with another hub than `gone`;
        None: one of them never is."""
        left, worst = list(spokes), 0.0
        while left and time.monotonic() - since < timeout:
            for c in list(left):
                if self.hub_of(c, gone):
                    left.remove(c)
                    worst = time.monotonic() - since
            time.sleep(0.02)
        return None if left else worst
