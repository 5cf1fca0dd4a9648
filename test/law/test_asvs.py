#!/usr/bin/env python3
"""docs/asvs.md and the tests hold each other: each requirement that it claims to be met names its
evidence, and each check that names a requirement is claimed.

    test_asvs.py ROOT

The table's rows are | V3.3.1 | asked | met by | evidence |. Evidence is `checks`: test/system has
a check whose title begins with the number; `browser`: test/page has one; a file of the tree that
is a test; or a heading of that page itself (a link to it), for what is to be written down. Each
rule is also run on a planted mistake, of which it must complain."""
import re
import sys
from pathlib import Path

ROW = re.compile(r'^\| V(\d+\.\d+\.\d+) \| [^|]+ \| [^|]+ \| ([^|]+) \|$', re.M)
CHECK = re.compile(r"[`'\"]V(\d+\.\d+\.\d+)(?::|\b(?= ))")
NUMBER = re.compile(r"'(\d+\.\d+\.\d+)'")


def anchors(page):
    return {re.sub(r'[^\w -]', '', h.lower()).replace(' ', '-')
            for h in re.findall(r'^#+ (.+)$', page, re.M)}


def claims(page):
    """{number: [pieces of evidence]}"""
    found = {}
    for number, text in ROW.findall(page):
        found.setdefault(number, []).extend(re.findall(r'`([^`]+)`|\(#([\w-]+)\)', text))
    return found


def complaints(page, checks, browser, exists):
    bad, headings = [], anchors(page)
    for number, evidence in claims(page).items():
        if not evidence:
            bad.append('V%s: no evidence' % number)
        for name, link in evidence:
            if link and link not in headings:
                bad.append('V%s: there is no heading #%s' % (number, link))
            elif name == 'checks' and number not in checks:
                bad.append('V%s: no check in test/system begins with it' % number)
            elif name == 'browser' and number not in browser:
                bad.append('V%s: no check in test/page begins with it' % number)
            elif name not in ('', 'checks', 'browser') and not exists(name):
                bad.append('V%s: there is no %s' % (number, name))
    for place, shown in (('checks', checks), ('browser', browser)):
        claimed = {n for n, e in claims(page).items() if (place, '') in e}
        bad += ['V%s is in the tests (%s), and not claimed' % (n, place)
                for n in sorted(shown - claimed)]
    numbers = [n for n, _ in ROW.findall(page)]
    bad += ['V%s stands twice' % n for n in sorted(set(numbers)) if numbers.count(n) > 1]
    return bad


def numbers_of(paths):
    found = set()
    for path in paths:
        text = path.read_text(encoding='utf-8')
        found |= set(CHECK.findall(text)) | set(NUMBER.findall(text))
    return found


def main(root):
    page = (root / 'docs/asvs.md').read_text(encoding='utf-8')
    checks = numbers_of(root.glob('test/system/test_page*.py'))
    browser = numbers_of(root.glob('test/page/*.mjs'))

    def exists(path):
        return path.startswith(('test/', 'script/')) and (root / path).exists()
    good = complaints(page, checks, browser, exists)
    row = '| V1.1.1 | what | how | %s |'
    planted = [('a claim without a check', row % '`checks`', set(), set()),
               ('a check without a claim', row % '`test/law`', {'1.1.1'}, set()),
               ('a claim without a check in the browser', row % '`browser`', {'1.1.1'}, set()),
               ('a file that is not there', row % '`test/none.c`', set(), set()),
               ('a heading that is not there', row % '[x](#none)', set(), set()),
               ('no evidence', row % 'by looking', set(), set()),
               ('a row twice', (row % '`checks`') + '\n' + row % '`checks`', {'1.1.1'}, set())]
    results = [(not good, 'docs/asvs.md and the tests agree on %d requirements' %
                len(claims(page)), good)]
    results.append((len(claims(page)) > 100, 'the control: so many are claimed', []))
    results += [(len(complaints(text, c, b, exists)) > 0, 'the control: ' + name, [])
                for name, text, c, b in planted]
    for i, (ok, name, notes) in enumerate(results, 1):
        print('%s %d - %s' % ('ok' if ok else 'not ok', i, name))
        for note in notes:
            print('# ' + note)
    print('1..%d' % len(results))
    return 0 if all(ok for ok, _, _ in results) else 1


sys.exit(main(Path(sys.argv[1])))
