"""traces: the traces of every row of the join at both ends, made from src/core/event.def, as ilsd
or the original write them; and what happens to a trace on its way to somebody who reads it.

    lines = Attempt('B2', seed).lines('C')        # [Line]
    data = render(lines)                          # the bytes of a file
"""
import os
import random
import re

from harness import ROOT

EVENTS = {}
with open(os.path.join(ROOT, 'src', 'core', 'event.def'), encoding='utf-8') as handle:
    for found in re.finditer(r'EVENT\(\w+, "(\w+)", \w+,\s*((?:"(?:\\.|[^"\\])*"\s*)+)\)',
                             handle.read()):
        EVENTS[found[1]] = ''.join(re.findall(r'"((?:\\.|[^"\\])*)"', found[2]))
EVENTS['T31'] = EVENTS['T30']

ERRORS = {2: 'unable to get issuer certificate', 9: 'certificate is not yet valid',
          10: 'certificate has expired', 18: 'self signed certificate',
          19: 'self signed certificate in certificate chain',
          20: 'unable to get local issuer certificate',
          21: 'unable to verify the first certificate',
          23: 'certificate revoked', 24: 'invalid CA certificate',
          25: 'path length constraint exceeded', 26: 'unsuitable certificate purpose',
          32: 'key usage does not include certificate signing', 62: 'hostname mismatch',
          66: 'EE certificate key too weak', 67: 'CA certificate key too weak',
          68: 'CA signature digest algorithm too weak'}
FLAW_CODES = {2: 302, 9: 310, 10: 303, 19: 302, 20: 302, 21: 302, 23: 304, 24: 312, 25: 313,
              26: 306, 32: 312, 62: 305, 66: 311, 67: 311, 68: 311}

DIAL, DIAL_TLS = 'T4 T5 T6|T7|', 'T4 T5|T7|'
REFUSED_AT_C = DIAL_TLS + 'T15 T16 T31 T17 T18 V1'
REFUSED_AT_S = 'T15 T16 T30 T21 T1 T2 T22 V1'
TOLD_AT_S = 'T1 T2 T22 V1'
REFUSED_INVITE = DIAL_TLS + 'T18 V1', 'T1 T2 T22 V1'
OPENED_AT_C = 'T19 T24|T25|T25 T28 T8 T9 V1'
OPENED_AT_S = 'T19 T24 T1 T2|T25|T25 T28|T3 V1'
UNKNOWN_AT_C, UNKNOWN_AT_S = 'T19 T20 T21 T18 V1', 'T19 T20 T21 T1 T2 T22 V1'

