"""rows: what the tests of the rows of the join share. A row is two real ends, an outcome, both
traces with this run's values, an alarm, a code and a verdict id that are the same at both ends, and
a remedy that is typed as printed, at the end where it says.

C is the end that dials, S the end that is dialled. Rows run side by side, each with daemons of its
own; what they found is printed in their order. With ILS_KEEP_TRACES=DIR the trace files of every
row are copied to DIR/ROW-ROLE/C and DIR/ROW-ROLE/S.
"""
import concurrent.futures
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import traceback

import doctor
from harness import ROOT, Network, Tap, wait_until
from pki import Flawed, Pki

ZERO = '0' * 32
ROLES = ('spoke', 'hub') # of C: it joins as
WORKERS = 4
PWD, TLS, BOTH = 'password', 'tls', 'tls+password'
PWD_ALARM, TLS_ALARM = 'ILSPwdAuthenticationFailed', 'ILSTLSAuthenticationFailed'
WAY_ALARM = 'ILSUnacceptableConnectionAttempt'
JOINS_AT_C, JOINS_AT_S = (('C', 'ILS-100'),), (('S', 'ILS-100'),)

# The lines of the join, word for word. In <>: this run's values, see values() and PATTERNS.
LINES = {
    'T1': 'IlsD IlsHandler: Ils::wait_SdlConnectionInd(): New connection accepted. DeviceName=, '
          'TCPPid = [1.600.<k>.<n>], IPAddr=<pip>, Port=<pport>, Controller=[1,20,1]',
    'T2': 'IlsD Ils::ConnectInd TCPPid([1, 600, <k>, <n>]), PeerIP/Port(<pip>:<pport>), '
          'LocalIP/Port(<lip>:<lport>) (<pip>:<pport>)',
    'T3': 'IlsD ::ConnectIndInner Server Connection to PeerId(<peer>), TCPPid([1, 600, <k>, <n>]), '
          'PeerIP/Port(<pip>:<pport>), LocalIP/Port(<lip>:<lport>) TLSReq(<tf>) established',
    'T4': 'IlsD Ils::ConnectReq(): Requesting Connection to IpAddr(<host>), IpPort(<hport>), '
          'TLSReq(<tf>)',
    'T5': 'IlsD Ils::ConnectReq() Pub IP/Port(<host>:<hport>) Pri IP/Port(:<hport>) '
          'TLSReq(<true>)',
    'T6': 'IlsD Ils::processConnectReq Initiating non-TLS Connection',
    'T7': 'IlsD Ils::ConnectRes() appCorr(<num>) TCPPid([1, 600, <k>, <n>]), '
          'PeerIP/Port(<pip>:<pport>), LocalIP/Port(<lip>:<lport>) TLSReq(<tf>) found',
    'T8': 'IlsD DEBUG(<hex>): Client Connection to peerId(<zero>) ipAddr(<host>) ipPort(<hport>) '
          'TLSReq(<tf>) succeeded',
    'T9': 'IlsD ::ConnectIndInner starting to PeerId(<peer>), TCPPid([1, 600, <k>, <n>]), '
          'PeerIP/Port(<pip>:<pport>), LocalIP/Port(<lip>:<lport>) TLSReq(<tf>) established',
    'T10': 'IlsD IlsHandler: wait_SdlDataInd EncrUtil::decryptData failed. DeviceName=, '
           'TCPPid = [1.600.<k>.<n>], IPAddr=<pip>, Port=<pport>, Controller=[1,20,1]',
    'T11': 'IlsD wait_SdlDataInd sending ILSPwdAuthenticationFailed alarm with IPAddress= <pip>; '
           'mAlarmedConnections count= 1',
    'T12': 'IlsD Ils::VerifyCertificateInfo(): peer certificates are in certificate store',
    'T15': '[1, 600, <k>, <n>]: HandleSSLError - Certificate verification failed:(Verification '
           'error:<error>)- <text> for <pip>:<pport>',
    'T16': '[1, 600, <k>, <n>]: HandleSSLError - Certificate verification failed for <pip>:<pport>',
    'T17': 'IlsD Ils::wait_SdlConnectErrRsp sending ILSTLSAuthenticationFailed alarm with '
           'Cluster1 = <pip>; mAlarmedConnections count= 1',
    'T18': 'IlsD ERROR(<hex>): Connection to peerId(<any id>) ipAddr(<host>) ipPort(<hport>) '
           'TLSReq(<tf>) failed, ConnReason(1)',
    'T19': 'CertUtil Ils::isCertInLocalStore X509_STORE_get_by_subject failed.',
    'T20': 'IlsD Ils::VerifyCertificateInfo(): certificate is not in the local store and the FQDN '
           '(<fqdn>) is not in the peer info vector, closing the connection',
    'T21': 'IlsD Ils::VerifyCertificateInfo(): sending ILSTLSAuthenticationFailed alarm for '
           'Cluster1= <fqdn>; mAlarmedConnections count= 1',
    'T22': 'IlsD IlsHandler: Close Req. DeviceName=, TCPPid = [1.600.<k>.<n>], IPAddr=<pip>, '
           'Port=<pport>, Controller=[1,20,1]',
    'T24': 'IlsD Ils::VerifyCertificateInfo(): peer certificates are not in certificate store but '
           'Root CA signed certs are uploaded locally',
    'T25': 'EncrUtil Function: decryptData at line <num> succeeded',
    'T28': 'EncrUtil decryptData: inlen <num>, outlen <num> succeed',
    'T30': '[1, 600, <k>, <n>]: HandleSSLError - TLS protocol error(ssl reason code=certificate '
           'verify failed [134]),lib=SSL routines [20],fun=<words> [<num>], errno=0 for '
           '<pip>:<pport>',
    'T32': 'IlsD Ils::VerifyCertificateInfo(): FQDN is in PeerInfoVector',
}
LINES['T31'] = LINES['T30']
PATTERNS = {'<num>': r'\d+', '<hex>': '[0-9A-F]{8}', '<words>': r'[\w ()]*',
            '<any id>': '[0-9a-f]{32}', '<zero>': ZERO}
