"""doctor: judges what `ils diagnose` says of traces whose row of the join is known.

    complaint = judge_doctor(files, 'B2', 'C')      # None: right

Right is: the row by name, or among those that leave the same lines; its code; the end that said no;
the remedy of that code at the end where the table of codes has it. "Not enough evidence" is right
only where the line that decides the row is not in the files.
"""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ILS, ROOT # noqa: E402

CODES = {}
with open(os.path.join(ROOT, 'src', 'core', 'code.def'), encoding='utf-8') as handle:
    for found in re.finditer(r'CODE\((\d+), (\w+),\s*((?:"(?:\\.|[^"\\])*"\s*)+),\s*'
                             r'((?:"(?:\\.|[^"\\])*"\s*)+),\s*"(\w+)"\)', handle.read()):
        remedy = ''.join(re.findall(r'"((?:\\.|[^"\\])*)"', found[4]))
        CODES['ILS-' + found[1]] = (remedy, found[5])

FLAWS = ['ILS-%d' % n for n in (302, 303, 304, 305, 306, 310, 311, 312, 313, 314, 315)]
BEFORE = ('D', 'B6', 'H', 'G4', 'G5', 'G6') # rows that other joins come before


def before(a, row):
    """An attempt that came well and is not the row's own."""
    if row not in ('A1', 'E4') and a['scenario'] in ('A1', 'E4'):
        return True
    if row[0] != 'G' and a['scenario'] in ('G1', 'G2'):
        return True # while the other end was started anew
    return row.startswith(BEFORE) and a['outcome'] == 'joined' and \
        'ILS-100' not in ROWS[row].codes and {'T3', 'T9'} & {e['id'] for e in a['evidence']}


class Row:
    """codes; by: the end that says no ('' none, 'CS' either); decide: groups of lines, of each of
    which one must be there, or there is not enough evidence."""

    def __init__(self, codes, by, *decide):
        self.codes = codes if isinstance(codes, list) else ['ILS-%d' % codes]
        self.by, self.decide = by, [group.split() for group in decide]


JOINED = 'T9 T3'
ROWS = {
    'A1': Row(100, '', JOINED), 'A2': Row(201, 'S', 'T10 T11'),
    'B1': Row(100, '', 'T12', JOINED), 'B2': Row(301, 'C', 'T15'), 'B3': Row(307, 'S', 'T20'),
    'B4': Row(307, 'C', 'T20'), 'B5': Row(301, 'S', 'T15'), 'B7': Row(100, '', 'V1 C4'),
    'B7 206': Row(206, 'S', 'V1 T18'), 'B7 207': Row(207, 'S', 'V1 T18'),
    'B7 208': Row(208, 'S', 'V1 T18'), 'B7 209': Row(209, 'C', 'V1 T18'),
    'live': Row(415, '', 'V1'),
    'B6': Row(['ILS-307', 'ILS-308'], 'CS', 'T20'), # hubs dial each other from both ends
    'C1': Row(100, '', 'T24', JOINED), 'C2': Row(301, 'S', 'T15'), 'C3': Row(301, 'C', 'T15'),
    'C4': Row(301, 'C', 'T15'), 'C5': Row(201, 'S', 'T10 T11'), 'C6': Row(100, '', 'T12', JOINED),
    'C7': Row(302, 'CS', 'T15'), 'D1': Row(100, '', 'T32', JOINED), 'D2': Row(301, 'C', 'T15'),
    'D3': Row(301, 'S', 'T15'), 'D4': Row(307, 'CS', 'T20'),
    'D5': Row(['ILS-307', 'ILS-308'], 'CS', 'T20'), 'D6': Row(100, '', 'T32', JOINED),
    'D7': Row(['ILS-307', 'ILS-308'], 'CS', 'T20'),
    'E1': Row(203, 'S', 'V1'), 'E2': Row(202, 'S', 'T10 T11'), 'E3': Row(202, 'C', 'V1'),
    'E4': Row(100, '', JOINED), 'F1': Row(FLAWS, 'CS', 'T15'), 'F2': Row(305, 'C', 'T15'),
    'G1': Row(['ILS-401', 'ILS-403', 'ILS-406', 'ILS-407', 'ILS-504'], '', 'V1'),
    'G2': Row(402, '', 'V1'), 'G3': Row(404, '', 'V1'), 'G6': Row(408, '', 'V1'),
    'G4': Row(['ILS-501', 'ILS-503'], '', 'V1'), 'G5': Row(502, '', 'V1'),
    'H1': Row(100, '', 'T12 T24 T32', JOINED),
    'H2': Row(100, '', 'T12', JOINED), 'H3': Row(301, 'CS', 'T15'), 'H4': Row(303, 'CS', 'T15'),
    'H5': Row(100, '', 'T24 T32', JOINED), 'H6': Row(100, '', 'T24 T32', JOINED),
}

