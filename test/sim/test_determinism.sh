#!/bin/sh
# The same seed gives the same hash of everything that happened: twice in this build, and in builds
# by gcc without optimisation and by clang with it; with cryptography and without.
#   test_determinism.sh ILSSIM ILSSIM_STUB SOURCE_ROOT GENERATED_DIR
set -u
ilssim=$1 stub=$2 root=$3 generated=$4
clang=$(command -v clang-14 || command -v clang || true)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0

# hashes PROGRAM SEEDS: one line a seed
hashes() {
    "$1" --seed 101 --seeds "$2" --minutes 1 --largest 12 2>/dev/null |
        sed -n 's/.*\(seed [0-9]*\):.* hash \([0-9a-f]*\) .*/\1 \2/p'
}

# result WORD NAME [DETAILS]
result() {
    n=$((n + 1))
    echo "$1 $n - $2"
    [ $# -lt 3 ] || printf '%s\n' "$3" | sed 's/^/# /'
}

# same NAME PROGRAM REFERENCE SEEDS
same() {
    found=$(hashes "$2" "$4")
    if [ "$(echo "$3" | wc -l)" -eq "$4" ] && [ "$3" = "$found" ]; then
        result ok "$1"
    else
        result 'not ok' "$1" "$3
$found"
    fi
}

# build DIR COMPILER FLAG...: both programs, two files at a time
build() {
    dir=$work/$1 compiler=$2
    shift 2
    mkdir -p "$dir"
    find "$root"/src/base "$root"/src/link "$root"/src/plan "$root"/src/core "$root"/src/sim \
        "$generated" -name '*.c' ! -name planted.c ! -name scaling.c |
        xargs -P 2 -I{} sh -c 'source=$1 to=$2/$(echo "$1" | cksum | cut -d " " -f 1).o; shift 2
            case $source in
            */sim/stub/crypto.c) to=${to%/*}/stub.object ;;
            */base/crypto.c) to=${to%/*}/real.object ;;
            esac
            exec "$@" -c "$source" -o "$to"' sh {} "$dir" \
            "$compiler" "$@" -std=gnu17 -D_GNU_SOURCE -w -I"$root/src" -I"$generated" \
            -I"$generated/.." -I"$generated/../.." 2>"$dir/errors" || return 1
    for kind in real stub; do
        "$compiler" -o "$dir/$kind" "$dir"/*.o "$dir/$kind.object" -lsodium -lprotobuf-c \
            2>>"$dir/errors" || return 1
    done
}

# other NAME COMPILER FLAG...: builds, and compares
other() {
    if [ -z "$2" ]; then
        result ok "$1: # SKIP the compiler is not installed"
        return
    fi
    if ! build "$@"; then
        result 'not ok' "$1: does not compile" "$(head -n 20 "$work/$1/errors")"
        return
    fi
    same "$1: the same, with cryptography" "$work/$1/real" "$real" 3
    same "$1: the same, without" "$work/$1/stub" "$stubbed" 10
}

real=$(hashes "$ilssim" 3)
stubbed=$(hashes "$stub" 10)
same 'twice the same, with cryptography' "$ilssim" "$real" 3
same 'twice the same, without' "$stub" "$stubbed" 10
other gcc-O0 "$(command -v gcc)" -O0
other clang-O2 "$clang" -O2

# The control: a keepalive one microsecond later is another run.
mkdir -p "$work/include/core"
sed 's/\(define KEEPALIVE_US *\)(/\1(1 + /' "$root/src/core/limits.h" >"$work/include/core/limits.h"
if ! build control gcc -O0 -I"$work/include"; then
    result 'not ok' 'control: does not compile' "$(head -n 20 "$work/control/errors")"
elif [ "$(hashes "$work/control/stub" 10)" = "$stubbed" ]; then
    result 'not ok' 'control: another keepalive gives the same hashes'
else
    result ok 'control: another keepalive gives other hashes'
fi
echo "1..$n"