FRONT = re.compile(r'^\d{8}\.\d{3} \|\d\d:\d\d:\d\d\.\d{3} \|AppInfo \|(.*)$')


def error_events():
    """The ids of the events that are written at the level of errors."""
    with open(os.path.join(ROOT, 'src', 'core', 'event.def'), encoding='utf-8') as handle:
        return set(re.findall(r'EVENT\(\w+, "(\w+)", TRACE_ERROR', handle.read()))


def alarm_parameters():
    """The name of each alarm's own parameter."""
    with open(os.path.join(ROOT, 'src', 'core', 'alarm.def'), encoding='utf-8') as handle:
        return dict(re.findall(r'ALARM\((\w+), "\w+", "(\w+)"', handle.read()))


ERRORS = error_events()
SUBJECT = alarm_parameters()


def texts(c):
    """The trace lines so far, without what stands in front of each."""
    found = []
    for line in c.trace_lines():
        match = FRONT.match(line)
        found.append(match.group(1) if match else '(no trace line) ' + line)
    return found


def pattern(name, values):
    """The line as a regular expression; its group n is the number of the connection."""
    made, named = '', False
    for piece in re.split('(<[a-z ]+>)', LINES[name]):
        if piece == '<n>':
            made += r'\d+' if named else r'(?P<n>\d+)'
            named = True
        elif piece in PATTERNS:
            made += PATTERNS[piece]
        elif piece[:1] == '<':
            made += re.escape(str(values[piece[1:-1]]))
        else:
            made += re.escape(piece)
    return re.compile(made)


def missing_line(lines, wanted, values):
    """The first wanted line that is not there in this order, or None. The lines that name a
    connection name one and the same."""
    at, connection = 0, None
    for name in wanted:
        one = pattern(name, values)
        while at < len(lines):
            match = one.fullmatch(lines[at])
            at += 1
            n = match.groupdict().get('n') if match else None
            if match and (n is None or connection in (None, n)):
                connection = n or connection
                break
        else:
            return name
    return None


class Watch:
    """What happens at one end from now on."""

    def __init__(self, c):
        self.c, self.at, self.records_at = c, len(texts(c)), len(c.trace_records())

    def lines(self):
        return texts(self.c)[self.at:]

    def records(self):
        return self.c.trace_records()[self.records_at:]

    def errors(self, besides=()):
        return [r['text'] for r in self.records() if r['event'] in ERRORS.difference(besides)]


