#!/usr/bin/env python3
"""A room's files may include only the headers that rooms.txt allows it.

    check-includes.py SOURCE-DIR ROOMS-FILE      prints TAP, one line a room

Headers of this project are included as "room/file.h"; a generated or neighbouring header without a
slash belongs to the room itself.
"""
import os
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def table(path):
    """room -> (rooms it may use, system headers it may use)"""
    rooms = {}
    with open(path, encoding='utf-8') as lines:
        for text in lines:
            text = text.split('#')[0].strip()
            if text:
                room, _, rest = text.partition(':')
                words = rest.split()
                system = {w.strip('<>') for w in words if w.startswith('<')}
                rooms[room] = ({w for w in words if not w.startswith('<')} | {room}, system)
    return rooms


def trespasses(folder, may):
    """The includes under a room's folder that the table does not allow."""
    rooms, system = may
    for base, _, names in sorted(os.walk(folder)):
        for name in sorted(n for n in names if n.endswith(('.c', '.h'))):
            path = os.path.join(base, name)
            with open(path, encoding='utf-8') as lines:
                for number, text in enumerate(lines, 1):
                    found = INCLUDE.match(text)
                    if not found:
                        continue
                    kind, header = found.groups()
                    if kind == '<':
                        good = '*' in system or header in system
                    else:
                        good = '/' not in header or header.split('/')[0] in rooms
                    if not good:
                        yield '%s:%d includes %s' % (path, number, header)


def main(source, path):
    rooms = table(path)
    present = sorted(n for n in os.listdir(source) if os.path.isdir(os.path.join(source, n)))
    print('1..%d' % len(present))
    bad = 0
    for number, room in enumerate(present, 1):
        wrong = list(trespasses(os.path.join(source, room), rooms.get(room, (set(), set()))))
        if room not in rooms:
            wrong.insert(0, '%s is not in the table' % room)
        bad += bool(wrong)
        print('%s %d - includes of room %s' % ('not ok' if wrong else 'ok', number, room))
        for text in wrong:
            print('# ' + text)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2]))