# row: TLS, lines of C, lines of S, code at C, code at S. `|` parts the steps of the trace.
ROWS = {
    'A1': (0, DIAL + 'T8 T9 V1', 'T1 T2|T3 V1', 100, 100),
    'A2': (0, DIAL + 'T18 V1', 'T1 T2|T10 T11 V1', 201, 201),
    'B1': (1, DIAL_TLS + 'T12|T8 T9 V1', 'T12 T1 T2|T3 V1', 100, 100),
    'B2': (1, REFUSED_AT_C, TOLD_AT_S, 301, 301),
    'B3': (1, DIAL_TLS + 'T12|T18 V1', UNKNOWN_AT_S, 307, 307),
    'B4': (1, DIAL_TLS + UNKNOWN_AT_C, TOLD_AT_S, 307, 307),
    'B5': (1, DIAL_TLS + 'T12|T18 V1', REFUSED_AT_S, 301, 301),
    'B7': (1, DIAL_TLS + 'V1', 'T1 T2|C4|V1', 100, 100),
    'B7 206': (1, *REFUSED_INVITE, 206, 206), 'B7 207': (1, *REFUSED_INVITE, 207, 207),
    'B7 208': (1, *REFUSED_INVITE, 208, 208), 'B7 209': (1, *REFUSED_INVITE, 209, 209),
    'live': (1, '', 'T12 T1 T2|T22 V1', 415, 415),
    'live password': (0, '', 'T1 T2|T22 V1', 415, 415),
    'C1': (1, DIAL_TLS + OPENED_AT_C, OPENED_AT_S, 100, 100),
    'C2': (1, DIAL_TLS + 'T19 T24|T18 V1', REFUSED_AT_S, 301, 301),
    'C3': (1, REFUSED_AT_C, TOLD_AT_S, 301, 301),
    'C4': (1, REFUSED_AT_C, TOLD_AT_S, 301, 301),
    'C5': (1, DIAL_TLS + 'T19 T24|T18 V1', 'T19 T24 T1 T2|T10 T11 V1', 201, 201),
    'C6': (1, DIAL_TLS + 'T12|T25|T25 T28 T8 T9 V1', 'T12 T1 T2|T25|T25 T28|T3 V1', 100, 100),
    'C7': (1, REFUSED_AT_C, TOLD_AT_S, 302, 302),
    'D1': (1, DIAL_TLS + 'T19 T32 T8 T9 V1', 'T19 T32 T1 T2|T3 V1', 100, 100),
    'D2': (1, REFUSED_AT_C, TOLD_AT_S, 301, 301),
    'D3': (1, DIAL_TLS + 'T18 V1', REFUSED_AT_S, 301, 301),
    'D4': (1, DIAL_TLS + UNKNOWN_AT_C, TOLD_AT_S, 307, 307),
    'D5': (1, DIAL_TLS + 'T12|T18 V1', UNKNOWN_AT_S, 307, 308),
    'E1': (0, DIAL + 'T18 V1', 'T1 T2|T22 V1', 203, 203),
    'E2': (1, DIAL_TLS + 'T18 V1', 'T10 T11 V1', 202, 202),
    'E3': (1, DIAL_TLS + 'T12|T18 V1', 'T12 T1 T2|T22 V1', 202, 202),
    'E4': (0, DIAL + 'T8 T9 V1', 'T1 T2|T3 V1', 100, 100),
    'F1': (1, REFUSED_AT_C, TOLD_AT_S, 303, 303),
    'F1 S': (1, DIAL_TLS + 'T19 T24|T18 V1', REFUSED_AT_S, 303, 303),
    'F2': (1, REFUSED_AT_C, TOLD_AT_S, 305, 305),
    'G1': (0, 'T4 T5 T6|T18 V1', '', 401, 401),
    'G6': (0, DIAL + 'T18 V1', 'T1 T2|T22 V1', 408, 408),
    'H2': (1, DIAL_TLS + 'T12|T8 T9 V1', 'T12 T1 T2|T3 V1', 100, 100),
    'H3': (1, REFUSED_AT_C, TOLD_AT_S, 301, 301),
    'H4': (1, DIAL_TLS + OPENED_AT_C + '|later|T15 T16 T31 T17 L1', OPENED_AT_S + '|later|L1', 303,
           303),
    'H6': (1, DIAL_TLS + OPENED_AT_C, OPENED_AT_S, 100, 100),
}
# The original writes fewer lines, and no verdict.
ORIGINAL = {
    'A1': (DIAL + 'T8|T9', 'T1 T2|T3'), 'A2': (DIAL + 'T8|T18', 'T1 T2|T10 T11'),
    'B1': (DIAL_TLS + 'T12 T8|T9', 'T12|T3'), 'B2': (DIAL_TLS + 'T15|T16|T17 T18', ''),
    'B3': (DIAL_TLS + 'T12 T8|T18', 'T19 T20 T21 T22'),
    'C1': (DIAL_TLS + 'T19 T24 T8|T9', 'T19 T24|T25 T25 T25 T28 T3'),
    'C2': (DIAL_TLS + 'T19 T24|T18', 'T15|T16|T30'), 'C3': (DIAL_TLS + 'T15|T16|T31', ''),
    'C4': (DIAL_TLS + 'T15|T16|T31', ''), 'C5': (DIAL_TLS + 'T19 T24 T8|T18', 'T19 T24|T10 T11'),
    'D1': (DIAL_TLS + 'T19 T32 T8|T9', 'T19 T32 T1 T2|T3'), 'D2': (DIAL_TLS + 'T15|T16', ''),
    'D3': ('', 'T15|T16'),
}


class Line:
    def __init__(self, attempt, end, name, text, step, sub, ms):
        self.attempt, self.end, self.name, self.text = attempt, end, name, text
        self.step, self.sub, self.ms = step, sub, ms

    def key(self):
        return '%08d.%03d |%s' % (self.step, self.sub, clock(self.ms))

    def full(self):
        return '%s |AppInfo |%s' % (self.key(), self.text)