class Part:
    """What one row found, kept until its turn to be printed comes."""

    def __init__(self, name):
        self.name, self.kept = name, []

    def ok(self, good, name, *notes):
        self.kept.append((bool(good), self.name + ': ' + name, notes))
        return bool(good)

    def same(self, got, wanted, name, *notes):
        return self.ok(got == wanted, name, 'got    %r' % (got,), 'wanted %r' % (wanted,), *notes)

    def skip(self, name, reason):
        self.kept.append((None, self.name + ': ' + name, (reason,)))

    def say(self, tap):
        for good, name, notes in self.kept:
            if good is None:
                tap.skip(name, *notes)
            else:
                tap.ok(good, name, *notes)


def run_all(jobs):
    """jobs: (name, function of a Part and a Network, arguments). Words of the command line choose
    some of them by the beginnings of their names."""
    wanted = tuple(sys.argv[1:])
    jobs = [job for job in jobs if not wanted or job[0].startswith(wanted)]
    tap = Tap()

    def one(job):
        name, function, arguments = job
        part = Part(name)
        try:
            with Network() as net:
                net.pki = pki()
                function(part, net, *arguments)
                ended_well(part, net)
        except Exception:
            part.ok(False, 'ended by an exception', traceback.format_exc())
        return part
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for part in pool.map(one, jobs):
            part.say(tap)
    shutil.rmtree(FOLDER, ignore_errors=True)
    tap.done()


def ended_well(part, net):
    """Every daemon ends when it is told to, and has complained of nothing."""
    for c in net.clusters:
        status = c.stop() if c.process is not None else 0
        said = re.findall(r'.*(?:Sanitizer|runtime error|Assertion).*', c.said())
        part.ok(status == 0 and not said, '%s ended well' % c.name, status, *said[:5])


FOLDER = tempfile.mkdtemp(prefix='ils-pki-')
LOCK = threading.Lock()
MADE = []


def pki():
    """The authorities of this program, made when first asked for."""
    with LOCK:
        if not MADE:
            MADE.append(Pki(FOLDER))
    return MADE[0]


# --- ends

class End:
    """How one end of a row is set up.

    method    what it offers; accept: what it accepts, where that is not the same
    cert      'SS' self-signed, 'CA' signed by the root, 'CA+root' the same, sent with the root;
              or a function of (pki, fqdn) that gives a Certificate or a Flawed one
    has       what it trusts: 'imp' the other end's certificate, 'root' and 'root2' authorities
    password  None: none is held
    """

    def __init__(self, method, cert=None, has=(), password='one password', accept=None, names=()):
        self.method, self.cert, self.accept = method, cert, accept
        self.has = has.split() if isinstance(has, str) else list(has)
        self.password = password if 'password' in method else None
        self.names = names

    def make(self, net, name, **more):
        """A running cluster, set up as far as it does not take the other end."""
        c = net.cluster(name, **more)
        c.fqdn = name.lower() + '.example.com'
        c.must('init', '--cluster-id', name, '--fqdn', c.fqdn)
        c.leaf = c.flaw = c.trusted = None
        made = self.certificate(net.pki, c.fqdn)
        if isinstance(made, Flawed):
            c.flaw, made = made, made.leaf
        if made is not None:
            install(c, made)
        if self.password is not None:
            c.must('password', 'add', '--stdin', stdin=self.password + '\n')
        return c

    def certificate(self, pki_, fqdn):
        if self.cert == 'SS':
            return pki_.leaf(fqdn, names=self.names)
        if self.cert == 'CA':
            return pki_.leaf(fqdn, pki_.root, names=self.names)
        if self.cert == 'CA+root':
            return pki_.leaf(fqdn, pki_.root).send([pki_.root])
        return self.cert(pki_, fqdn) if self.cert is not None else None

    def trust(self, c, other):
        """other: whose certificate 'imp' speaks of. A flawed one brings what its verifier has."""
        pki_ = c.net.pki
        for what in self.has:
            c.must('trust', 'import', {'imp': other.leaf, 'root': pki_.root,
                                       'root2': pki_.second}[what].pem)
        for path in other.flaw.has if other.flaw else []:
            c.must('trust', 'import', path)
        c.trusted = c.json('trust', 'list')['store']

    def authenticate(self, c, accept=None):
        offer(c, self.method, accept or self.accept)


def install(c, leaf):
    c.leaf = leaf
    c.must('cert', 'install', leaf.file, '--key', leaf.key, '--force', '--now')


def offer(c, method, accept=None):
    words = ['auth', 'set', '--tls', 'on' if 'tls' in method else 'off',
             '--password', 'on' if 'password' in method else 'off']
    c.must(*words, *(['--accept'] + accept.split() if accept else []))


