#!/bin/bash
# The control of the law: rooms that break it, and the law must turn red by name; a room that does
# not, and it must stay green.   test_law.sh COMPILER...      prints TAP
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
number=0
failed=0

ok() { number=$((number + 1)); echo "ok $number - $1"; }
not_ok() {
    number=$((number + 1))
    failed=1
    echo "not ok $number - $1"
    sed 's/^/# /' "$scratch/said"
}

# archive NAME: makes NAME.a out of C on standard input
archive() {
    cat >"$scratch/$1.c"
    "${CC[@]}" -O1 -c -o "$scratch/$1.o" "$scratch/$1.c"
    rm -f "$scratch/$1.a"
    ar crs "$scratch/$1.a" "$scratch/$1.o"
}

# red TITLE WORD COMMAND...: the command must fail and name the word
red() {
    local title=$1 word=$2
    shift 2
    if ! "$@" >"$scratch/said" 2>&1 && grep -q "^# .*$word" "$scratch/said"; then
        ok "red: $title"
    else
        not_ok "red: $title"
    fi
}

green() {
    local title=$1
    shift
    if "$@" >"$scratch/said" 2>&1; then ok "green: $title"; else not_ok "green: $title"; fi
}

CC=("$@")
[ "${#CC[@]}" -gt 0 ] || CC=(cc)
law=("$here/check-room.sh" base)
echo 1..9

archive clock <<<'#include <time.h>
long probe(void); long probe(void) { return (long)time(NULL); }'
red 'a room that reads the clock' time "${law[@]}" "$scratch/clock.a"

archive heap <<<'#include <stdlib.h>
void *probe(void); void *probe(void) { return malloc(7); }'
red 'a room that calls malloc' malloc "${law[@]}" "$scratch/heap.a"

archive entropy <<<'void randombytes_buf(void *, unsigned long);
void probe(void *p); void probe(void *p) { randombytes_buf(p, 32); }'
red 'a room that draws entropy' randombytes_buf "${law[@]}" "$scratch/entropy.a"

archive upper <<<'int lower(int); int probe(int); int probe(int i) { return lower(i); }'
archive lower <<<'int lower(int); int lower(int i) { return i + 1; }'
red 'a room that calls a room it may not use' lower "${law[@]}" "$scratch/upper.a"
green 'the same call into a room under it' "${law[@]}" "$scratch/upper.a" "$scratch/lower.a"

archive empty <<<'static int nothing __attribute__((unused));'
if "${law[@]}" "$scratch/empty.a" >"$scratch/said" 2>&1; then
    not_ok 'red: an archive that defines nothing'
else
    ok 'red: an archive that defines nothing'
fi

tree=$scratch/src
includes=(python3 "$here/check-includes.py" "$tree" "$here/rooms.txt")
mkdir -p "$tree/base"
echo '#include "core/core.h"' >"$tree/base/upward.c"
red 'a header of a room above' core/core.h "${includes[@]}"
echo '#include <time.h>' >"$tree/base/upward.c"
red 'a system header that is not pure' time.h "${includes[@]}"
printf '#include "base/mem.h"\n#include <string.h>\n' >"$tree/base/upward.c"
green 'headers that the table allows' "${includes[@]}"
exit "$failed"
