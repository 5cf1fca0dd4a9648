"""longest: SIP redirects by the longest of 100 000 patterns of numbers, ilsd beside Kamailio's
mtree with the same prefixes, the same program dialling both in turns: the server has one core and
who dials has the other. Of numbers that are dialled both must have found the same pattern."""
import os
import random
import subprocess

import change
import ours
import peers
from harness import Network, free_port, wait_until

PATTERNS = 100000
NUMBERS = 20000
SAMPLE = 500
WINDOWS = (1, 64)
SECONDS = 4
MODULES = '/usr/lib/x86_64-linux-gnu/kamailio/modules'

CONF = """#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=1
auto_aliases=no
listen=udp:127.0.0.1:%(port)d
disable_tcp=yes
mpath="%(modules)s/"
loadmodule "pv.so"
loadmodule "kex.so"
loadmodule "sl.so"
loadmodule "textops.so"
loadmodule "db_text.so"
loadmodule "mtree.so"
modparam("mtree", "db_url", "text://%(folder)s/db")
modparam("mtree", "mtree", "name=plan;dbtable=mtree;type=0;")
modparam("mtree", "char_list", "0123456789+")
modparam("mtree", "pv_value", "$var(to)")
request_route {
  if (!mt_match("plan", "$rU", "0")) { sl_send_reply("404", "Not Found"); exit; }
  append_to_reply("Contact: <sip:$rU@$var(to)>\\r\\n");
  sl_send_reply("302", "Moved Temporarily"); exit;
}
"""


def prefixes():
    """Of 3 to 9 digits; every third lies within one that is shorter, as a range does in an area."""
    draw, found, short = random.Random(6), set(), []
    while len(found) < PATTERNS:
        digits = draw.choices(range(3, 10), (1, 3, 10, 15, 50, 16, 5))[0]
        text = '+%d' % draw.randrange(10 ** (digits - 1), 10 ** digits)
        if digits > 5 and short and draw.random() < 0.3:
            text = draw.choice(short) + text[4:]
        if digits <= 5 and text not in found:
            short.append(text)
        found.add(text)
    return sorted(found)


def files(all_prefixes):
    """The patterns, and numbers that match them."""
    draw = random.Random(7)
    patterns = os.path.join(ours.OUT, 'longest.csv')
    with open(patterns, 'w', encoding='ascii') as out:
        out.write('type,key,failover\n')
        out.writelines('E164PATTERN,%s!,-\n' % p for p in all_prefixes)
    numbers = [(p + '%010d' % draw.randrange(10 ** 10))[:13]
               for p in draw.choices(all_prefixes, k=NUMBERS)]
    for name, some in (('numbers', numbers), ('sample', numbers[:SAMPLE])):
        with open(os.path.join(ours.OUT, 'longest.' + name), 'w', encoding='ascii') as out:
            out.writelines(n + '\n' for n in some)
    return patterns, numbers


def dial(port, name, *words):
    return subprocess.run(['taskset', '-c', '1', ours.tool('dial'), str(port),
                           os.path.join(ours.OUT, 'longest.' + name), *map(str, words)],
                          text=True, check=True, stdout=subprocess.PIPE).stdout


class Kamailio(peers.Server):
    def __init__(self, folder, all_prefixes):
        super().__init__(folder, 'mtree')
        self.port = free_port()
        os.mkdir(os.path.join(self.folder, 'db'))
        with self.file('db/version') as out:
            out.write('id(int,auto) table_name(string) table_version(int)\n'
                      '0:version:1\n1:mtree:1\n')
        with self.file('db/mtree') as out:
            out.write('id(int,auto) tprefix(string) tvalue(string)\n')
            out.writelines('%d:%s:p%s.example\n' % (i, p, p[1:])
                           for i, p in enumerate(all_prefixes))
        with self.file('conf') as out:
            out.write(CONF % {'port': self.port, 'folder': self.folder, 'modules': MODULES})
        self.run('taskset', '-c', '0', 'kamailio', '-DD', '-E', '-f', self.folder + '/conf', '-m',
                 '1024', '-M', '64', '-Y', self.folder, '-P', self.folder + '/pid')

    def file(self, name):
        return open(os.path.join(self.folder, name), 'w', encoding='ascii')


def pattern_of(spoke, number):
    """The prefix that decided."""
    found = spoke.json('why', number)
    return found['match']['value'].rstrip('!')


def same(spoke, kamailio):
    """Both redirect all of the sample, and by the same pattern."""
    theirs = {}
    for line in dial(kamailio.port, 'sample', 'each').splitlines():
        number, status, contact = line.split(' ', 2)
        theirs[number] = status == '302' and '+' + contact.split('@p', 1)[1].split('.', 1)[0]
    mine = {number: status == '302' and pattern_of(spoke, number)
            for number, status, _ in (line.split(' ', 2) for line in
                                      dial(spoke.sip_port, 'sample', 'each').splitlines())}
    for number in [n for n in mine if mine[n] != theirs.get(n)][:3]:
        print('%s: %s, and mtree %s' % (number, mine[number], theirs.get(number)))
    return mine == theirs


def turn(side, pid, port, figures):
    for window in WINDOWS:
        prefix, family = '%s.longest.window%d.' % (side, window), list(change.family(pid))
        before = sum(ours.cpu(p) for p in family)
        figures.take(prefix, dial(port, 'numbers', 'window', window, SECONDS), 0)
        replies = figures.values[prefix + 'replies_per_s'][-1] * SECONDS
        used = sum(ours.cpu(p) for p in family) - before
        figures.add(prefix + 'per_cpu_s', replies / used, 0)


def run(_, runs, figures):
    folder, kamailio = os.path.join(ours.OUT, 'peers'), None
    os.makedirs(folder, exist_ok=True)
    all_prefixes = prefixes()
    patterns, numbers = files(all_prefixes)
    try:
        with Network() as net:
            hub = ours.make_hub(net)
            hub.must('plan', 'import', patterns, '--source', 'bench')
            spoke = ours.prepare(net, 'spoke')
            ours.trust(hub, spoke)
            spoke.join(hub, port=hub.tls_port)
            wait_until(lambda: spoke.ils('lookup', numbers[0])[0] == 0, 60)
            ours.at_rest((hub, spoke))
            ours.pin(spoke.process.pid, {0})
            if peers.have('kamailio'):
                kamailio = Kamailio(folder, all_prefixes)
                figures.add('longest.same_pattern', float(same(spoke, kamailio)), 0)
            for i in range(runs):
                print('--- turn %d of %d' % (i + 1, runs), flush=True)
                turn('ils', spoke.process.pid, spoke.sip_port, figures)
                if kamailio:
                    turn('mtree', kamailio.pid, kamailio.port, figures)
    finally:
        if kamailio:
            kamailio.stop()


def report(said):
    median = said.figures.__class__.median
    for window in WINDOWS:
        said.ratio('INVITE -> 302 by the longest of %d patterns, a second, %d open, Kamailio mtree'
                   % (PATTERNS, window), 'ils.longest.window%d.replies_per_s' % window,
                   'mtree.longest.window%d.replies_per_s' % window, None, True, median)
        said.ratio('the same, %d open, a second of processor' % window,
                   'ils.longest.window%d.per_cpu_s' % window,
                   'mtree.longest.window%d.per_cpu_s' % window, 1, True, median)
    found = said.figures.values.get('longest.same_pattern')
    if found:
        said.say('the same pattern as mtree finds, %d numbers' % SAMPLE, found[0] == 1, 'every one')