def where(s, method, host=None):
    return '%s:%d' % (host or s.address, s.port if method == 'password' else s.tls_port)


def join(c, s, method, role='spoke', host=None):
    return c.json('join', where(s, method, host), '--as', role)


def peer_id(c):
    return c.json('status')['peer_id']


def values(c, s, v, at, flaw=None):
    """This run's values in the lines of the end `at` ('C' or 'S'), for the attempt with verdict v
    of C. flaw: (error, text)."""
    me, other = (c, s) if at == 'C' else (s, c)
    near, far = v['local'].rsplit(':', 1), v['address'].rsplit(':', 1)
    if at == 'S':
        near, far = far, near
    tls = v['method'] != 'password'
    return {'k': 17 if tls else 13, 'tf': 't' if tls else 'f', 'true': str(tls).lower(),
            'lip': near[0], 'lport': near[1], 'pip': far[0], 'pport': far[1],
            'host': v['host'], 'hport': v['port'], 'peer': peer_id(other),
            'fqdn': other.fqdn, 'error': flaw[0] if flaw else '', 'text': flaw[1] if flaw else ''}


# --- what is looked at

def both_traces(*watches):
    return ['\n'.join(['trace of ' + w.c.name] + w.lines()) for w in watches]


def has_trace(part, watch, wanted, found, others=()):
    good = wait_until(lambda: missing_line(watch.lines(), wanted, found) is None, 5)
    part.ok(good, 'trace of %s: %s' % (watch.c.name, ' '.join(wanted)),
            'missing: %s' % missing_line(watch.lines(), wanted, found),
            *both_traces(watch, *others))


def joined_nobody(part, wc, ws):
    """None of the lines that say that a link is up, with whatever values."""
    for w, names in ((wc, ('T8', 'T9')), (ws, ('T3',))):
        bad = [r['text'] for r in w.records() if r['event'] in names]
        part.ok(not bad, 'no %s at %s' % (' '.join(names), w.c.name), *bad)


def in_trace(watch, name):
    """A line of that id, whatever its values."""
    return wait_until(lambda: [r for r in watch.records() if r['event'] == name], 5)


def same_verdict(part, s, v, name='the other end'):
    """The other end has a verdict with this id, code and remedy; 308 is shown as 307, and not the
    other way round."""
    row = wait_until(lambda: [w for w in s.json('verdicts')
                              if w['verdict_id'] == v.get('verdict_id')], 5)
    codes = {row[0]['code'], v['code']} if row else set()
    joined = v['code'] == 'ILS-100'
    part.ok(row and (len(codes) == 1 or codes == {'ILS-307', 'ILS-308'}) and
            row[0]['remedy'] == v['remedy'] and
            (joined or (row[0]['remedy_at'] != v['remedy_at'] and
                        ('found at this end' in row[0]['evidence']) !=
                        ('found at this end' in v['evidence']))),
            name + ': the same verdict id, code and remedy', v, row)
    return row[0] if row else None


def has_alarm(part, c, name, subject, once=True):
    """once: raised by one attempt. Who was met is dialled again as soon as something changes.
    subject: a text, or a tuple of those that it may be."""
    subject = subject if isinstance(subject, tuple) else (subject,)
    row = wait_until(lambda: [a for a in c.json('alarms') if a['name'] == name], 5)
    part.ok(row and row[0].get(SUBJECT[name]) in subject and row[0]['active'] and
            (row[0]['count'] == 1 or not once),
            'alarm %s of %s at %s' % (name, ' or '.join(subject), c.name), c.json('alarms'))


def no_alarm(part, c):
    """None but that of an end date, which has its own reasons."""
    part.same([a for a in c.json('alarms')
               if a['active'] and a['name'] != 'ILSCertificateExpiring'],
              [], 'no alarm at ' + c.name)


def knows_nobody(part, *ends):
    for c in ends:
        rows = c.json('sql', 'select * from remotecluster')['rows']
        part.ok(c.json('peers') == [] and rows == [] and
                [r for r in c.json('clusters') if not r['local']] == [],
                '%s has learnt nothing' % c.name, c.json('clusters'), rows)
        if c.trusted is not None:
            part.same(c.json('trust', 'list')['store'], c.trusted,
                      'and %s believes no more' % c.name)