def clock(ms):
    s = ms // 1000 % 86400
    return '%02d:%02d:%02d.%03d' % (s // 3600, s // 60 % 60, s % 60, ms % 1000)


def row_of(name):
    return name if name.startswith('B7') else name.split()[0]


class Attempt:
    """One join of a row, with addresses, numbers and times of its own."""

    def __init__(self, name, seed, original=False, at=None):
        r = random.Random('%s %s' % (name, seed))
        self.name, self.row, self.original = name, row_of(name), original
        self.tls, self.plan = bool(ROWS[name][0]), {'C': ROWS[name][1], 'S': ROWS[name][2]}
        self.code = {'C': ROWS[name][3], 'S': ROWS[name][4]}
        if original and name in ORIGINAL:
            self.plan = dict(zip('CS', ORIGINAL[name]))
        self.error = {301: 18, 302: r.choice([2, 19, 20, 21]), 303: 10,
                      305: 62}.get(self.code['C'], 0)
        if self.row == 'F1':
            self.error = r.choice(sorted(set(FLAW_CODES) - {62}))
            self.code = dict.fromkeys('CS', FLAW_CODES[self.error])
        self.n = {'C': r.randint(1, 3000), 'S': r.randint(1, 3000)}
        self.ip = {'C': '10.%d.%d.%d' % (r.randint(1, 99), r.randint(0, 255), r.randint(1, 250)),
                   'S': '172.16.%d.%d' % (r.randint(0, 255), r.randint(1, 250))}
        self.port = {'C': r.randint(32768, 60999), 'S': 7501 if self.tls else 7502}
        self.peer = {end: '%032x' % r.getrandbits(128) for end in 'CS'}
        self.fqdn = {'C': 'spoke%d.example.com' % r.randint(1, 999),
                     'S': 'hub%d.example.net' % r.randint(1, 999)}
        self.verdict = '%016x' % r.getrandbits(64)
        self.host = self.fqdn['S'] if r.random() < 0.3 else self.ip['S']
        self.at = at if at is not None else r.randint(3600, 80000) * 1000
        self.step = {'C': r.randint(1, 99000000), 'S': r.randint(1, 99000000)}
        self.skew = {'C': 0, 'S': r.randint(-40, 40)}
        self.random = r

    def values(self, end, name):
        other = 'S' if end == 'C' else 'C'
        joined = self.code[end] == 100 or self.row == 'H4'
        zero = name in ('T8', 'T18') or not joined
        host = self.host if name in ('T4', 'T5', 'T8', 'T18') else self.ip[other]
        code = 100 if self.row == 'H4' and name == 'V1' else self.code[end]
        return {'n': self.n[end], 'k': 17 if self.tls else 13, 'ip': self.ip[other],
                'port': self.port[other], 'lip': self.ip[end], 'lport': self.port[end],
                'host': host, 'hport': self.port[other],
                'peer': '0' * 32 if zero else self.peer[other],
                'tf': 't' if self.tls else 'f', 'true': 'true' if self.tls else 'false',
                'code': 'ILS-%d' % code, 'verdict': self.verdict,
                'x0': '%08X' % self.random.randint(1, 0xffff), 'n1': 131, 'n2': 236,
                't0': self.fqdn[other], 't1': 'SSL routines', 't2': 'conclude', 'n0': 1,
                **({'n0': self.error, 't0': ERRORS.get(self.error, '')} if name == 'T15' else {}),
                **({'t0': '%016x' % self.random.getrandbits(64), 't1': 'used'}
                   if name == 'C4' else {}),
                **({'x0': '%08X' % self.code[end]} if name == 'T18' and self.ours() else {}),
                **({'n0': 134, 't0': 'certificate verify failed', 'n1': 20}
                   if name in ('T30', 'T31') else {})}

    def ours(self):
        """Whether it writes the code of a failure into T18."""
        return self.name.startswith('B7')

    def lines(self, end):
        made, step, ms = [], self.step[end], self.at + self.skew[end] + 2 * (end == 'S')
        for words in self.plan[end].split('|'):
            if words == 'later':
                ms += self.random.randint(1, 5) * 600000
                step += self.random.randint(5, 500)
                continue
            for sub, name in enumerate(words.split()):
                text = re.sub(r'{(\w+)}', lambda m: str(self.values(end, name)[m[1]]), EVENTS[name])
                made.append(Line(self, end, name, text, step, sub + 1, ms))
            step += 1
            ms += self.random.randint(0, 6)
        return made


# --- what happens to traces

def drop(r, lines, share):
    return [line for line in lines if r.random() >= share]


def interleave(r, traces):
    """The lines of several attempts mixed, each attempt's in its order; numbers and times stay."""
    rest, mixed = [list(t) for t in traces if t], []
    while rest:
        one = r.choice(rest)
        mixed.append(one.pop(0))
        rest = [t for t in rest if t]
    return mixed


def one_daemon(traces):
    """The steps of several attempts as one daemon writes them: in order of time, numbered anew."""
    steps = {}
    for trace in traces:
        for line in trace:
            steps.setdefault((line.ms, id(line.attempt), line.step), []).append(line)
    mixed = []
    for number, key in enumerate(sorted(steps)):
        for line in steps[key]:
            line.step = 7000 + number
            mixed.append(line)
    return mixed


def plain(r, texts):
    return '\n'.join(texts) + '\n'


def wrapped(r, texts):
    """Cut hard at a column, with an indentation or a quote mark before each piece."""
    width, mark = r.randint(72, 100), r.choice(['', '> ', '>> ', '    ', '\t'])
    rows = []
    for text in texts:
        rows += [mark + text[i:i + width] for i in range(0, len(text), width)]
        if r.random() < 0.2:
            rows.append(mark.rstrip())
    return '\n'.join(rows) + '\n'


def html(r, texts):
    rows = [t.replace('&', '&amp;').replace('[', '&#91;').replace('|', r.choice(['|', '&#124;']))
            for t in texts]
    return '<html><body><pre>' + r.choice(['<br>\n', '<br/>', '</p>\n<p>']).join(rows) + \
        '</pre></body></html>\n'


def typographic(r, texts):
    return '\ufeff' + '\r\n'.join('\u201c' + t.replace(' ', r.choice(['\u00a0', '  ', ' ']))
                                  .replace('non-TLS', 'non\u2010TLS') + '\u201d' for t in texts)


def fenced(r, texts):
    return '# \u30cf\u30d6\u306e\u30ed\u30b0\n\n' + \
        ''.join('```\n%s\n```\n\n' % t for t in texts) + \
        '\u3053\u306e\u6ce8\u306f\u8a18\u9332\u3067\u306f\u306a\u3044\n'


def old_forms(r, texts):
    """As the original's own documents print them."""
    for a, b in (('HandleSSLError', 'HandleSSLSError'), ('starting to', 'starting  to'),
                 ('|AppInfo |', '|AppInfo  |'), ('0' * 32, '0' * 30),
                 ('decryptData failed.', 'decryptData failed .'), ('locally', 'locally.'),
                 ('succeeded', 'succedded')):
        texts = [t.replace(a, b) for t in texts]
    return plain(r, [t[:-1] if 'Close Req' in t else t for t in texts])


def collapsed(r, texts):
    """All line ends lost."""
    return ' '.join(texts) + '\n'


def with_noise(r, texts):
    rows = []
    for t in texts:
        if r.random() < 0.4:
            rows.append(t[:32] + '|SdlSig |SdlConnectRsp\n|wait |Ils(1,600,20,1)\n'
                        '|SdlTimer(1,600,9,2) |1,600,16,1.1^*** |*TraceFlagOverrode'
                        if r.random() < 0.5 else
                        t[:12] + ' |' + t[14:26] + '|AppInfo |IlsD catalog x: usn 12, 4 entries '
                        'applied')
        rows.append(t)
    return '\n'.join(rows) + '\n'


STYLES = [plain, wrapped, html, typographic, fenced, old_forms, collapsed, with_noise]


def cut_lines(r, texts, share):
    """Lines that break off anywhere behind their prefix; the lengths that are left."""
    return [t[:r.randint(33, len(t))] if r.random() < share else t for t in texts]


def rotate(r, text):
    """Two files of a rotation, cut at a line or within one. The second has the opening line of a
    file."""
    at = r.randint(1, len(text) - 1)
    if r.random() < 0.7:
        at = text.find('\n', at) + 1 or len(text)
    return text[:at], '2026-11-22 14:37:08 UTC+0000 (UTC) OpenILS trace\n' + text[at:]