# A line that is there to its decisive words.
SIGNS = {
    'T3': r'Server Connection to PeerId[^|]*TLSReq\([tf]',
    'T9': r'starting to PeerId[^|]*TLSReq\([tf]',
    'T10': r'EncrUtil::decryptData failed[^|]*1\.600\.1[37]\.',
    'T11': 'sending ILSPwdAuthenticationFailed alarm',
    'T12': 'peer certificates are in certificate store',
    'T15': r'Verification error:\d+\)', 'T20': 'certificate is not in the local store',
    'T24': 'peer certificates are not in certificate store', 'T32': 'FQDN is in PeerInfoVector',
    'T18': r'ERROR\([0-9A-F]{8}\): Connection to peerId[^|]*TLSReq\([tf]',
    'C4': 'IlsD invite [0-9a-f]{16}: used',
    'V1': r'IlsD Verdict ILS-\d+ id=[0-9a-f]{16} peerId',
}
SIGNS = {name: re.compile(re.sub(' ', r'\\s*', text)) for name, text in SIGNS.items()}


def read(path):
    with open(path, 'rb') as handle:
        return handle.read().decode('utf-8', 'replace')


def diagnose(files, ils=None, stdin=None):
    """(exit status, the answer as an object)"""
    run = subprocess.run([ils or ILS, 'diagnose', '--json'] + [str(f) for f in files],
                         input=stdin if stdin is not None else b'', stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, timeout=60)
    return run.returncode, json.loads(run.stdout.decode())


def hedged(a):
    return a['certainty'] == 'unclear' or a['look_for'] is not None


def decided(row, text):
    """Whether the lines that decide the row are in the text."""
    return all(any(SIGNS[line].search(text) for line in group) for group in ROWS[row].decide)


def rows_of(a):
    return ([a['scenario']] if a['scenario'] else []) + a['same']


def end_wrong(a, row, by):
    """Why the ends are not those of the row, or None."""
    if by == '':
        return None if a['end'] is None else 'nobody said no, but the doctor says %s' % a['end']
    if a['end'] is not None and a['end'] not in by:
        return 'the end is %s, not %s' % (a['end'], by)
    if a['end'] is None and a['code'] != 'ILS-202' and len(by) == 1 and not a['ends']['unknown']:
        return 'the end is not named'
    return None


def remedy_wrong(a, row):
    template, at = CODES[a['code']]
    r = a['remedy']
    if a['code'] == 'ILS-100':
        return None if r is None else 'a remedy for a success'
    if r is None:
        return 'no remedy'
    words = re.escape(template).replace(r'\{', '{').replace(r'\}', '}')
    if not re.fullmatch(re.sub(r'{\w+}', '.+', words), r['command']):
        return 'the remedy is %s, not %s' % (r['command'], template)
    opposite = {'C': 'S', 'S': 'C', None: None}
    wanted = {'dialler': 'C', 'acceptor': 'S', 'verifier': a['end'],
              'presenter': opposite[a['end']], 'lacking': {'E2': 'C', 'E3': 'S'}[row]
              if row in ('E2', 'E3') else r['at']}[at]
    if r['at'] != wanted and not (at == 'lacking' and r['at'] is None):
        return 'the remedy is typed at %s, not %s' % (r['at'], wanted)
    return None


def wrong(a, row, by=None):
    """Why this attempt is not the row, or None. A hedged one is judged by the caller."""
    want = ROWS[row]
    if row == 'live':
        good = a['outcome'] == 'test' and a['code'] in want.codes and a['remedy'] is None
        return None if good else 'no live test, but %s %s' % (a['outcome'], a['code'])
    if row.split()[0] not in rows_of(a):
        return 'the row is %s, not %s' % (rows_of(a), row)
    if a['code'] not in want.codes and a['also'] not in want.codes:
        return 'the code is %s' % a['code']
    if a['code'] in want.codes:
        return end_wrong(a, row, want.by if by is None else by) or remedy_wrong(a, row)
    return None


def judge_attempt(a, row, text, by=None):
    """None, or what is wrong. text: all that the doctor was given of this attempt."""
    complaint = wrong(a, row, by)
    if complaint is None:
        return None
    if hedged(a) and not decided(row, text):
        return None
    return complaint


def show(answer):
    rows = []
    for a in answer.get('attempts', []):
        rows.append('  %s %s same %s %s %s end %s at %s look %s' % (
            a['scenario'], a['code'], ','.join(a['same']), a['outcome'], a['certainty'], a['end'],
            (a['remedy'] or {}).get('at'), (a['look_for'] or {}).get('lines')))
        rows += ['      %s %s %s' % (e['end'], e['id'], e['text']) for e in a['evidence']]
    return '\n'.join(rows) or str(answer)


def judge_doctor(files, row, ends, by=None, ils=None):
    """None when the doctor is right about the files, else a complaint. row: the row that they are
    of; attempts by password may stand before it. ends: 'C', 'S' or 'CS', what the files hold; by:
    the end that said no, where the row leaves it open."""
    text = '\n'.join(read(f) for f in files)
    _, answer = diagnose(files, ils)
    if 'attempts' not in answer:
        return None if not decided(row, text) else 'no attempt was found: %s' % answer
    known = {'F2': ['F2', 'C1', 'B1', 'C6']}.get(row, [row])
    complaints, doubts, right = [], [], 0
    for a in answer['attempts']:
        if before(a, row):
            continue
        said = [wrong(a, one, by) for one in known]
        if None in said:
            right += 1
        elif hedged(a): # of another attempt in the same files, perhaps
            doubts.append(said[0])
        else:
            complaints.append(said[0])
    if not right and not complaints and decided(row, text):
        complaints = doubts or ['no attempt of this row was found']
    return '%s\n%s' % ('; '.join(complaints), show(answer)) if complaints else None