def reads_well(part, *watches):
    """A success: no line of an error, none that reads like one, but T19."""
    for w in watches:
        bad = [r['text'] for r in w.records() if r['event'] != 'T19' and (
            r['event'] in ERRORS or re.search('fail|error|refus|differ', r['text'], re.I))]
        part.ok(not bad, 'no line at %s reads like a failure' % w.c.name, *bad)


def linked(c, s):
    return c.up_to_date(s.name) and s.up_to_date(c.name)


def keep(part, c, s):
    """Copies the trace files; {'C': [path ...], 'S': [path ...]}."""
    base = os.environ.get('ILS_KEEP_TRACES') or os.path.join(c.net.folder, 'kept')
    kept = {}
    for letter, end in (('C', c), ('S', s)):
        folder = os.path.join(base, part.name.replace(' ', '-'), letter)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(os.path.join(end.data, 'trace', 'ils', 'sdl'), folder)
        kept[letter] = [os.path.join(folder, f) for f in sorted(os.listdir(folder))]
    return kept


def see_doctor(part, kept, row):
    """The doctor's judgement on the traces of one end, of the other, of both. A row that the doctor
    does not know is a failure; none is left out."""
    if not part.ok(row in doctor.ROWS, 'the doctor knows the row ' + row):
        return
    for ends in ('C', 'S', 'CS') if len(kept) == 2 else kept:
        files = [path for letter in ends for path in kept[letter]]
        complaint = doctor.judge_doctor(files, row, ends)
        part.ok(not complaint, 'the doctor on %s' % ' and '.join(ends), complaint)


def type_remedy(part, end, v, stdin=''):
    status, out = end.shell(v['remedy'], stdin=stdin)
    part.ok(v['remedy'] and status == 0, 'the remedy `%s` at %s' % (v['remedy'], end.name), out)


def cure(part, c, s, v, steps, again, stdin=''):
    """Types the remedies where they say, each followed by `again`, until it joins. steps: the end
    of each remedy and the code that follows it."""
    for end, code in steps:
        part.same(v['remedy_at'], 'here' if end == 'C' else 'there', '%s names the end %s'
                  % (v['code'], end), v)
        type_remedy(part, {'C': c, 'S': s}[end], v, stdin)
        seen = []

        def once():
            seen.append(again())
            return seen[-1]['code'] not in ('ILS-410', 'ILS-415')
        wait_until(once, 30, 0.5)
        v = seen[-1]
        part.same(v['code'], code, 'after the remedy at %s' % end, v,
                  *texts(c)[-8:], '', *texts(s)[-8:])
        if v['code'] != code:
            return
    part.ok(wait_until(lambda: linked(c, s), 10), 'then each has the other, up to date',
            c.json('clusters'), s.json('clusters'))


# --- a row of a table

class Row:
    """c, s: the two ends. code: the verdict, and `by` the end that found it (None: joined). c_says,
    s_says: lines in order. alarm: name and subject ('ip' or 'fqdn' of the other end), raised at
    `by`. flaw: OpenSSL's error and words. steps: the ends at which remedies are typed and what
    follows each."""

    def __init__(self, c, s, code, by, c_says, s_says, alarm=None, flaw=None, steps=(), stdin='',
                 met=False):
        self.c, self.s, self.code, self.by = c, s, code, by
        self.says = {'C': c_says.split(), 'S': s_says.split()}
        self.alarm, self.flaw, self.steps, self.stdin = alarm, flaw, steps, stdin
        self.met = met # they have joined by password before, and know each other


class Caller:
    """Asks one lookup again and again; counts what was not found."""

    def __init__(self, c, dialled):
        self.c, self.dialled, self.lost, self.asked, self.over = c, dialled, [], 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over:
            answer = self.c.ask('lookup', dialled=self.dialled)
            self.asked += 1
            if answer.get('result', {}).get('result') != 'found':
                self.lost.append(answer)
            time.sleep(0.002)

    def end(self):
        self.over = True
        self.thread.join(10)
        return self.lost


def met_before(part, c, s, row, role):
    """The two have joined by password; S offers what the row says already, and still accepts the
    password."""
    for e in (c, s):
        offer(e, PWD)
        e.must('password', 'add', '--stdin', stdin='one password\n')
    s.must('plan', 'add', 'E164', '+81312345678')
    s.must('route', 'add', '*', 'sip:127.0.0.1:5060;transport=tcp')
    c.must('route', 'add', '*', 'sip:127.0.0.1:5060;transport=tcp')
    v = join(c, s, PWD, role)
    part.same(v['code'], 'ILS-100', 'they joined by password before', v)
    part.ok(wait_until(lambda: linked(c, s) and
                       c.ils('lookup', '+81312345678')[0] == 0, 10), 'and know each other')
    row.s.authenticate(s, accept=row.s.method + ' password')


