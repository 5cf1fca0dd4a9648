#!/usr/bin/env python3
"""script/sbom: what it lists is what the programs are linked with, by their own headers, and what
the page's notices name; each rule is also run on a bill from which something is taken.

    test_sbom.py BUILD"""
import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(sys.argv[1])
NOTICES = ROOT / 'src/web/built/assets/notices.txt'


def needed():
    """{program: names of libraries}, the loader itself left out"""
    programs = [BUILD / 'src/daemon/ilsd', BUILD / 'src/cli/ils',
                *(BUILD / 'src/driver').glob('openils_*.so')]
    return {p.name: set(re.findall(r'NEEDED\s+(?!ld-)(\S+)', subprocess.run(
        ['objdump', '-p', str(p)], stdout=subprocess.PIPE, text=True, check=True).stdout))
            for p in programs}


def shipped():
    """(name, version) of what is in the page's script: the heads of its notices."""
    text = NOTICES.read_text(encoding='utf-8')
    return set(re.findall(r'^(@?[\w/.-]+) (\d+\.\d+\.\d+)$', text, re.M))


def complaints(bill, programs, npm):
    bad = []
    if (bill.get('bomFormat'), bill.get('specVersion')) != ('CycloneDX', '1.5'):
        bad.append('it does not say what it is')
    known = {c['bom-ref']: c for c in bill['components']}
    if len(known) != len(bill['components']):
        bad.append('a reference stands for two')
    links = {d['ref']: d['dependsOn'] for d in bill['dependencies']}
    for ref, others in links.items():
        bad += ['%s: there is no %s' % (ref, o) for o in others if o not in known]
    for c in bill['components']:
        if not c.get('version') or c['type'] == 'library' and not re.fullmatch(
                r'pkg:(deb/debian|npm)/[\w.%+/-]+@[\w.:~%+-]+(\?arch=\w+)?', c.get('purl', '')):
            bad.append('%s: no version, or no package' % c['bom-ref'])
    for program, names in programs.items():
        listed = {p['value'] for ref in links.get(program, []) if ref in known
                  for p in known[ref].get('properties', [])}
        bad += ['%s is linked with %s' % (program, n) for n in sorted(names - listed)]
    found = {(c['name'], c['version']) for ref, c in known.items() if ref.startswith('pkg:npm/')}
    bad += ['the page: %s %s' % one for one in sorted(found ^ npm)]
    return bad


def main():
    if shutil.which('dpkg') is None or shutil.which('objdump') is None:
        print('1..0 # SKIP no dpkg, or no objdump')
        return 0
    run = subprocess.run([ROOT / 'script/sbom', BUILD], stdout=subprocess.PIPE, text=True,
                         check=True)
    bill, programs, npm = json.loads(run.stdout), needed(), shipped()
    bad = complaints(bill, programs, npm)
    results = [(not bad, 'the bill is whole: %d components' % len(bill['components']), bad),
               (len(npm) == 3 and len(programs['ilsd']) > 8, 'the control: there is much to list',
                [npm, programs])]
    libraries = [c['bom-ref'] for c in bill['components'] if c['type'] == 'library']
    for ref in libraries:
        less = copy.deepcopy(bill)
        less['components'] = [c for c in less['components'] if c['bom-ref'] != ref]
        if not complaints(less, programs, npm):
            results.append((False, 'the control: without ' + ref, []))
    results.append((True, 'the control: each of %d taken away is missed' % len(libraries), []))
    twice = dict(bill, components=bill['components'] + bill['components'][-1:])
    results.append((bool(complaints(twice, programs, npm)), 'the control: one twice', []))
    results.append((bool(complaints(bill, programs, npm | {('left', '1.0.0')})),
                    'the control: one more in the page', []))
    for i, (ok, name, notes) in enumerate(results, 1):
        print('%s %d - %s' % ('ok' if ok else 'not ok', i, name))
        for note in notes if not ok else []:
            print('# %s' % (note,))
    print('1..%d' % len(results))
    return 0 if all(ok for ok, _, _ in results) else 1


sys.exit(main())