def switch(c, row):
    """C switches; the attempt that follows by itself."""
    before = {v['verdict_id'] for v in c.json('verdicts')}
    row.c.authenticate(c, accept=row.c.method + ' password')
    new = wait_until(lambda: [v for v in c.json('verdicts') if v['verdict_id'] not in before
                              and v['method'] != PWD], 10)
    return new[-1] if new else {'code': None}


def pair(part, net, c_end, s_end, role='spoke'):
    """Two ends that have joined, and know a number of each other."""
    c, s = c_end.make(net, 'C'), s_end.make(net, 'S')
    c_end.trust(c, s)
    s_end.trust(s, c)
    s.must('role', 'hub')
    for e, end, number in ((c, c_end, '+81311110000'), (s, s_end, '+81322220000')):
        end.authenticate(e)
        e.must('plan', 'add', 'E164', number)
        e.must('route', 'add', '*', 'sip:127.0.0.1:5060;transport=tcp')
    v = join(c, s, c_end.method, role)
    part.same(v['code'], 'ILS-100', 'they joined before', v, *texts(c), '', *texts(s))
    part.ok(wait_until(lambda: c.ils('lookup', '+81322220000')[0] == 0 and
                       s.ils('lookup', '+81311110000')[0] == 0 and linked(c, s), 10),
            'and know each other')
    return c, s


def run(part, net, row, role='spoke', host=None):
    """The whole of one row."""
    c, s = row.c.make(net, 'C'), row.s.make(net, 'S')
    row.c.trust(c, s)
    row.s.trust(s, c)
    s.must('role', 'hub')
    caller = None
    if row.met:
        met_before(part, c, s, row, role)
        caller = Caller(c, '+81312345678')
    else:
        row.c.authenticate(c)
        row.s.authenticate(s)
    wc, ws = Watch(c), Watch(s)
    v = switch(c, row) if row.met else join(c, s, row.c.method, role, host)
    judge(part, row, wc, ws, v, lambda: join(c, s, c_method(c), role, host))
    part.ok(wait_until(lambda: (s.cluster('C') or {}).get('role') == role.capitalize(), 5),
            'C is a %s' % role, s.json('clusters'))
    if caller is not None:
        wait_until(lambda: caller.asked > 10, 5)
        lost = caller.end()
        part.ok(not lost and caller.asked > 10, 'no lookup was lost of %d' % caller.asked,
                *lost[:3])


def judge(part, row, wc, ws, v, again):
    """Everything that the row says of an attempt, and its remedies. again: another attempt."""
    c, s = wc.c, ws.c
    if not part.same(v['code'], row.code, 'the verdict', v, *both_traces(wc, ws)):
        return
    same_verdict(part, s, v)
    for end, w, other in (('C', wc, ws), ('S', ws, wc)):
        has_trace(part, w, row.says[end], values(c, s, v, end, row.flaw), [other])
    if row.code != 'ILS-100':
        joined_nobody(part, wc, ws)
    look_at(part, row, wc, ws)
    see_doctor(part, keep(part, c, s), part.name.split()[0])
    if row.code != 'ILS-100':
        cure(part, c, s, v, row.steps, again, row.stdin)


def c_method(c):
    auth = c.json('auth', 'show')
    return '+'.join(m for m in ('tls', 'password') if auth[m])


def look_at(part, row, wc, ws):
    """What the row leaves beside its lines."""
    c, s = wc.c, ws.c
    if row.code == 'ILS-100':
        part.ok(wait_until(lambda: linked(c, s), 10), 'each has the other, up to date',
                c.json('clusters'), s.json('clusters'))
        reads_well(part, wc, ws)
        no_alarm(part, c)
        no_alarm(part, s)
        return
    here, other = (c, s) if row.by == 'C' else (s, c)
    name, subject = row.alarm
    has_alarm(part, here, name, '127.0.0.1' if subject == 'ip' else other.fqdn, not row.met)
    no_alarm(part, other)
    if not row.met:
        knows_nobody(part, c, s)
    bad = ws.errors() if row.by == 'C' else wc.errors(besides=['T18'])
    part.ok(not bad, 'no line of an error at the other end', *bad)
